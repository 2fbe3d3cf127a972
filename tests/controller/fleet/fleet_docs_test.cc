// docs/fleet.md has a row for every option but those of the cluster, and says of it what the
// program says. The configurations that it names can be read.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "controller/fleet/fleet_config.h"
#include "controller/serve/serve_config.h"
#include "core/files.h"

namespace reeve {
namespace {

TEST(FleetPage, HasEveryOption) {
  const auto page = ReadFile(REEVE_SOURCE_DIR "/docs/fleet.md");
  ASSERT_TRUE(page.ok()) << page.status();
  for (const FieldDoc& field : DescribeConfig<FleetConfig>()) {
    if (field.path.rfind("cluster.", 0) == 0) continue;
    const std::string row =
        fmt::format("| `{}` | {} | {} |\n", field.path, field.default_value, field.doc);
    EXPECT_NE(page->find(row), std::string::npos) << "missing:\n" << row;
  }
}

template <class Config>
Config Read(const std::string& name) {
  Config config;
  const auto text = ReadFile(REEVE_SOURCE_DIR "/configs/fleet/" + name);
  EXPECT_TRUE(text.ok()) << text.status();
  const auto node = ConfigNode::Parse(text.value_or(""), name);
  EXPECT_TRUE(node.ok()) << node.status();
  if (node.ok()) {
    const absl::Status read = ReadConfig(*node, config);
    EXPECT_TRUE(read.ok()) << read;
    EXPECT_TRUE(config.Validate().ok()) << config.Validate();
  }
  return config;
}

TEST(FleetConfigs, CanBeReadAndFitTogether) {
  const auto fleet = Read<FleetConfig>("sim_to_live.yaml");
  const auto serve = Read<ServeConfig>("serve.yaml");
  EXPECT_EQ(serve.knative.ns, fleet.ns);
  EXPECT_EQ(serve.knative.direct.statistics_port, fleet.pods.statistics_port);
  EXPECT_EQ(serve.knative.direct.requests_port, fleet.pods.requests_port);
}

}  // namespace
}  // namespace reeve
