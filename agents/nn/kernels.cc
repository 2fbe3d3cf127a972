#include "agents/nn/kernels.h"

#include <vector>

#include "agents/nn/kernels_versions.h"

namespace reeve {

std::span<const Kernels* const> SupportedKernels() {
  static const std::vector<const Kernels*> supported = [] {
    std::vector<const Kernels*> list = {&kKernelsBase};
#ifdef REEVE_X86_KERNELS
    if (__builtin_cpu_supports("avx2")) list.push_back(&kKernelsAvx2);
    if (__builtin_cpu_supports("avx512f")) list.push_back(&kKernelsAvx512);
#endif
    return list;
  }();
  return supported;
}

const Kernels& BestKernels() {
  return *SupportedKernels().back();
}

}  // namespace reeve
