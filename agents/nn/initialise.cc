// Orthogonal initialisation by Gram-Schmidt on normal draws: A. M. Saxe, J. L. McClelland,
// S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
// networks", ICLR'14.
#include <algorithm>
#include <cmath>
#include <vector>

#include "agents/nn/network_spec.h"
#include "core/check.h"
#include "core/random.h"

namespace reeve {
namespace {

double Dot(const double* a, const double* b, int32_t n) {
  double sum = 0;
  for (int32_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// Makes the `count` vectors of `length` >= count floats orthonormal, one after the other. Each is
// projected twice: once leaves what rounding left of the others (Kahan's "twice is enough").
void Orthonormalise(int32_t count, int32_t length, double* vectors) {
  for (int32_t i = 0; i < count; ++i) {
    double* v = vectors + static_cast<int64_t>(i) * length;
    for (int pass = 0; pass < 2; ++pass) {
      for (int32_t j = 0; j < i; ++j) {
        const double* u = vectors + static_cast<int64_t>(j) * length;
        const double projection = Dot(u, v, length);
        for (int32_t k = 0; k < length; ++k) v[k] -= projection * u[k];
      }
    }
    const double norm = std::sqrt(Dot(v, v, length));
    for (int32_t k = 0; k < length; ++k) v[k] /= norm;
  }
}

// One panel of a block: orthonormal columns when it is tall, orthonormal rows when it is wide.
// Draws are addressed by where the number lies in the parameters.
void FillOrthogonal(const ParameterBlock& block, int32_t panel, const RandomStream& random,
                    float* parameters) {
  const int32_t columns = block.columns / block.panels;
  const bool tall = block.rows >= columns;
  const int32_t count = std::min(block.rows, columns);
  const int32_t length = std::max(block.rows, columns);
  const auto place = [&](int32_t vector, int32_t element) {
    const int32_t row = tall ? element : vector, column = tall ? vector : element;
    return block.offset + static_cast<int64_t>(row) * block.columns + panel * columns + column;
  };
  std::vector<double> vectors(static_cast<size_t>(count) * static_cast<size_t>(length));
  auto* next = vectors.data();
  for (int32_t i = 0; i < count; ++i) {
    for (int32_t k = 0; k < length; ++k) {
      *next++ = random.Normal(static_cast<uint64_t>(place(i, k)));
    }
  }
  Orthonormalise(count, length, vectors.data());
  next = vectors.data();
  for (int32_t i = 0; i < count; ++i) {
    for (int32_t k = 0; k < length; ++k) {
      parameters[place(i, k)] = static_cast<float>(block.gain * *next++);
    }
  }
}

}  // namespace

void Initialise(const NetworkLayout& layout, uint64_t seed, uint32_t stream,
                std::span<float> parameters) {
  REEVE_CHECK(static_cast<int64_t>(parameters.size()) == layout.parameters);
  const RandomStream random(seed, StreamPurpose::kInitialise, stream);
  for (const ParameterBlock& block : layout.blocks) {
    if (block.gain == 0) {
      std::fill_n(parameters.data() + block.offset, block.size(), block.fill);
      continue;
    }
    for (int32_t panel = 0; panel < block.panels; ++panel) {
      FillOrthogonal(block, panel, random, parameters.data());
    }
  }
}

}  // namespace reeve
