#include "agents/nn/blas_check.h"

#include <ATen/Version.h>
#include <dlfcn.h>

#include <cstdio>
#include <mutex>

#include "agents/nn/torch.h"

namespace reeve {
namespace {

// A function of whatever library this process has loaded as its BLAS; null when it has none such.
template <class F>
F* LoadedFunction(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_DEFAULT, name));
}

}  // namespace

void SetSingleThreadedMath() {
  at::set_num_threads(1);
  if (auto* set_threads = LoadedFunction<void(int)>("openblas_set_num_threads")) set_threads(1);
}

std::string OpenBlasConfig() {
  auto* config = LoadedFunction<char*()>("openblas_get_config");
  return config == nullptr ? "" : config();
}

std::string BlasAdvice(const std::string& config, const std::string& torch_config) {
  if (!config.empty() || torch_config.find("BLAS_INFO=mkl") != std::string::npos) return "";
  return "warning: LibTorch runs on a BLAS other than OpenBLAS; with the reference BLAS learning "
         "is "
         "about 7 times slower. Install libopenblas0-pthread (scripts/setup does), or choose it "
         "with "
         "update-alternatives --config libblas.so.3-x86_64-linux-gnu";
}

void WarnOnceAboutSlowBlas() {
  static std::once_flag once;
  std::call_once(once, [] {
    const std::string advice = BlasAdvice(OpenBlasConfig(), at::show_config());
    if (!advice.empty()) std::fprintf(stderr, "%s\n", advice.c_str());
  });
}

}  // namespace reeve
