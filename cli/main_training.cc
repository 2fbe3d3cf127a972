// What `reeve` turns into for commands that learn (cli/forwarded_commands.h). To users it is the
// same program.
#include "agents/adapt/ppo_expert_trainer.h"
#include "cli/adapt_command.h"
#include "cli/command.h"
#include "cli/experiment_command.h"
#include "cli/explain_command.h"
#include "cli/learner_command.h"
#include "cli/serve_command.h"
#include "cli/train_command.h"

int main(int argc, char** argv) {
  const auto serve = [](CLI::App& parent, reeve::Command& chosen) {
    reeve::AddLearningServeCommand(parent, chosen, reeve::PpoExperts);
  };
  return reeve::RunProgram(
      argc, argv,
      {reeve::AddTrainCommand, reeve::AddExperimentCommand, reeve::AddTuneCommand,
       reeve::AddExplainCommand, reeve::AddAdaptCommand, reeve::AddLearnerCommand, serve});
}
