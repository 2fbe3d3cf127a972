#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/human.h"
#include "runs/explanation.h"

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;

Cell OrMissing(const std::optional<double>& value) {
  return value ? Cell::Number(*value) : Cell::Missing();
}

std::string Signed(double value) {
  return fmt::format("{:+.4f}", value);
}

// As long as the attribution, the longest of them 24 characters.
std::string Bar(double attribution, double largest) {
  constexpr double kLongest = 24;
  if (largest == 0) return "";
  const auto length = static_cast<size_t>(std::lround(kLongest * std::abs(attribution) / largest));
  return std::string(length, attribution < 0 ? '-' : '+');
}

Table ChoicesTable(const Explanation& e) {
  Table table({{"choice", "choice", Table::Align::kLeft},
               {"probability", "probability"},
               {"chosen", "", Table::Align::kLeft}});
  for (size_t head = 0; head < e.heads.size(); ++head) {
    if (e.heads.size() > 1) table.AddSection(fmt::format("head {}", head));
    for (const ExplainedChoice& choice : e.heads[head].choices) {
      std::string who = choice.chosen ? "<- chosen" : "";
      if (choice.rule) who += fmt::format("{}nearest to {}", who.empty() ? "<- " : ", ", e.rule);
      table.AddRow({Cell::Text(choice.name),
                    choice.legal
                        ? Cell::Number(choice.probability, HumanPercent(choice.probability))
                        : Cell::Text("illegal"),
                    Cell::Text(who)});
    }
  }
  return table;
}

// Attributions of the heads one by one where there are several, and bars for people.
Table InputsTable(const Explanation& e, bool bars) {
  std::vector<Table::Column> columns = {{"input", "input", Table::Align::kLeft},
                                        {"value", "value"},
                                        {"unit", "unit", Table::Align::kLeft},
                                        {"feature", "feature"},
                                        {"seen", "normalised"},
                                        {"baseline", "baseline"},
                                        {"attribution", "moved"}};
  const size_t heads = e.heads.size();
  for (size_t head = 0; heads > 1 && head < heads; ++head) {
    columns.push_back({fmt::format("attribution_head{}", head), fmt::format("head {}", head)});
  }
  if (bars) columns.push_back({"bar", "", Table::Align::kLeft});
  Table table(std::move(columns));
  const double largest = e.inputs.empty() ? 0 : std::abs(e.inputs.front().Attribution());
  for (const ExplainedInput& input : e.inputs) {
    const double moved = input.Attribution();
    std::vector<Cell> row = {Cell::Text(input.name),
                             OrMissing(input.value),
                             Cell::Text(input.unit),
                             OrMissing(input.feature),
                             Cell::Number(input.seen, fmt::format("{:+.2f}", input.seen)),
                             Cell::Number(input.baseline),
                             Cell::Number(moved, Signed(moved))};
    for (size_t head = 0; heads > 1 && head < heads; ++head) {
      row.push_back(Cell::Number(input.attributions[head], Signed(input.attributions[head])));
    }
    if (bars) row.push_back(Cell::Text(Bar(moved, largest)));
    table.AddRow(std::move(row));
  }
  return table;
}

// The check of completeness: what the inputs moved is what there is to explain.
std::string CheckLines(const Explanation& e) {
  std::string text;
  for (size_t head = 0; head < e.heads.size(); ++head) {
    const ExplainedHead& h = e.heads[head];
    double sum = 0;
    for (const ExplainedInput& input : e.inputs) sum += input.attributions[head];
    text += fmt::format(
        "check{}: moved {} in all; log-probability {:.4f}, at the baseline {:.4f}: {} (off by "
        "{:.1e} "
        "after {} steps)\n",
        e.heads.size() > 1 ? fmt::format(" of head {}", head) : "", Signed(sum), h.log_probability,
        h.baseline_log_probability, Signed(h.log_probability - h.baseline_log_probability),
        std::abs(h.gap), h.steps);
  }
  return text;
}

std::string Text(const Explanation& e, bool color) {
  std::string text = fmt::format("{} of tenant {} at {} s; replicas asked for until then: {}\n\n",
                                 e.function, e.tenant, e.time.seconds(), e.replicas);
  text += ChoicesTable(e).ToText(color);
  text += fmt::format("\ndecided  {}\n{:<7}  {}\n", e.decision, e.rule, e.rule_decision);
  text += fmt::format(
      "\nWhat moved the choice, against an average moment, in nats of its log-probability (0.69: "
      "twice as likely)\nencoder {}: {}\n\n",
      e.encoder,
      e.has_past ? "it saw earlier steps too; these are held fixed, only this step is explained"
                 : "it sees this step only");
  text += InputsTable(e, true).ToText(color);
  return text + "\n" + CheckLines(e);
}

template <class T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

std::string AsJson(const Explanation& e) {
  Json json = {{"function", e.function},           {"tenant", e.tenant},
               {"time_s", e.time.seconds()},       {"encoder", e.encoder},
               {"past_held_fixed", e.has_past},    {"replicas_asked", e.replicas},
               {"decision", e.decision},           {"rule", e.rule},
               {"rule_decision", e.rule_decision}, {"heads", Json::array()},
               {"inputs", Json::array()}};
  for (const ExplainedHead& head : e.heads) {
    Json choices = Json::array();
    for (const ExplainedChoice& choice : head.choices) {
      choices.push_back({{"name", choice.name},
                         {"probability", choice.probability},
                         {"legal", choice.legal},
                         {"chosen", choice.chosen},
                         {"nearest_to_rule", choice.rule}});
    }
    json["heads"].push_back({{"choices", std::move(choices)},
                             {"log_probability", head.log_probability},
                             {"baseline_log_probability", head.baseline_log_probability},
                             {"steps", head.steps},
                             {"gap", head.gap}});
  }
  for (const ExplainedInput& input : e.inputs) {
    json["inputs"].push_back({{"input", input.name},
                              {"value", OrNull(input.value)},
                              {"unit", input.unit},
                              {"feature", OrNull(input.feature)},
                              {"seen", input.seen},
                              {"baseline", input.baseline},
                              {"attribution", input.Attribution()},
                              {"attribution_of_head", input.attributions}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string Render(const Explanation& explanation, TableFormat format, bool color) {
  switch (format) {
    case TableFormat::kText:
      return Text(explanation, color);
    case TableFormat::kJson:
      return AsJson(explanation);
    case TableFormat::kCsv:
      return InputsTable(explanation, false).ToCsv();
  }
  return "";
}

}  // namespace reeve
