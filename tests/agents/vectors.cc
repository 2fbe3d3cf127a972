#include "tests/agents/vectors.h"

#include <iostream>

#include "core/files.h"
#include "core/status.h"

namespace reeve {

void VectorReport::Case(const std::string& name, const std::string& failure) {
  if (failure.empty()) {
    ++passed_;
    out_ << "ok " << name << "\n";
  } else {
    ++failed_;
    out_ << "FAILED " << name << ": " << failure << "\n";
  }
}

int VectorsMain(const std::string& name, VectorFileRunner run, int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: " << name << " FILE.json…\n";
    return 2;
  }
  VectorReport report(std::cout);
  bool readable = true;
  for (int i = 1; i < argc; ++i) {
    const absl::Status status = run(argv[i], report, std::cerr);
    if (!status.ok()) {
      std::cerr << name << ": " << MessageOf(status) << "\n";
      readable = false;
    }
  }
  std::cout << report.passed() << " passed, " << report.failed() << " failed\n";
  if (!readable) return 2;
  return report.failed() == 0 ? 0 : 1;
}

absl::Status RunVectorFile(const std::string& path, VectorReport& report, std::ostream& notes) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  nlohmann::json document;
  try {
    document = nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& e) {
    return absl::InvalidArgumentError(path + ": this is not JSON: " + e.what());
  }
  const int before = report.passed() + report.failed();
  if (document.is_array()) {
    for (const auto& test : document) RunScalerCase(test, report, notes);
  } else if (document.is_object()) {
    if (const auto cases = document.find("cases"); cases != document.end()) {
      for (const auto& test : *cases) RunScalerCase(test, report, notes);
    }
    RunWindowSections(document, report, notes);
  }
  if (report.passed() + report.failed() == before) {
    return absl::InvalidArgumentError(
        path + ": found no case; expected a list \"cases\", or sections such as " +
        "\"linear_window_5s_granularity_1s\", \"weighted\" or \"sample_size\"");
  }
  return absl::OkStatus();
}

}  // namespace reeve
