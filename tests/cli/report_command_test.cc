#include "cli/report_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/files.h"
#include "core/status.h"
#include "runs/run_folder.h"

namespace reeve {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ReportCommandTest : public testing::Test {
 protected:
  ReportCommandTest() {
    root_ = fs::temp_directory_path() / ("reeve-report-test-" + std::to_string(::getpid()));
    fs::create_directories(root_);
  }
  ~ReportCommandTest() override { fs::remove_all(root_); }

  std::string Run(const std::string& folder, const std::string& name, double gb_seconds) {
    RunData run;
    run.summary.name = name;
    run.summary.policy = "kpa";
    run.summary.gb_seconds = gb_seconds;
    auto made = RunFolder::Create((root_ / folder).string(), "", false);
    EXPECT_TRUE(made.ok() && made->Write(run).ok());
    return (root_ / folder).string();
  }

  fs::path root_;
};

TEST_F(ReportCommandTest, WritesThePageOfOneRunIntoItsFolder) {
  const std::string a = Run("a", "kpa", 3);
  fs::remove(a + "/report.html");
  std::ostringstream out;
  ASSERT_TRUE(RunReport({.runs = {a}}, out).ok());
  EXPECT_TRUE(fs::exists(a + "/report.html"));
  EXPECT_THAT(out.str(), HasSubstr("GB-seconds"));
  EXPECT_THAT(out.str(), testing::EndsWith("\nreport: " + a + "/report.html\n"));
}

TEST_F(ReportCommandTest, RunsOfOneNameAreToldApartByTheirFolders) {
  const std::string a = Run("a", "kpa", 3), b = Run("b", "kpa", 4), c = Run("c", "hpa", 5);
  const std::string page = (root_ / "all.html").string();
  std::ostringstream out;
  ASSERT_TRUE(
      RunReport({.runs = {a, b + "/", c}, .page = page, .format = TableFormat::kJson}, out).ok());
  const auto json = nlohmann::json::parse(out.str());  // nothing but JSON
  for (const auto& row : json) {
    if (row["metric"] != "gb_seconds") continue;
    EXPECT_EQ(row["a"], 3);
    EXPECT_EQ(row["b"], 4);
    EXPECT_EQ(row["hpa"], 5);
    EXPECT_EQ(row["best"], "a");
  }
  EXPECT_THAT(*ReadFile(page), HasSubstr("<title>a vs b vs hpa - Reeve report</title>"));
}

TEST_F(ReportCommandTest, ErrorsNameTheFolder) {
  std::ostringstream out;
  const absl::Status status = RunReport({.runs = {(root_ / "none").string()}}, out);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(MessageOf(status), HasSubstr("none: no run there"));
  EXPECT_EQ(out.str(), "");
}

TEST_F(ReportCommandTest, ParsesItsArguments) {
  CLI::App app;
  Command chosen;
  AddReportCommand(app, chosen);
  EXPECT_THROW(app.parse("report"), CLI::RequiredError);
  EXPECT_THROW(app.parse("report a -o xml"), CLI::ValidationError);
  EXPECT_FALSE(chosen);
  app.parse("report -o csv " + (root_ / "none").string() + " --out x.html");
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen().status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace reeve
