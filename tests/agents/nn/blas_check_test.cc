#include "agents/nn/blas_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/nn/torch.h"

namespace reeve {
namespace {

using testing::HasSubstr;

TEST(BlasCheck, AdvisesWhereItWouldBeSlow) {
  EXPECT_EQ(BlasAdvice("OpenBLAS 0.3.21", ""), "");
  EXPECT_EQ(BlasAdvice("", "…, BLAS_INFO=mkl, …"), "");
  EXPECT_THAT(BlasAdvice("", "BLAS_INFO=generic"), HasSubstr("libopenblas0-pthread"));
}

// As scripts/setup installs it.
TEST(BlasCheck, FindsOpenBlasInThisProcess) {
  if (OpenBlasConfig().empty()) GTEST_SKIP() << "another BLAS on this machine";
  EXPECT_THAT(OpenBlasConfig(), HasSubstr("OpenBLAS"));
}

TEST(BlasCheck, MathIsSingleThreaded) {
  SetSingleThreadedMath();
  EXPECT_EQ(at::get_num_threads(), 1);
}

}  // namespace
}  // namespace reeve
