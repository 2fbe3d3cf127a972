#include "envs/action.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "core/check.h"
#include "envs/head_kinds.h"
#include "envs/window_measures.h"

namespace reeve {

// ---- the table of choices

ActionCodec::ActionCodec(ActionSpec spec) : spec_(std::move(spec)) {
  for (const HeadSpec& head : spec_.heads) {
    first_.push_back(static_cast<int32_t>(table_.size()));
    if (IsAuthors(head.kind)) {
      AddAuthors(head.kind == HeadKind::kAuthors7);
    } else {
      AddHead(head);
    }
    heads_.push_back(static_cast<int32_t>(table_.size()) - first_.back());
  }
  choices_ = static_cast<int32_t>(table_.size());
}

void ActionCodec::AddAuthors(bool with_memory) {
  const auto step = [this](Quantity quantity, double value) {
    table_.push_back({.quantity = quantity, .form = Form::kStep, .value = value});
  };
  table_.push_back({.always_legal = true});
  step(Quantity::kReplicas, 1);
  step(Quantity::kReplicas, -1);
  step(Quantity::kCpu, static_cast<double>(spec_.cpu_unit.value()));
  step(Quantity::kCpu, -static_cast<double>(spec_.cpu_unit.value()));
  if (!with_memory) return;
  step(Quantity::kMemory, static_cast<double>(spec_.memory_unit.value()));
  step(Quantity::kMemory, -static_cast<double>(spec_.memory_unit.value()));
}

void ActionCodec::AddHead(const HeadSpec& head) {
  const Quantity quantity = MovesReplicas(head.kind) ? Quantity::kReplicas
                            : MovesCpu(head.kind)    ? Quantity::kCpu
                            : MovesMemory(head.kind) ? Quantity::kMemory
                                                     : Quantity::kKeepAlive;
  const Form form = IsStep(head.kind)                      ? Form::kStep
                    : head.kind == HeadKind::kLoadReplicas ? Form::kTimesLoad
                                                           : Form::kAbsolute;
  const double smallest = *std::min_element(head.values.begin(), head.values.end());
  for (const double value : head.values) {
    table_.push_back({.quantity = quantity,
                      .form = form,
                      .always_legal = value == (form == Form::kStep ? 0 : smallest),
                      .value = value});
  }
}

const ActionCodec::Choice& ActionCodec::ChoiceOf(size_t head, int32_t choice) const {
  REEVE_CHECK(head < heads_.size() && choice >= 0 && choice < heads_[head]);
  return table_[static_cast<size_t>(first_[head] + choice)];
}

std::string ActionCodec::ChoiceName(size_t head, int32_t choice) const {
  const Choice& c = ChoiceOf(head, choice);
  if (c.form == Form::kTimesLoad) return fmt::format("replicas {} x load", c.value);
  if (c.form == Form::kStep && c.value == 0) return "nothing";
  const std::string number =
      c.form == Form::kStep ? fmt::format("{:+}", c.value) : fmt::format("{}", c.value);
  switch (c.quantity) {
    case Quantity::kNothing:
      return "nothing";
    case Quantity::kReplicas:
      return fmt::format("replicas {}", number);
    case Quantity::kCpu:
      return fmt::format("cpu {}m", number);
    case Quantity::kMemory:
      return fmt::format("memory {}Mi", number);
    case Quantity::kKeepAlive:
      return fmt::format("keep-alive {} s", number);
  }
  return "";
}

// ---- what a choice comes to

namespace {

// A step may not leave [min, max]; one that leads back from outside is fine.
bool StepInside(int64_t step, int64_t to, int64_t min, int64_t max) {
  return step > 0 ? to <= max : to >= min;
}

// What there is, as far as a decision can say it: platforms may report anything.
int64_t Held(int64_t reported) {
  return std::clamp<int64_t>(reported, 0, std::numeric_limits<int32_t>::max());
}

bool Fits(const ClusterState& cluster, double added_mib) {
  return added_mib <= 0 || added_mib <= static_cast<double>(cluster.memory_capacity.value()) -
                                            static_cast<double>(cluster.memory_held.value());
}

}  // namespace

ActionCodec::Move ActionCodec::Replicas(const Choice& choice, const Snapshot& snapshot,
                                        size_t f) const {
  const FunctionWindows& w = snapshot.functions;
  Move move{.from = Held(w.replicas_asked[f])};
  switch (choice.form) {
    case Form::kStep: {
      const auto step = static_cast<int64_t>(choice.value);
      move.to = move.from + step;
      move.legal = StepInside(step, move.to, spec_.min_replicas, spec_.max_replicas);
      break;
    }
    case Form::kAbsolute:
      move.to = static_cast<int64_t>(choice.value);
      break;
    case Form::kTimesLoad: {
      const double wanted = std::ceil(choice.value * LoadOf(w, f));
      move.to =
          static_cast<int64_t>(std::clamp<double>(wanted, spec_.min_replicas, spec_.max_replicas));
      break;
    }
  }
  // What is asked for already is no new demand.
  if (move.to > move.from) {
    const double added = static_cast<double>(move.to) - ContainersOf(w, f);
    move.legal = move.legal &&
                 Fits(snapshot.cluster, added * static_cast<double>(w.memory_limit[f].value()));
  }
  return move;
}

ActionCodec::Move ActionCodec::Cpu(const Choice& choice, const Snapshot& snapshot, size_t f) const {
  Move move{.from = Held(snapshot.functions.cpu_limit[f].value())};
  const auto value = static_cast<int64_t>(choice.value);
  move.to = choice.form == Form::kStep ? move.from + value : value;
  move.legal = choice.form == Form::kAbsolute ||
               StepInside(value, move.to, spec_.min_cpu.value(), spec_.max_cpu.value());
  return move;
}

ActionCodec::Move ActionCodec::Memory(const Choice& choice, const Snapshot& snapshot,
                                      size_t f) const {
  Move move{.from = Held(snapshot.functions.memory_limit[f].value())};
  const auto value = static_cast<int64_t>(choice.value);
  move.to = choice.form == Form::kStep ? move.from + value : value;
  move.legal = choice.form == Form::kAbsolute ||
               StepInside(value, move.to, spec_.min_memory.value(), spec_.max_memory.value());
  const double added = static_cast<double>(move.to - move.from);
  move.legal = move.legal && Fits(snapshot.cluster, added * ContainersOf(snapshot.functions, f));
  return move;
}

ActionCodec::Move ActionCodec::MoveOf(const Choice& choice, const Snapshot& snapshot,
                                      size_t f) const {
  Move move;
  switch (choice.quantity) {
    case Quantity::kNothing:
    case Quantity::kKeepAlive:
      break;
    case Quantity::kReplicas:
      move = Replicas(choice, snapshot, f);
      break;
    case Quantity::kCpu:
      move = Cpu(choice, snapshot, f);
      break;
    case Quantity::kMemory:
      move = Memory(choice, snapshot, f);
      break;
  }
  move.legal = move.legal || choice.always_legal;
  return move;
}

void ActionCodec::Legal(const Snapshot& snapshot, std::span<uint8_t> legal) const {
  const size_t functions = snapshot.functions.size();
  REEVE_CHECK(legal.size() == functions * table_.size());
  size_t at = 0;
  for (size_t f = 0; f < functions; ++f) {
    for (const Choice& choice : table_) legal[at++] = MoveOf(choice, snapshot, f).legal ? 1 : 0;
  }
}

void ActionCodec::Decode(const Snapshot& snapshot, std::span<const int32_t> choices,
                         std::span<Decision> decisions, std::span<ActionOutcome> outcomes) const {
  const size_t functions = snapshot.functions.size();
  REEVE_CHECK(choices.size() == functions * heads_.size() && decisions.size() == functions);
  REEVE_CHECK(outcomes.empty() || outcomes.size() == functions);
  const auto sign = [](const Move& move) {
    return static_cast<int8_t>((move.to > move.from) - (move.to < move.from));
  };
  for (size_t f = 0; f < functions; ++f) {
    Decision decision;
    ActionOutcome outcome;
    int8_t cpu = 0, memory = 0;
    for (size_t h = 0; h < heads_.size(); ++h) {
      const Choice& choice = ChoiceOf(h, choices[f * heads_.size() + h]);
      const Move move = MoveOf(choice, snapshot, f);
      if (!move.legal) {
        outcome.illegal = true;
        continue;
      }
      if (choice.form == Form::kStep && choice.value == 0) continue;
      switch (choice.quantity) {
        case Quantity::kNothing:
          break;
        case Quantity::kReplicas:
          decision.replicas = static_cast<int32_t>(move.to);
          outcome.horizontal = sign(move);
          break;
        case Quantity::kCpu:
          decision.cpu_limit = Millicores(move.to);
          cpu = sign(move);
          break;
        case Quantity::kMemory:
          decision.memory_limit = Mebibytes(move.to);
          memory = sign(move);
          break;
        case Quantity::kKeepAlive:
          decision.keep_alive = SimTime::FromSeconds(choice.value);
          break;
      }
    }
    outcome.vertical = cpu != 0 ? cpu : memory;
    decisions[f] = decision;
    if (!outcomes.empty()) outcomes[f] = outcome;
  }
}

// ---- the way back

namespace {

// What a function has or is to have: containers, millicores, MiB, seconds of keep-alive.
using Amounts = std::array<double, 4>;
constexpr size_t kReplicasAmount = 0, kCpuAmount = 1, kMemoryAmount = 2, kKeepAliveAmount = 3;

Amounts AmountsNow(const FunctionWindows& w, size_t f) {
  return {static_cast<double>(w.replicas_asked[f]), static_cast<double>(w.cpu_limit[f].value()),
          static_cast<double>(w.memory_limit[f].value()), 0};
}

Amounts Wanted(const Decision& decision, Amounts now) {
  if (decision.replicas) now[kReplicasAmount] = *decision.replicas;
  if (decision.cpu_limit) now[kCpuAmount] = static_cast<double>(decision.cpu_limit->value());
  if (decision.memory_limit) {
    now[kMemoryAmount] = static_cast<double>(decision.memory_limit->value());
  }
  if (decision.keep_alive) now[kKeepAliveAmount] = decision.keep_alive->seconds();
  return now;
}

double Distance(const Amounts& a, const Amounts& b, const Amounts& unit) {
  double sum = 0;
  for (size_t q = 0; q < a.size(); ++q) sum += std::abs(a[q] - b[q]) / unit[q];
  return sum;
}

}  // namespace

void ActionCodec::Nearest(const Snapshot& snapshot, std::span<const Decision> decisions,
                          std::span<int32_t> choices) const {
  const FunctionWindows& w = snapshot.functions;
  REEVE_CHECK(decisions.size() == w.size() && choices.size() == w.size() * heads_.size());
  const Amounts unit = {1, static_cast<double>(spec_.cpu_unit.value()),
                        static_cast<double>(spec_.memory_unit.value()), 1};
  // What there would be after a choice.
  const auto after = [](Amounts now, const Choice& choice, const Move& move) {
    const double to = static_cast<double>(move.to);
    if (choice.quantity == Quantity::kReplicas) now[kReplicasAmount] = to;
    if (choice.quantity == Quantity::kCpu) now[kCpuAmount] = to;
    if (choice.quantity == Quantity::kMemory) now[kMemoryAmount] = to;
    if (choice.quantity == Quantity::kKeepAlive) now[kKeepAliveAmount] = choice.value;
    return now;
  };
  for (size_t f = 0; f < w.size(); ++f) {
    const Amounts now = AmountsNow(w, f), wanted = Wanted(decisions[f], now);
    for (size_t h = 0; h < heads_.size(); ++h) {
      double best = std::numeric_limits<double>::infinity();
      for (int32_t c = 0; c < heads_[h]; ++c) {
        const Choice& choice = ChoiceOf(h, c);
        const Move move = MoveOf(choice, snapshot, f);
        const double distance = Distance(after(now, choice, move), wanted, unit);
        if (!move.legal || distance >= best) continue;
        best = distance;
        choices[f * heads_.size() + h] = c;
      }
    }
  }
}

}  // namespace reeve
