// docs/openwhisk.md has a row for every option, and says of it what the program says.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "controller/openwhisk/openwhisk_config.h"
#include "core/files.h"

namespace reeve {
namespace {

TEST(OpenWhiskPage, HasEveryOption) {
  const auto page = ReadFile(REEVE_SOURCE_DIR "/docs/openwhisk.md");
  ASSERT_TRUE(page.ok()) << page.status();
  for (const FieldDoc& field : DescribeConfig<OpenWhiskConfig>()) {
    const std::string row =
        fmt::format("| `{}` | {} | {} |\n", field.path, field.default_value, field.doc);
    EXPECT_NE(page->find(row), std::string::npos) << "missing:\n" << row;
  }
}

}  // namespace
}  // namespace reeve
