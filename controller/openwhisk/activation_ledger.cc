#include "controller/openwhisk/activation_ledger.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace reeve {
namespace {

// Means over about the last twenty.
void Average(double& mean, double value) {
  mean = mean == 0 ? value : mean + 0.05 * (value - mean);
}

double Overlap(int64_t begin, int64_t end, int64_t from, int64_t to) {
  return static_cast<double>(std::max<int64_t>(0, std::min(end, to) - std::max(begin, from)));
}

// "0.0.10" after "0.0.9"; what is not three numbers is not newer.
bool NewerVersion(const std::string& one, const std::string& other) {
  const auto parse = [](const std::string& text) -> std::optional<std::array<uint64_t, 3>> {
    std::array<uint64_t, 3> parts{};
    const char* at = text.data();
    const char* const end = at + text.size();
    for (size_t i = 0; i < 3; ++i) {
      const auto [next, error] = std::from_chars(at, end, parts[i]);
      if (error != std::errc() || (i < 2 ? next == end || *next != '.' : next != end)) {
        return std::nullopt;
      }
      at = next + 1;
    }
    return parts;
  };
  const auto a = parse(one), b = parse(other);
  return a && b && *a > *b;
}

}  // namespace

void ActivationLedger::SetAction(const std::string& path, const std::string& version,
                                 int32_t concurrency) {
  Action& action = actions_.try_emplace(path, keep_alive_).first->second;
  action.concurrency = concurrency;
  if (action.version != version) Renew(action, version);
}

void ActivationLedger::Renew(Action& action, const std::string& version) {
  action.version = version;
  ++action.epoch;
  action.containers.Clear();
}

void ActivationLedger::LeaveContainer(const Seen& seen, int64_t ms, bool cold) {
  if (seen.holds && seen.epoch == seen.action->epoch) seen.action->containers.End(ms, cold);
}

void ActivationLedger::IgnoreAsRequest(const std::string& id) {
  constexpr size_t kRemembered = 20000;
  if (!own_.insert(id).second) return;
  own_in_order_.push_back(id);
  if (own_in_order_.size() <= kRemembered) return;
  own_.erase(own_in_order_.front());
  own_in_order_.pop_front();
}

void ActivationLedger::Add(std::span<const WhiskActivation> activations, int64_t count_from_ms) {
  for (const WhiskActivation& a : activations) See(a, count_from_ms);
}

void ActivationLedger::See(const WhiskActivation& a, int64_t count_from_ms) {
  if (a.start_ms < forgotten_before_) return;
  const auto found = actions_.find(a.path);
  if (found == actions_.end()) return;  // deleted meanwhile, or not there yet when it was listed
  Action& action = found->second;
  const bool own = own_.count(a.id) > 0;
  const auto [entry, first] = seen_.try_emplace(a.id);
  Seen& seen = entry->second;
  if (first) {
    if (NewerVersion(a.version, action.version)) Renew(action, a.version);
    seen.action = &action;
    seen.start_ms = a.start_ms;
    seen.holds = a.version == action.version;
    seen.epoch = action.epoch;
    // A container that is started for a request is that request's from then on.
    if (seen.holds) action.containers.Begin(a.init_ms ? a.arrival_ms() : a.start_ms);
    if (!own && a.arrival_ms() >= count_from_ms) ++action.window.arrivals;
  }
  if (seen.ended) return;
  if (!a.end_ms) {
    lists_open_ = true;
    if (!own) action.open.try_emplace(a.id, a.start_ms);
    return;
  }
  seen.ended = true;
  action.open.erase(a.id);
  LeaveContainer(seen, *a.end_ms, a.init_ms.has_value());
  CountEnd(a, action, own, count_from_ms);
}

void ActivationLedger::CountEnd(const WhiskActivation& a, Action& action, bool own,
                                int64_t count_from_ms) {
  const int64_t init_ms = std::min(a.init_ms.value_or(0), *a.end_ms - a.start_ms);
  const int64_t execution_ms = *a.end_ms - a.start_ms - init_ms;
  if (a.init_ms) {
    const auto longer = static_cast<double>(a.wait_ms + init_ms) - warm_wait_ms_;
    Average(cold_start_ms_, std::max(1.0, longer));
  } else {
    Average(warm_wait_ms_, static_cast<double>(a.wait_ms));
  }
  ActionFigures& window = action.window;
  if (*a.end_ms < count_from_ms) {
    passed_over_ += !own;
    return;
  }
  window.containers_started += a.init_ms.has_value();
  if (own) return;
  Average(action.execution_ms, static_cast<double>(execution_ms));
  ++counted_;
  window.cold_starts += a.init_ms.has_value();
  action.executed.push_back({a.start_ms + init_ms, *a.end_ms});
  action.waited.push_back({a.arrival_ms(), a.start_ms + init_ms});
  if (a.timeout) {
    ++window.timeouts;
  } else if (a.status_code >= 2) {
    ++window.failures;
  } else {
    ++window.completions;
    window.completed.push_back({*a.end_ms - a.arrival_ms(), execution_ms});
  }
}

void ActivationLedger::ForgetBefore(int64_t start_ms) {
  if (start_ms <= forgotten_before_) return;
  forgotten_before_ = start_ms;
  for (auto entry = seen_.begin(); entry != seen_.end();) {
    if (entry->second.start_ms >= start_ms) {
      ++entry;
      continue;
    }
    // Longer than any may run, and its end was never told.
    if (!entry->second.ended) {
      entry->second.action->open.erase(entry->first);
      LeaveContainer(entry->second, start_ms, false);
    }
    entry = seen_.erase(entry);
  }
}

ActionFigures ActivationLedger::Take(const std::string& path, int64_t begin_ms, int64_t end_ms) {
  const auto found = actions_.find(path);
  if (found == actions_.end()) return {};
  Action& action = found->second;
  ActionFigures figures = std::exchange(action.window, {});
  const auto length = static_cast<double>(std::max<int64_t>(1, end_ms - begin_ms));
  // By Little's law, requests at once are seconds of requests in a second. Where what is under way
  // is known, only the part of each that lies in this window is this window's.
  const auto mean = [&](const std::vector<Action::Span>& spans) {
    double sum = 0;
    for (const Action::Span& span : spans) {
      sum += lists_open_ ? Overlap(span.begin_ms, span.end_ms, begin_ms, end_ms)
                         : static_cast<double>(span.end_ms - span.begin_ms);
    }
    return sum / length;
  };
  figures.mean_in_flight = mean(action.executed);
  figures.mean_queued = mean(action.waited);
  for (const auto& [id, since] : action.open) {
    figures.mean_in_flight += Overlap(since, end_ms, begin_ms, end_ms) / length;
  }
  figures.in_flight = lists_open_ ? static_cast<uint32_t>(action.open.size())
                                  : static_cast<uint32_t>(figures.mean_in_flight + 0.5);
  figures.containers = action.containers.Count(end_ms, action.concurrency);
  action.executed.clear();
  action.waited.clear();
  return figures;
}

double ActivationLedger::execution_ms(const std::string& path) const {
  const auto found = actions_.find(path);
  return found == actions_.end() ? 0 : found->second.execution_ms;
}

std::optional<int64_t> ActivationLedger::LastInUse(const std::string& path,
                                                   uint32_t containers) const {
  const auto found = actions_.find(path);
  if (found == actions_.end()) return std::nullopt;
  return found->second.containers.LastInUse(containers, found->second.concurrency);
}

}  // namespace reeve
