// hpa_vectors FILE.json…: runs test vectors of the Kubernetes HPA's behaviour limits.
// Exit code 0: all passed, 1: some failed, 2: a file could not be read or has no case.
#include <iostream>

#include "core/status.h"
#include "tests/agents/hpa_vectors.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: hpa_vectors FILE.json…\n";
    return 2;
  }
  reeve::VectorReport report(std::cout);
  bool readable = true;
  for (int i = 1; i < argc; ++i) {
    const absl::Status status = reeve::RunHpaVectorFile(argv[i], report, std::cerr);
    if (!status.ok()) {
      std::cerr << "hpa_vectors: " << reeve::MessageOf(status) << "\n";
      readable = false;
    }
  }
  std::cout << report.passed() << " passed, " << report.failed() << " failed\n";
  if (!readable) return 2;
  return report.failed() == 0 ? 0 : 1;
}
