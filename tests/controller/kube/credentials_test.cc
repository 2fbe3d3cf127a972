#include "controller/kube/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

class KubeCredentialsTest : public ::testing::Test {
 protected:
  KubeCredentialsTest() {
    EXPECT_TRUE(MakeDirectories(folder_).ok());
    access_.token.path = folder_ + "/token";
    access_.authority.path = folder_ + "/ca.crt";
    Write("token", "one\n");
    Write("ca.crt", "CA 1");
  }
  void Write(const std::string& name, const std::string& text) {
    EXPECT_TRUE(WriteFileAtomically(folder_ + "/" + name, text).ok());
  }

  std::string folder_ = ::testing::TempDir() + "/reeve_credentials";
  KubeAccess access_;
  ManualClock clock_;
};

TEST_F(KubeCredentialsTest, FilesAreReadAgainWithinAMinute) {
  KubeCredentials credentials(access_, clock_);
  EXPECT_EQ(credentials.Current()->token, "one");
  Write("token", "two");
  Write("ca.crt", "CA 2");
  clock_.Advance(SimTime::Seconds(30));
  EXPECT_EQ(credentials.Current()->token, "one");
  clock_.Advance(SimTime::Seconds(30));
  const auto later = credentials.Current();
  EXPECT_EQ(later->token, "two");
  EXPECT_EQ(later->tls->ca_pem, "CA 2");
  EXPECT_EQ(later->generation, 2u);
}

TEST_F(KubeCredentialsTest, ARefusalReadsThemAtOnce) {
  KubeCredentials credentials(access_, clock_);
  const uint64_t first = credentials.Current()->generation;
  EXPECT_FALSE(credentials.Refused(first));  // nothing else to try
  Write("token", "two");
  EXPECT_TRUE(credentials.Refused(first));
  EXPECT_EQ(credentials.Current()->token, "two");
  EXPECT_TRUE(credentials.Refused(first));  // another thread has read them meanwhile
}

TEST_F(KubeCredentialsTest, WhatWasReadIsKeptWhileAFileIsAway) {
  KubeCredentials credentials(access_, clock_);
  EXPECT_TRUE(credentials.Current().ok());
  ASSERT_EQ(::unlink((folder_ + "/token").c_str()), 0);
  clock_.Advance(SimTime::Minutes(2));
  EXPECT_EQ(credentials.Current()->token, "one");
  KubeCredentials fresh(access_, clock_);
  EXPECT_THAT(MessageOf(fresh.Current().status()), HasSubstr("/token"));
}

TEST_F(KubeCredentialsTest, ATokenThatWouldBreakTheHeaderIsRefused) {
  Write("token", "one\r\nX-Evil: yes");
  KubeCredentials credentials(access_, clock_);
  EXPECT_EQ(credentials.Current().status().code(), absl::StatusCode::kInvalidArgument);
  Write("token", "\n");
  clock_.Advance(SimTime::Minutes(2));
  EXPECT_THAT(MessageOf(credentials.Current().status()), HasSubstr("empty"));
}

}  // namespace
}  // namespace reeve
