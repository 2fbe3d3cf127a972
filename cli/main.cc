// The one program, `reeve`.
#include "cli/bound_command.h"
#include "cli/bus_command.h"
#include "cli/command.h"
#include "cli/evaluate_command.h"
#include "cli/experts_command.h"
#include "cli/fleet_command.h"
#include "cli/forwarded_commands.h"
#include "cli/openwhisk_server_command.h"
#include "cli/replay_command.h"
#include "cli/report_command.h"
#include "cli/serve_command.h"
#include "cli/simulate_command.h"
#include "cli/trace_command.h"
#include "cli/twin_command.h"

int main(int argc, char** argv) {
  reeve::ForwardIfAsked(argc, argv);
  return reeve::RunProgram(
      argc, argv,
      {reeve::AddTraceCommand, reeve::AddSimulateCommand, reeve::AddBoundCommand,
       reeve::AddForwardedCommands, reeve::AddEvaluateCommand, reeve::AddReportCommand,
       reeve::AddExpertsCommand, reeve::AddServeCommand, reeve::AddFleetCommand,
       reeve::AddOpenWhiskServerCommand, reeve::AddLogCommand, reeve::AddBusCommand,
       reeve::AddReplayCommand, reeve::AddRecordCommand, reeve::AddTwinCommand});
}
