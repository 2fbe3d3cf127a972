// Compiled for AVX-512 F.
#include "agents/nn/kernels_impl.h"
#include "agents/nn/kernels_versions.h"

namespace reeve {
const Kernels kKernelsAvx512 = MakeKernels<16>("16 lanes (AVX-512)");
}  // namespace reeve
