// Logarithm, exponential and normal quantile built from +, -, *, / and comparisons only, so that
// every IEEE-754 machine gives the same bits. The C library's versions differ between releases and
// processors in the last bit, which is enough to make two simulations part ways.
//
// Build without floating-point contraction (-ffp-contract=off): a fused multiply-add rounds once
// where two operations round twice.
#pragma once

namespace reeve {

// Natural logarithm of x > 0; relative error below 4e-16, near 1 as well. Log(0) is -infinity;
// negative x gives NaN.
double PortableLog(double x);

// e^x; relative error below 4e-16. Overflows to infinity, underflows to 0.
double PortableExp(double x);

// e^x - 1 without cancellation for small |x|; relative error below 1e-15.
double PortableExpm1(double x);

// The z with P(Z <= z) = p for a standard normal Z, 0 < p < 1; relative error about 1e-16.
// Algorithm AS 241 (PPND16): M. J. Wichura, Applied Statistics 37 (1988), 477-484.
double NormalQuantile(double p);

// log of the gamma function, x > 0; error below 3e-14 relative to the larger of 1 and the value.
// (The C library's writes a global variable, so it is not thread-safe either.)
double PortableLogGamma(double x);

}  // namespace reeve
