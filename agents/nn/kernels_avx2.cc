// Compiled for AVX2.
#include "agents/nn/kernels_impl.h"
#include "agents/nn/kernels_versions.h"

namespace reeve {
const Kernels kKernelsAvx2 = MakeKernels<8>("8 lanes (AVX2)");
}  // namespace reeve
