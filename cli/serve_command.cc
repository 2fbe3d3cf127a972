#include "cli/serve_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "cli/forwarded_commands.h"
#include "controller/serve/serve.h"
#include "core/human.h"
#include "core/interrupt.h"
#include "core/status.h"
#include "core/table.h"
#include "core/terminal.h"

namespace reeve {
namespace {

struct ServeArguments {
  ConfigOptions config;
  TableFormat format = TableFormat::kText;
};

Table SummaryOf(const ServeSummary& summary) {
  Table table({{"ticks", "ticks"},
               {"skipped", "skipped"},
               {"late", "late"},
               {"functions", "functions"},
               {"decisions", "decisions"},
               {"writes", "writes"},
               {"taken_over", "taken over"},
               {"handed_back", "handed back"},
               {"stored", "stored"},
               {"dropped", "dropped"}});
  std::vector<Cell> cells;
  for (const uint64_t count :
       {summary.ticks, summary.skipped, summary.overrun, summary.functions, summary.decisions,
        summary.writes, summary.taken_over, summary.handed_back, summary.stored, summary.dropped}) {
    cells.push_back(Cell::Count(count));
  }
  table.AddRow(std::move(cells));
  return table;
}

absl::StatusOr<int> RunServe(const ServeArguments& options, const TrainerMaker& trainers) {
  ASSIGN_OR_RETURN(const ServeConfig config, LoadConfig<ServeConfig>(options.config));
  if (config.adapt && !config.adapt->elsewhere && !trainers) BecomeTrainingProgram();
  HandleInterrupts();
  ServeHooks hooks;
  hooks.trainers = trainers;
  hooks.stop = InterruptRequested;
  ASSIGN_OR_RETURN(const ServeSummary summary, Serve(config, hooks));
  fmt::print("{}", SummaryOf(summary).Render(options.format, ColorAllowed(STDOUT_FILENO)));
  return kExitFine;
}

}  // namespace

void AddServeCommand(CLI::App& parent, Command& chosen) {
  AddLearningServeCommand(parent, chosen, nullptr);
}

void AddLearningServeCommand(CLI::App& parent, Command& chosen, const TrainerMaker& trainers) {
  auto options = std::make_shared<ServeArguments>();
  CLI::App* command = parent.add_subcommand(
      "serve",
      "Control a platform by a policy, tick by tick, until interrupted; the platform's own "
      "autoscaler then takes over again");
  AddConfigOptions(*command, options->config);
  AddFormatOption(*command, options->format);
  command->footer("Modes, metrics and what happens when numbers go bad: docs/serve.md\n" +
                  DescribeKeys(DescribeConfig<ServeConfig>()));
  command->callback([&chosen, options, trainers] {
    chosen = [options, trainers] { return RunServe(*options, trainers); };
  });
}

}  // namespace reeve
