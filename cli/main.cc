// The one program, `reeve`.
#include "cli/bound_command.h"
#include "cli/command.h"
#include "cli/experiment_command.h"
#include "cli/report_command.h"
#include "cli/simulate_command.h"
#include "cli/trace_command.h"

int main(int argc, char** argv) {
  return reeve::RunProgram(
      argc, argv,
      {reeve::AddTraceCommand, reeve::AddSimulateCommand, reeve::AddBoundCommand,
       reeve::AddExperimentCommand, reeve::AddTuneCommand, reeve::AddReportCommand});
}
