#include "runs/twin.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "core/portable_math.h"
#include "core/status.h"
#include "runs/twin_search.h"

namespace reeve {

absl::Status TwinConfig::Validate() const {
  RETURN_IF_ERROR(cluster.Validate());
  RETURN_IF_ERROR(policy.Validate());
  if (from >= to) return absl::InvalidArgumentError("from: it must be before `to`");
  return absl::OkStatus();
}

namespace {

// A parameter as the search sees it.
struct Searched {
  double TwinParameters::*member;
  bool TwinFitSpec::*wanted;
  const char* name;
  double low, high;
};

// Execution times first: what is late beyond them is seen only when they are right.
constexpr Searched kSearched[] = {
    {&TwinParameters::service_factor, &TwinFitSpec::service_time, "service_factor", 0.1, 10},
    {&TwinParameters::cold_start_ms, &TwinFitSpec::cold_start_time, "cold_start_ms", 10, 120'000},
    {&TwinParameters::cold_start_spread, &TwinFitSpec::cold_start_spread, "cold_start_spread", 0.02,
     4},
    {&TwinParameters::interference, &TwinFitSpec::interference, "interference", 0.01, 20},
};

// By this share the error must fall for interference to count.
constexpr double kInterferenceGain = 0.05;

bool AnyObserved(const TwinValues& values) {
  return std::ranges::any_of(values, [](const auto& value) { return value.has_value(); });
}

double MedianOf(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

std::vector<bool> Others(const std::vector<bool>& of) {
  std::vector<bool> others = of;
  others.flip();
  return others;
}

}  // namespace

std::vector<bool> TwinSplit(const Trace& trace, const TwinFitSpec& fit) {
  std::vector<bool> train;
  double largest = -1;
  size_t last = 0;
  for (const FunctionProfile& function : trace.functions()) {
    const uint64_t hash =
        XXH3_64bits_withSeed(function.name.data(), function.name.size(), fit.split_seed);
    const double place = static_cast<double>(hash >> 11) * 0x1p-53;
    if (place > largest) {
      largest = place;
      last = train.size();
    }
    train.push_back(place >= fit.holdout);
  }
  if (!train.empty()) train[last] = true;
  return train;
}

TwinAccuracy AccuracyOf(const std::vector<TwinValues>& simulated,
                        const std::vector<TwinValues>& observed, const std::vector<bool>& use) {
  TwinAccuracy accuracy;
  accuracy.loss = TwinLoss(simulated, observed, use);
  for (size_t f = 0; f < use.size(); ++f) accuracy.functions += use[f] && AnyObserved(observed[f]);
  for (size_t q = 0; q < kTwinQuantities; ++q) {
    const auto quantity = static_cast<TwinQuantity>(q);
    std::vector<double> errors;
    for (size_t f = 0; f < use.size(); ++f) {
      if (!use[f] || !observed[f][q]) continue;
      errors.push_back(simulated[f][q] ? TwinError(quantity, *simulated[f][q], *observed[f][q])
                                       : kMostError);
      if (quantity != TwinQuantity::kColdStarts || !simulated[f][q]) continue;
      accuracy.cold_starts_observed += *observed[f][q];
      accuracy.cold_starts_simulated += *simulated[f][q];
    }
    if (!errors.empty()) accuracy.median_factor[q] = PortableExp(MedianOf(std::move(errors)));
  }
  return accuracy;
}

absl::StatusOr<TwinResult> FitTwin(const Trace& trace, const std::vector<TwinValues>& observed,
                                   const TwinConfig& config, int threads,
                                   const std::function<bool(int, int)>& progress) {
  RETURN_IF_ERROR(config.Validate());
  if (config.from >= trace.duration()) {
    return absl::InvalidArgumentError(
        fmt::format("from: the trace is only {} s long", trace.duration().seconds()));
  }
  TwinResult result;
  result.observed = observed;
  result.train = TwinSplit(trace, config.fit);
  bool any = false;
  for (size_t f = 0; f < observed.size(); ++f) {
    any = any || (result.train[f] && AnyObserved(observed[f]));
  }
  if (!any) {
    return absl::InvalidArgumentError(
        "nothing that could be compared was observed of the functions that the fit may see: too "
        "few requests, or fit.holdout leaves none");
  }

  const TwinModel model(trace, config);
  const TwinParameters start = ParametersOf(config.cluster);
  std::vector<const Searched*> searched;
  std::vector<SearchedNumber> numbers;
  for (const Searched& parameter : kSearched) {
    if (!(config.fit.*parameter.wanted)) continue;
    searched.push_back(&parameter);
    numbers.push_back({parameter.name, start.*parameter.member, parameter.low, parameter.high});
  }
  const auto parameters_at = [&](std::span<const double> at) {
    TwinParameters parameters = start;
    for (size_t i = 0; i < at.size(); ++i) parameters.*searched[i]->member = at[i];
    return parameters;
  };
  int done_before = 0;
  const auto
      search =
          [&](const std::vector<SearchedNumber>& what) {
            return MinimizeByCoordinates(
        what,
        {.sweeps = config.fit.sweeps, .least_gain = config.fit.least_gain, .threads = threads},
        [&](std::span<const double> at) -> absl::StatusOr<double> {
          ASSIGN_OR_RETURN(const auto values, model.Simulate(parameters_at(at)));
          return TwinLoss(values, observed, result.train);
        },
        progress ? [&](int done, int planned) {
          return progress(done_before + done, done_before + planned);
        } : std::function<bool(int, int)>());
          };
  // What interference explains, longer executions and cold starts nearly explain as well: it is
  // asked for only after them, and has to explain clearly more.
  const bool interference = config.fit.interference && numbers.size() > 1;
  std::vector<SearchedNumber> others = numbers;
  if (interference) others.pop_back();
  ASSIGN_OR_RETURN(SearchResult found, search(others));
  result.simulations = found.evaluations;
  if (interference) {
    for (size_t i = 0; i < others.size(); ++i) numbers[i].start = found.numbers[i];
    done_before = found.evaluations;
    ASSIGN_OR_RETURN(SearchResult with, search(numbers));
    result.simulations += with.evaluations;
    found.numbers.push_back(numbers.back().start);
    found.moved.push_back(false);
    if (with.after < found.after * (1 - kInterferenceGain)) {
      for (size_t i = 0; i < others.size(); ++i) with.moved[i] = with.moved[i] || found.moved[i];
      found = std::move(with);
    }
  }

  result.before_parameters = start;
  result.after_parameters = parameters_at(found.numbers);
  result.cluster = ApplyParameters(config.cluster, result.after_parameters);
  for (const Searched& parameter : kSearched) {
    const auto at = std::ranges::find(searched, &parameter);
    const bool was_searched = at != searched.end();
    result.parameters.push_back(
        {parameter.name, start.*parameter.member, result.after_parameters.*parameter.member,
         was_searched, was_searched && found.moved[static_cast<size_t>(at - searched.begin())]});
  }
  ASSIGN_OR_RETURN(auto before, model.Run(start));
  ASSIGN_OR_RETURN(auto after, model.Run(result.after_parameters));
  result.before_run = std::move(before.first);
  result.after_run = std::move(after.first);
  result.before = std::move(before.second);
  result.after = std::move(after.second);
  result.before_run.summary.name = "before";
  result.after_run.summary.name = "after";
  const std::vector<bool> held_out = Others(result.train);
  result.train_before = AccuracyOf(result.before, observed, result.train);
  result.train_after = AccuracyOf(result.after, observed, result.train);
  result.held_out_before = AccuracyOf(result.before, observed, held_out);
  result.held_out_after = AccuracyOf(result.after, observed, held_out);
  return result;
}

}  // namespace reeve
