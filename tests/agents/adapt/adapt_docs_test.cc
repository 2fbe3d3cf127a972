// docs/adapt.md has a row for every feature of a context and every parameter of a detector, and
// says of them what the program says.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "agents/adapt/context.h"
#include "agents/adapt/detector_spec.h"
#include "core/config.h"

namespace reeve {
namespace {

TEST(AdaptPage, HasEveryFeatureKindAndParameter) {
  std::ifstream file(REEVE_SOURCE_DIR "/docs/adapt.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string page = text.str();
  ASSERT_FALSE(page.empty());
  for (const ContextFeatureDoc& doc : DescribeContextFeatures()) {
    const std::string row =
        fmt::format("| `{}` | {} | {} | {} |\n", doc.name, doc.unit, doc.scale, doc.doc);
    EXPECT_NE(page.find(row), std::string::npos) << "missing:\n" << row;
  }
  for (const auto& [kind, name] : EnumNames(DetectorKind{})) {
    EXPECT_NE(page.find(fmt::format("| `{}` |", name)), std::string::npos) << name;
  }
  for (const FieldDoc& field : DescribeConfig<DetectorSpec>()) {
    const std::string row = fmt::format("| `{}` | {} | {} | {} |\n", field.path,
                                        field.default_value, field.limits, field.doc);
    EXPECT_NE(page.find(row), std::string::npos) << "missing:\n" << row;
  }
}

}  // namespace
}  // namespace reeve
