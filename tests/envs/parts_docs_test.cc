// docs/learning.md has a row for every feature and every part of a reward, and says of it what the
// program says.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "core/config.h"
#include "envs/action.h"
#include "envs/observation.h"
#include "envs/reward.h"

namespace reeve {
namespace {

std::string Page() {
  std::ifstream file(REEVE_SOURCE_DIR "/docs/learning.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty());
  return text.str();
}

std::string Number(double value) {
  return value > 0 ? fmt::format("{}", value) : "";
}

TEST(LearningPage, HasEveryFeature) {
  const std::string page = Page();
  for (const FeatureDoc& doc : DescribeFeatures()) {
    const std::string time =
        doc.time > SimTime() ? config_internal::WriteScalar(doc.time) : std::string();
    const std::string row = fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", doc.name, doc.unit,
                                        doc.range, Number(doc.scale), time, doc.doc);
    EXPECT_NE(page.find(row), std::string::npos) << "missing:\n" << row;
  }
}

TEST(LearningPage, HasEveryPartOfARewardAndEveryHead) {
  const std::string page = Page();
  for (const RewardDoc& doc : DescribeRewards()) {
    const std::string row = fmt::format("| `{}` | {} | {} | {} | {} |\n", doc.name, doc.unit,
                                        doc.range, Number(doc.scale), doc.doc);
    EXPECT_NE(page.find(row), std::string::npos) << "missing:\n" << row;
  }
  for (const auto& [kind, name] : EnumNames(HeadKind{})) {
    EXPECT_NE(page.find(fmt::format("| `{}` |", name)), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace reeve
