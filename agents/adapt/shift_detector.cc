#include "agents/adapt/shift_detector.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/check.h"

namespace reeve {
namespace {

absl::Status Unknown(int64_t id) {
  return absl::NotFoundError(fmt::format("no environment has the id {}", id));
}

void SaveMoments(const std::string& name, const ContextMoments& moments, StateVectors& state) {
  state.reals[name + ".count"] = {moments.count};
  state.reals[name + ".mean"] = moments.mean;
  state.reals[name + ".covariance"] = moments.covariance;
}

void ReadMoments(const std::string& name, StateReader& reader, ContextMoments& moments) {
  std::vector<double> count(1);
  reader.Read(name + ".count", 1, count);
  reader.Read(name + ".mean", moments.mean.size(), moments.mean);
  reader.Read(name + ".covariance", moments.covariance.size(), moments.covariance);
  if (count[0] < 0) reader.Fail(fmt::format("'{}.count' is below 0", name));
  moments.count = count[0];
}

}  // namespace

struct ShiftDetector::State {
  // What has shown in place of the environment in force, lately and without a break.
  struct Stretch {
    bool there = false;
    SimTime since, same_since;         // of any verdict; of the present one
    SimTime last;                      // that showed it
    int64_t verdict = kNoEnvironment;  // an id; kNoEnvironment: none of those known
    ContextMoments contexts;           // of the present verdict
  };

  State(const DetectorSpec& detector_spec, size_t dimensions)
      : spec(detector_spec),
        book(dimensions, static_cast<size_t>(spec.max_environments), spec.spread_prior()),
        rule(MakeShiftRule(spec, dimensions)),
        opened_with(dimensions),
        learned_late(dimensions),
        nothing(dimensions) {
    stretch.contexts = ContextMoments(dimensions);
  }

  const DetectorSpec spec;
  EnvironmentBook book;
  std::unique_ptr<ShiftRule> rule;

  std::optional<size_t> current;  // place of the environment in force
  SimTime entered, last;          // when it came into force; the last Observe
  double memory = 1;              // in contexts

  Stretch stretch;
  bool learning = false;
  ContextMoments opened_with, learned_late;  // contexts before, and of the second half of learning
  const ContextMoments nothing;

  void Enter(SimTime now, size_t place);
  void Open(SimTime now, Detection& detection);
  void Trust(SimTime now, std::span<const double> x, const Verdict& verdict, Detection& detection);
  void Learn(SimTime now, std::span<const double> x, Detection& detection);
  void Weigh(SimTime now, std::span<const double> x, const Verdict& verdict, Detection& detection);
  void Act(SimTime now, std::span<const double> x, Detection& detection);
  void EndStretch();
};

void ShiftDetector::State::EndStretch() {
  stretch.there = false;
  stretch.contexts.Clear();
}

// The environment at `place` comes into force, with what the stretch showed of it.
void ShiftDetector::State::Enter(SimTime now, size_t place) {
  if (stretch.contexts.count > 0) book.Take(place, stretch.contexts, memory, now);
  current = place;
  entered = now;
  learning = false;
  book.Visit(place, now);
  rule->Begin(book, place, stretch.contexts);
  EndStretch();
}

// A new one does, from the contexts of the stretch; or, without room for it, the closest.
void ShiftDetector::State::Open(SimTime now, Detection& detection) {
  if (book.full()) {
    const size_t closest = book.Closest(stretch.contexts.mean);
    detection.changed = closest != current;
    if (detection.changed) Enter(now, closest);
    EndStretch();
    return;
  }
  opened_with.Clear();
  opened_with.Merge(stretch.contexts);
  learned_late.Clear();
  const size_t place = book.Open(stretch.contexts, now);
  stretch.contexts.Clear();
  Enter(now, place);
  learning = !rule->trusted() && spec.learn > SimTime();
  detection.changed = detection.is_new = true;
}

void ShiftDetector::State::Trust(SimTime now, std::span<const double> x, const Verdict& verdict,
                                 Detection& detection) {
  if (verdict.judgement == Judgement::kKnown) {
    detection.changed = verdict.place != current;
    if (detection.changed) Enter(now, verdict.place);
    rule->Absorb(now, x, memory, false, book, *current);
    return;
  }
  stretch.contexts.Clear();
  stretch.contexts.Add(x);
  Open(now, detection);
}

void ShiftDetector::State::Learn(SimTime now, std::span<const double> x, Detection& detection) {
  rule->Absorb(now, x, memory, true, book, *current);
  const SimTime age = now - entered;
  if (age * 2 >= spec.learn) learned_late.Add(x);
  if (age < spec.learn) return;
  learning = false;
  const std::optional<size_t> older = book.Match(learned_late.mean, spec.match, current);
  if (!older) return rule->Begin(book, *current, nothing);
  book.Set(*current, opened_with);
  Enter(now, *older);
  detection.changed = true;
}

void ShiftDetector::State::Weigh(SimTime now, std::span<const double> x, const Verdict& verdict,
                                 Detection& detection) {
  if (verdict.judgement == Judgement::kUncertain) {
    if (stretch.there && (now - stretch.last) * 2 >= spec.confirm) EndStretch();
    return;
  }
  const bool known = verdict.judgement == Judgement::kKnown;
  if (known && verdict.place == current) {
    EndStretch();
    rule->Absorb(now, x, memory, false, book, *current);
    return;
  }
  const int64_t id = known ? book.stats(verdict.place).id : kNoEnvironment;
  if (!stretch.there) stretch.since = now;
  if (!stretch.there || stretch.verdict != id) {
    stretch.verdict = id;
    stretch.same_since = now;
    stretch.contexts.Clear();
  }
  stretch.there = true;
  stretch.last = now;
  stretch.contexts.Add(x);
  if (now - stretch.since >= spec.confirm && (now - stretch.same_since) * 2 >= spec.confirm &&
      now - entered >= spec.min_dwell) {
    Act(now, x, detection);
  }
}

void ShiftDetector::State::Act(SimTime now, std::span<const double> x, Detection& detection) {
  std::optional<size_t> place = book.Find(stretch.verdict);
  if (!place || !book.Passes(stretch.contexts.mean, spec.match, *place)) {
    place = book.Match(stretch.contexts.mean, spec.match);
    // A rule that adds evidence up is still alarmed for a while when a disturbance is over.
    if (place != current && book.Passes(x, spec.match, *current)) return;
  }
  if (!place) return Open(now, detection);
  if (place != current) {
    Enter(now, *place);
    detection.changed = true;
    return;
  }
  // It drifted: what is in force stays, and is this now.
  book.Take(*current, stretch.contexts, memory, now);
  rule->Begin(book, *current, stretch.contexts);
  EndStretch();
}

ShiftDetector::ShiftDetector(const DetectorSpec& spec, size_t dimensions)
    : state_(std::make_unique<State>(spec, dimensions)) {
  REEVE_CHECK(spec.Validate().ok());
}

ShiftDetector::~ShiftDetector() = default;
ShiftDetector::ShiftDetector(ShiftDetector&&) noexcept = default;
ShiftDetector& ShiftDetector::operator=(ShiftDetector&&) noexcept = default;

Detection ShiftDetector::Observe(SimTime now, std::span<const double> context) {
  State& s = *state_;
  REEVE_CHECK(context.size() == s.book.dimensions());
  Detection detection;
  const bool first = !s.current;
  const SimTime step = now - s.last;
  if (step > SimTime()) s.memory = std::max(1.0, s.spec.memory.seconds() / step.seconds());
  s.last = now;
  if (first && !s.rule->trusted()) {
    s.stretch.contexts.Add(context);
    s.Open(now, detection);
    detection.raw = Judgement::kNew;
  } else {
    const Verdict verdict = s.rule->Judge(now, context, s.book, first ? 0 : *s.current);
    detection.raw = verdict.judgement;
    if (verdict.judgement == Judgement::kKnown) {
      detection.raw_environment = s.book.stats(verdict.place).id;
    }
    detection.confidence = verdict.confidence;
    if (s.rule->trusted()) {
      s.Trust(now, context, verdict, detection);
    } else if (s.learning) {
      s.Learn(now, context, detection);
    } else {
      s.Weigh(now, context, verdict, detection);
    }
  }
  detection.environment = environment();
  detection.learning = s.learning;
  if (detection.raw == Judgement::kUncertain) {
    detection.confidence = 0.5;
  } else if (!s.rule->trusted() && detection.raw_environment != detection.environment) {
    detection.confidence = 1 - detection.confidence;
  }
  return detection;
}

int64_t ShiftDetector::environment() const {
  return state_->current ? state_->book.stats(*state_->current).id : kNoEnvironment;
}

SimTime ShiftDetector::time() const {
  return state_->last;
}

const EnvironmentBook& ShiftDetector::environments() const {
  return state_->book;
}

absl::Status ShiftDetector::Merge(int64_t into, int64_t from) {
  State& s = *state_;
  const std::optional<size_t> to = s.book.Find(into), other = s.book.Find(from);
  if (!to) return Unknown(into);
  if (!other) return Unknown(from);
  if (to == other) return absl::InvalidArgumentError("an environment cannot be merged with itself");
  int64_t in_force = environment();
  if (in_force == from) {
    in_force = into;
    s.learning = false;
  }
  s.book.Merge(*to, *other);
  s.current = s.book.Find(in_force);
  s.EndStretch();
  s.rule->Begin(s.book, *s.current, s.nothing);
  return absl::OkStatus();
}

absl::Status ShiftDetector::Forget(int64_t id) {
  State& s = *state_;
  const std::optional<size_t> place = s.book.Find(id);
  if (!place) return Unknown(id);
  const int64_t in_force = environment();
  if (in_force == id) {
    return absl::FailedPreconditionError(
        fmt::format("environment {} is in force and cannot be forgotten", id));
  }
  s.book.Remove(*place);
  s.current = s.book.Find(in_force);
  s.EndStretch();
  s.rule->Begin(s.book, *s.current, s.nothing);
  return absl::OkStatus();
}

// ---- state

void ShiftDetector::Save(StateVectors& state) const {
  const State& s = *state_;
  s.book.Save(state);
  s.rule->Save(state);
  state.integers["shift.now"] = {environment(),
                                 s.entered.micros(),
                                 s.last.micros(),
                                 s.learning,
                                 s.stretch.there,
                                 s.stretch.since.micros(),
                                 s.stretch.same_since.micros(),
                                 s.stretch.last.micros(),
                                 s.stretch.verdict};
  state.reals["shift.memory"] = {s.memory};
  SaveMoments("shift.stretch", s.stretch.contexts, state);
  SaveMoments("shift.opened_with", s.opened_with, state);
  SaveMoments("shift.learned_late", s.learned_late, state);
}

absl::Status ShiftDetector::Restore(const StateVectors& state) {
  auto fresh = std::make_unique<State>(state_->spec, state_->book.dimensions());
  State& s = *fresh;
  if (absl::Status status = s.book.Restore(state); !status.ok()) return status;
  if (absl::Status status = s.rule->Restore(state); !status.ok()) return status;
  StateReader reader(state);
  std::vector<int64_t> now(9);
  std::vector<double> memory(1);
  reader.Read("shift.now", now.size(), now);
  reader.Read("shift.memory", 1, memory);
  ReadMoments("shift.stretch", reader, s.stretch.contexts);
  ReadMoments("shift.opened_with", reader, s.opened_with);
  ReadMoments("shift.learned_late", reader, s.learned_late);
  if (memory[0] < 0) reader.Fail("'shift.memory' is below 0");
  s.current = s.book.Find(now[0]);
  if (reader.ok() && (s.current.has_value() != (s.book.size() > 0))) {
    reader.Fail(fmt::format("environment {} is in force and not known", now[0]));
  }
  if (!reader.ok()) return reader.status();
  s.entered = SimTime::Micros(now[1]);
  s.last = SimTime::Micros(now[2]);
  s.learning = now[3] != 0;
  s.stretch.there = now[4] != 0;
  s.stretch.since = SimTime::Micros(now[5]);
  s.stretch.same_since = SimTime::Micros(now[6]);
  s.stretch.last = SimTime::Micros(now[7]);
  s.stretch.verdict = now[8];
  s.memory = std::max(1.0, memory[0]);
  state_ = std::move(fresh);
  return absl::OkStatus();
}

}  // namespace reeve
