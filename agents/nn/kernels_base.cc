#include "agents/nn/kernels_impl.h"
#include "agents/nn/kernels_versions.h"

namespace reeve {
const Kernels kKernelsBase = MakeKernels<4>("4 lanes");
}  // namespace reeve
