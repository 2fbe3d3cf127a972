// docs/openwhisk-server.md has a row for every option but those of the cluster, and says of it what
// the program says. The configurations that it names can be read.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "controller/openwhisk_server/server_config.h"
#include "core/files.h"

namespace reeve::openwhisk_server {
namespace {

TEST(OpenWhiskServerPage, HasEveryOption) {
  const auto page = ReadFile(REEVE_SOURCE_DIR "/docs/openwhisk-server.md");
  ASSERT_TRUE(page.ok()) << page.status();
  for (const FieldDoc& field : DescribeConfig<ServerConfig>()) {
    if (field.path.rfind("cluster.", 0) == 0) continue;
    const std::string row =
        fmt::format("| `{}` | {} | {} |\n", field.path, field.default_value, field.doc);
    EXPECT_NE(page->find(row), std::string::npos) << "missing:\n" << row;
  }
}

TEST(OpenWhiskServerConfigs, CanBeRead) {
  for (const char* name : {"server.yaml", "server_load.yaml"}) {
    ServerConfig config;
    const auto text = ReadFile(std::string(REEVE_SOURCE_DIR "/configs/openwhisk/") + name);
    ASSERT_TRUE(text.ok()) << text.status();
    const auto node = ConfigNode::Parse(*text, name);
    ASSERT_TRUE(node.ok()) << node.status();
    const absl::Status read = ReadConfig(*node, config);
    EXPECT_TRUE(read.ok()) << read;
    EXPECT_TRUE(config.Validate().ok()) << config.Validate();
  }
}

}  // namespace
}  // namespace reeve::openwhisk_server
