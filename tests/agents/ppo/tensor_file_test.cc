#include "agents/ppo/tensor_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/status.h"
#include "tests/agents/ppo/tensor_file_seal.h"

namespace reeve {
namespace {

using testing::HasSubstr;

TensorFile Example() {
  TensorFile file{.kind = "example", .content = R"({"answer":42,"text":"é"})", .tensors = {}};
  file.tensors.push_back({"floats",
                          {3, 1},
                          std::vector<float>{-0.0f, std::numeric_limits<float>::denorm_min(),
                                             std::numeric_limits<float>::max()}});
  file.tensors.push_back({"doubles", {2}, std::vector<double>{0.1, -INFINITY}});
  file.tensors.push_back({"integers", {}, std::vector<int64_t>{INT64_MIN}});
  file.tensors.push_back({"nothing", {0, 7}, std::vector<float>{}});
  return file;
}

std::string Error(const std::string& bytes) {
  const auto parsed = ParseTensorFile(bytes, "x.ckpt");
  return parsed.ok() ? "" : MessageOf(parsed.status());
}

TEST(TensorFile, ComesBackAsItWas) {
  const TensorFile file = Example();
  const std::string bytes = SerialiseTensorFile(file);
  const auto parsed = ParseTensorFile(bytes, "x");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->kind, file.kind);
  EXPECT_EQ(parsed->content, file.content);
  EXPECT_EQ(parsed->tensors, file.tensors);
  EXPECT_TRUE(std::signbit(std::get<0>(parsed->Find("floats")->data)[0]));
  EXPECT_EQ(parsed->Find("absent"), nullptr);
  EXPECT_EQ(SerialiseTensorFile(*parsed), bytes);
}

TEST(TensorFile, BitsOfNotANumberSurvive) {
  uint32_t bits = 0x7fc12345;
  float nan;
  std::memcpy(&nan, &bits, sizeof(nan));
  const TensorFile file{.kind = "k", .tensors = {{"t", {1}, std::vector<float>{nan}}}};
  const auto parsed = ParseTensorFile(SerialiseTensorFile(file), "x");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(std::memcmp(std::get<0>(parsed->tensors[0].data).data(), &bits, sizeof(bits)), 0);
}

TEST(TensorFile, NoElementsAreNoneWhateverTheOtherSizes) {
  TensorFile file{.kind = "x", .content = "{}", .tensors = {}};
  const std::vector<std::vector<int64_t>> shapes = {
      {0}, {0, 9}, {9, 0}, {int64_t{1} << 40, 0, int64_t{1} << 40}};
  for (const auto& shape : shapes) {
    file.tensors.push_back(
        {.name = std::to_string(file.tensors.size()), .shape = shape, .data = {}});
  }
  const auto parsed = ParseTensorFile(SerialiseTensorFile(file), "x");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  ASSERT_EQ(parsed->tensors.size(), shapes.size());
  for (size_t i = 0; i < shapes.size(); ++i) EXPECT_EQ(parsed->tensors[i].shape, shapes[i]);
}

TEST(TensorFile, CutAnywhereIsAnError) {
  const std::string whole = SerialiseTensorFile(Example());
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string error = Error(whole.substr(0, size));
    EXPECT_THAT(error, HasSubstr("x.ckpt: truncated at byte " + std::to_string(size) + " of "));
    // With the checksum in the right place again, too.
    EXPECT_FALSE(Error(ResealedTensorFile(whole.substr(0, size))).empty());
  }
  EXPECT_THAT(Error(whole + "x"), HasSubstr("1 bytes after its end"));
}

TEST(TensorFile, AnyFlippedBitIsAnError) {
  const std::string whole = SerialiseTensorFile(Example());
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      EXPECT_THAT(Error(damaged), HasSubstr("x.ckpt: ")) << "byte " << at;
    }
  }
}

TEST(TensorFile, SaysWhatIsWrong) {
  const std::string whole = SerialiseTensorFile(Example());
  std::string other = whole;
  other[0] = 'X';
  EXPECT_THAT(Error(other), HasSubstr("not a checkpoint"));
  std::string newer = whole;
  newer[8] = 2;
  EXPECT_THAT(Error(ResealedTensorFile(newer)),
              HasSubstr("version 2; this program reads version 1"));
  std::string damaged = whole;
  damaged[damaged.size() - 20] ^= 1;
  EXPECT_THAT(Error(damaged), HasSubstr("checksum"));
}

// The example's header with one text replaced by another of the same length, and a new checksum.
std::string ErrorWith(const std::string& from, const std::string& to) {
  std::string bytes = SerialiseTensorFile(Example());
  const size_t at = bytes.find(from);
  EXPECT_EQ(from.size(), to.size());
  EXPECT_NE(at, std::string::npos) << from;
  return Error(ResealedTensorFile(bytes.replace(at, from.size(), to)));
}

TEST(TensorFile, BelievesNoHeader) {
  EXPECT_THAT(ErrorWith(R"("shape":[3,1])", R"("shape":[3,9])"), HasSubstr("tensor 0 ('floats')"));
  EXPECT_THAT(ErrorWith(R"("shape":[3,1])", R"("shape":[-31])"), HasSubstr("tensor 0"));
  EXPECT_THAT(ErrorWith(R"("shape":[2])", R"("shape":[9])"), HasSubstr("tensor 1 ('doubles')"));
  EXPECT_THAT(ErrorWith(R"("shape":[2])", R"("shape":[1])"), HasSubstr("damaged"));
  EXPECT_THAT(ErrorWith("float64", "float16"), HasSubstr("tensor 1"));
  EXPECT_THAT(ErrorWith("\"nothing\"", "\"doubles\""), HasSubstr("tensor 3 ('doubles')"));
  EXPECT_THAT(ErrorWith("\"tensors\"", "\"tensorz\""), HasSubstr("header"));
  EXPECT_THAT(ErrorWith("{\"answer\"", "{{answer\""), HasSubstr("header"));
}

TEST(TensorFile, RefusesDeepHeaders) {
  constexpr size_t kDepth = 100000;
  TensorFile file{.kind = "k", .content = "{}", .tensors = {}};
  const std::string deep = std::string(kDepth, '[') + std::string(kDepth, ']');
  file.content = "\"" + std::string(deep.size(), 'x') + "\"";
  std::string bytes = SerialiseTensorFile(file);
  bytes.replace(bytes.find("xxxx") - 1, deep.size() + 2, " " + deep + " ");
  EXPECT_THAT(Error(ResealedTensorFile(bytes)), HasSubstr("header"));
}

}  // namespace
}  // namespace reeve
