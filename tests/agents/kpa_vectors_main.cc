// kpa_vectors FILE.json…: runs test vectors of Knative's autoscaler and of its metric windows.
// Exit code 0: all passed, 1: some failed, 2: a file could not be read or has no case.
#include "tests/agents/vectors.h"

int main(int argc, char** argv) {
  return reeve::VectorsMain("kpa_vectors", reeve::RunVectorFile, argc, argv);
}
