// The one program, `reeve`.
#include "cli/command.h"
#include "cli/trace_command.h"

int main(int argc, char** argv) {
  return reeve::RunProgram(argc, argv, {reeve::AddTraceCommand});
}
