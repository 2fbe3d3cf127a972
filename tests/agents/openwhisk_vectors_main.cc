// openwhisk_vectors FILE.json…: runs test vectors of OpenWhisk's scheduling decision. Exit code 0:
// all passed, 1: some failed, 2: a file could not be read or has no case.
#include "tests/agents/openwhisk_vectors.h"
#include "tests/agents/vectors.h"

int main(int argc, char** argv) {
  return reeve::VectorsMain("openwhisk_vectors", reeve::RunOpenWhiskFile, argc, argv);
}
