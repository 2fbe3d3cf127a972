#include "cli/trace_command.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>

#include "core/files.h"
#include "core/human.h"
#include "core/status.h"
#include "core/terminal.h"
#include "traces/generator.h"
#include "traces/load_trace.h"
#include "traces/trace_edit.h"
#include "traces/trace_file.h"
#include "traces/trace_stats.h"

namespace reeve {
namespace {

// What most of the commands have.
struct Common {
  std::string in, out;
  std::string format = "auto";
  bool lenient = false;
  bool quiet = false;
};

constexpr const char* kInputHelp =
    "trace file (.rtrace), or a file or folder in a format that 'reeve trace import' knows";

void AddInput(CLI::App& command, Common& options) {
  command.add_option("trace", options.in, kInputHelp)->required()->type_name("PATH");
  command.add_flag("--lenient", options.lenient,
                   "skip and count what is broken in a production format instead of refusing it");
  command
      .add_option("--format", options.format,
                  "format of the input: " + FormatNames() + "; auto tells from names and headers")
      ->type_name("NAME");
}

void AddOutput(CLI::App& command, Common& options) {
  command
      .add_option("--out", options.out, "trace file to write (.rtrace); replaced when it exists")
      ->required()
      ->type_name("FILE");
  command.add_flag("--quiet", options.quiet, "say nothing when all goes well");
}

absl::StatusOr<ReadResult> Load(const Common& options, bool report) {
  const std::optional<TraceFormat> format = FormatFromName(options.format);
  if (!format) {
    return UsageError(
        fmt::format("--format: unknown '{}', allowed are {}", options.format, FormatNames()));
  }
  ASSIGN_OR_RETURN(ReadResult read,
                   LoadTrace(options.in, {.format = *format, .lenient = options.lenient}));
  // To standard error: standard output may be a table for a program.
  if (read.report.files > 0 && !options.quiet && (report || !read.report.skipped.empty())) {
    fmt::print(stderr, "{}", read.report.Summary());
  }
  return read;
}

absl::StatusOr<int> Save(const Trace& trace, const Common& options) {
  {
    const SignalsHeld held;
    // `out/demo.rtrace` in a tree that has no out/ yet.
    const std::filesystem::path folder = std::filesystem::path(options.out).parent_path();
    if (!folder.empty()) RETURN_IF_ERROR(MakeDirectories(folder.string()));
    RETURN_IF_ERROR(TraceFile::Write(trace, options.out));
  }
  if (!options.quiet) {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(options.out, ignored);
    fmt::print("{}: {} functions of {} applications, {}, {} invocations, {:.1f} MB\n", options.out,
               HumanCount(trace.functions().size()), HumanCount(trace.apps().size()),
               HumanSeconds(trace.duration().seconds()), HumanCount(trace.total_invocations()),
               static_cast<double>(size) / 1e6);
  }
  return kExitFine;
}

// Conditions that the libraries find in options are usage errors, unlike those of files.
absl::StatusOr<int> SaveEdited(const absl::StatusOr<Trace>& edited, const Common& options) {
  if (!edited.ok()) return AsUsageError(edited.status());
  return Save(*edited, options);
}

void AddImport(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<Common>();
  CLI::App* command = parent.add_subcommand("import", "Turn a production format into a trace file");
  AddInput(*command, *options);
  AddOutput(*command, *options);
  command->footer("Example: reeve trace import azure2019/ --out azure.rtrace");
  command->callback([&chosen, options] {
    chosen = [options]() -> absl::StatusOr<int> {
      ASSIGN_OR_RETURN(const ReadResult read, Load(*options, true));
      return Save(read.trace, *options);
    };
  });
}

struct GenerateOptions : Common {
  ConfigOptions config;
  std::optional<uint64_t> seed;
  bool print_config = false;
};

absl::StatusOr<int> Generate(const GenerateOptions& options) {
  ASSIGN_OR_RETURN(GeneratorConfig config, LoadConfig<GeneratorConfig>(options.config));
  if (options.seed) config.seed = *options.seed;
  if (options.print_config) {
    fmt::print("{}", WriteConfig(config));
    return kExitFine;
  }
  if (options.out.empty()) return UsageError("trace generate: --out is required");
  return SaveEdited(GenerateTrace(config), options);
}

void AddGenerate(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* command = parent.add_subcommand(
      "generate", "Make a synthetic population like that of Azure Functions in 2019");
  AddConfigOptions(*command, options->config);
  command->add_option("--seed", options->seed, "seed, instead of the configuration's");
  AddOutput(*command, *options);
  command->get_option("--out")->required(false);
  command->add_flag("--print-config", options->print_config,
                    "print the configuration in full, as YAML, and stop");
  command->footer(
      "Example: reeve trace generate --config configs/traces/demo.yaml --out "
      "demo.rtrace\n\n" +
      DescribeKeys(DescribeConfig<GeneratorConfig>()));
  command->callback([&chosen, options] { chosen = [options] { return Generate(*options); }; });
}

Table StatsTable(const TraceStats& stats) {
  using Align = Table::Align;
  Table table({{"statistic", "", Align::kLeft},
               {"value", "trace"},
               {"published", "published"},
               {"relative_difference", "difference"}});
  const auto cell = [](double value, bool share) {
    return Cell::Number(value, share ? HumanPercent(value) : "");
  };
  std::string section;
  for (const StatRow& row : DescribeStats(stats)) {
    if (row.section != section) table.AddSection(section = row.section);
    Cell name = Cell::Text(row.title);
    name.value = row.key;
    Cell published = Cell::Missing(), difference = Cell::Missing();
    if (row.published) {
      const double factor = row.value / *row.published;
      published = cell(*row.published, row.share);
      difference = Cell::Number(factor - 1, HumanRelativeDifference(factor));
    }
    table.AddRow({name, cell(row.value, row.share), published, difference});
  }
  return table;
}

struct StatsOptions : Common {
  TableFormat output = TableFormat::kText;
};

void AddStats(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<StatsOptions>();
  CLI::App* command = parent.add_subcommand(
      "stats", "Show what a trace is like, beside what was published about production");
  AddInput(*command, *options);
  AddFormatOption(*command, options->output);
  command->footer(
      "Published: one day of the Azure Functions data of 2019, and Shahrad et al., \"Serverless in "
      "the Wild\", USENIX ATC'20. Quantiles are per application or function that is invoked at "
      "all; counts are per day. Execution times and memory are held against the paper's fits.");
  command->callback([&chosen, options] {
    chosen = [options]() -> absl::StatusOr<int> {
      ASSIGN_OR_RETURN(const ReadResult read, Load(*options, false));
      const Table table = StatsTable(ComputeTraceStats(read.trace));
      fmt::print("{}", table.Render(options->output, ColorAllowed(1)));
      return kExitFine;
    };
  });
}

struct SliceCommandOptions : Common {
  SliceOptions slice;
  std::vector<std::string> triggers;
};

absl::StatusOr<int> Slice(const SliceCommandOptions& options) {
  SliceOptions slice = options.slice;
  for (const std::string& name : options.triggers) {
    const std::optional<Trigger> trigger = TriggerFromName(name);
    if (!trigger) {
      std::vector<std::string> names;
      for (int t = 0; t < kTriggers; ++t) names.emplace_back(TriggerName(static_cast<Trigger>(t)));
      return UsageError(
          fmt::format("--trigger: unknown '{}'{}", name, config_internal::Suggest(name, names)));
    }
    slice.triggers.push_back(*trigger);
  }
  ASSIGN_OR_RETURN(const ReadResult read, Load(options, false));
  return SaveEdited(SliceTrace(read.trace, slice), options);
}

// An option that takes one value and may be repeated.
void AddNames(CLI::App& command, const std::string& name, std::vector<std::string>& values,
              const std::string& help) {
  command.add_option(name, values, help + "; may be repeated")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
}

void AddSlice(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<SliceCommandOptions>();
  CLI::App* command = parent.add_subcommand("slice", "Cut out a part of the time or functions");
  AddInput(*command, *options);
  AddOutput(*command, *options);
  AddTimeOption(*command, "--from", options->slice.from,
                "start of the part, from the trace's start");
  AddTimeOption(*command, "--to", options->slice.to, "end of the part, not included");
  AddNames(*command, "--function", options->slice.functions, "keep the function of this name");
  AddNames(*command, "--app", options->slice.apps, "keep the functions of this application");
  AddNames(*command, "--tenant", options->slice.tenants, "keep the functions of this tenant");
  AddNames(*command, "--trigger", options->triggers,
           "keep the functions with this trigger (http, timer, event, queue, storage, "
           "orchestration, others)");
  command->add_option("--random", options->slice.random, "of those, a random sample of so many");
  command->add_option("--first", options->slice.first, "of those, the first so many");
  command->add_option("--seed", options->slice.seed, "seed of the sample");
  command->footer(
      "A function is kept when it meets all the conditions given. Example: two hours of fifty\n"
      "functions: reeve trace slice day.rtrace --from 9h --to 11h --random 50 --out part.rtrace");
  command->callback([&chosen, options] { chosen = [options] { return Slice(*options); }; });
}

struct ScaleCommandOptions : Common {
  ScaleOptions scale;
};

void AddScale(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<ScaleCommandOptions>();
  CLI::App* command = parent.add_subcommand("scale", "Change the rates or the pace of a trace");
  AddInput(*command, *options);
  AddOutput(*command, *options);
  CLI::Option* rate = command->add_option("--rate", options->scale.rate,
                                          "multiply invocations by this; below 1 thins them");
  command
      ->add_option("--total", options->scale.total_invocations,
                   "multiply so that about this many invocations result")
      ->excludes(rate);
  command->add_option("--speed", options->scale.speed,
                      "let time run so much faster; for counts per minute a whole number");
  command->add_option("--seed", options->scale.seed, "seed of the rounding and thinning");
  command->footer(
      "Counts are rounded at random so that the expectation is exact. Example: reeve trace scale "
      "azure.rtrace --total 100000000 --out large.rtrace");
  command->callback([&chosen, options] {
    chosen = [options]() -> absl::StatusOr<int> {
      ASSIGN_OR_RETURN(const ReadResult read, Load(*options, false));
      return SaveEdited(ScaleTrace(read.trace, options->scale), *options);
    };
  });
}

}  // namespace

void AddTraceCommand(CLI::App& parent, Command& chosen) {
  CLI::App* trace = parent.add_subcommand("trace", "Import, generate, inspect and change traces");
  trace->require_subcommand(1);
  AddImport(*trace, chosen);
  AddGenerate(*trace, chosen);
  AddStats(*trace, chosen);
  AddSlice(*trace, chosen);
  AddScale(*trace, chosen);
}

}  // namespace reeve
