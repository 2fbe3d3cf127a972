// The versions that are compiled in: for kernels.cc, which chooses.
#pragma once

#include "agents/nn/kernels.h"

namespace reeve {

extern const Kernels kKernelsBase;
#ifdef REEVE_X86_KERNELS
extern const Kernels kKernelsAvx2, kKernelsAvx512;  // run only where the processor has these
#endif

}  // namespace reeve
