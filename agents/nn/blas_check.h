// Which linear algebra library does the work, and on how many threads. Call from one thread, before
// any learning. Without torch's headers.
#pragma once

#include <string>

namespace reeve {

// One thread for torch's operators and for OpenBLAS: networks of this size get slower and erratic
// on two (measured), and results stay the same whatever the machine. For this whole process.
void SetSingleThreadedMath();

// "OpenBLAS 0.3.21 …" as the library describes itself; empty when the BLAS in this process is
// another one.
std::string OpenBlasConfig();

// What to tell the user when learning will be slow: empty with OpenBLAS (or MKL); otherwise that
// the reference BLAS is several times slower, and what to install. `config` is OpenBlasConfig(),
// `torch_config` torch's own description, which names MKL when it was built with it.
std::string BlasAdvice(const std::string& config, const std::string& torch_config);

// Writes the advice for this process to standard error, at the first call only.
void WarnOnceAboutSlowBlas();

}  // namespace reeve
