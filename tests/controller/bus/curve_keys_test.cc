#include "controller/bus/curve_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "core/files.h"
#include "core/status.h"
#include "tests/controller/bus/scratch_folder.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

mode_t ModeOf(const std::string& path) {
  struct stat info;
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

TEST(CurveKeys, AreWrittenAndReadAgain) {
  const ScratchFolder folder;
  const auto keys = MakeCurveKeys();
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(keys->public_key.size(), 40u);
  ASSERT_TRUE(WriteCurveKeys(*keys, folder.path, "me").ok());
  EXPECT_EQ(ModeOf(folder.path + "/me.key_secret"), 0600u);
  const auto secret = ReadSecretKey(folder.path + "/me.key_secret");
  ASSERT_TRUE(secret.ok()) << secret.status();
  EXPECT_EQ(secret->secret_key, keys->secret_key);
  EXPECT_EQ(*ReadPublicKey(folder.path + "/me.key"), keys->public_key);
  EXPECT_EQ(ReadFile(folder.path + "/me.key")->find(keys->secret_key), std::string::npos);
}

TEST(CurveKeys, AreNeverReplaced) {
  const ScratchFolder folder;
  ASSERT_TRUE(WriteCurveKeys(*MakeCurveKeys(), folder.path, "me").ok());
  const std::string before = *ReadFile(folder.path + "/me.key_secret");
  EXPECT_FALSE(WriteCurveKeys(*MakeCurveKeys(), folder.path, "me").ok());
  std::filesystem::remove(folder.path + "/me.key");
  EXPECT_FALSE(WriteCurveKeys(*MakeCurveKeys(), folder.path, "me").ok());
  EXPECT_EQ(*ReadFile(folder.path + "/me.key_secret"), before);
  EXPECT_FALSE(WriteCurveKeys(*MakeCurveKeys(), folder.path, "../me").ok());
}

TEST(CurveKeys, ASecretThatOthersMayReadIsNotUsed) {
  const ScratchFolder folder;
  ASSERT_TRUE(WriteCurveKeys(*MakeCurveKeys(), folder.path, "me").ok());
  const std::string path = folder.path + "/me.key_secret";
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  const absl::Status status = ReadSecretKey(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(MessageOf(status), HasSubstr("mode 640"));
}

// As pyzmq's zmq.auth.create_certificates writes them. The pair is that of ZeroMQ's own
// documentation of the NULL-free examples (zmq_curve(7)).
TEST(CurveKeys, FilesOfOtherProgramsAreRead) {
  const std::string text =
      "#   ****  Generated on 2026-01-01 by pyzmq  ****\n\nmetadata\ncurve\n"
      "    public-key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"\n"
      "    secret-key = \"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\"\n";
  const auto keys = ParseCurveKeys(text, "k");
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->public_key, "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
  EXPECT_EQ(keys->secret_key, "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs");
}

TEST(CurveKeys, WhatIsNoKeyIsRefused) {
  for (const std::string text :
       {"", "public-key = \"short\"\n", "secret-key = \"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\"",
        "public-key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI~\"\n"}) {
    EXPECT_FALSE(ParseCurveKeys(text, "k").ok()) << text;
  }
  // A public key that does not belong to the secret one.
  const ScratchFolder folder;
  CurveKeys mixed = *MakeCurveKeys();
  mixed.public_key = MakeCurveKeys()->public_key;
  ASSERT_TRUE(WriteCurveKeys(mixed, folder.path, "mixed").ok());
  EXPECT_FALSE(ReadSecretKey(folder.path + "/mixed.key_secret").ok());
}

TEST(CurveKeys, TheListOfTheAllowedHoldsPublicKeysOnly) {
  const ScratchFolder folder;
  const CurveKeys alice = *MakeCurveKeys();
  ASSERT_TRUE(WriteCurveKeys(alice, folder.path + "/all", "alice").ok());
  ASSERT_TRUE(MakeDirectories(folder.path + "/allowed").ok());
  std::filesystem::copy(folder.path + "/all/alice.key", folder.path + "/allowed/alice.key");
  const auto allowed = ReadAllowedKeys(folder.path + "/allowed");
  ASSERT_TRUE(allowed.ok());
  ASSERT_EQ(allowed->size(), 1u);
  EXPECT_EQ(allowed->at(alice.public_key), "alice");
  std::filesystem::copy(folder.path + "/all/alice.key_secret", folder.path + "/allowed/oops.key");
  EXPECT_FALSE(ReadAllowedKeys(folder.path + "/allowed").ok());
  EXPECT_FALSE(ReadAllowedKeys(folder.path + "/none").ok());
}

}  // namespace
}  // namespace reeve
