#include "agents/rules/vpa_recommender.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/status.h"

namespace reeve {
namespace {

constexpr double kLeastWeight = 0.1;
constexpr int64_t kMostAmount = 1'000'000'000'000'000;  // upstream: 1e14 as an amount

int64_t Truncated(double amount) {
  return static_cast<int64_t>(std::clamp(amount, 0.0, static_cast<double>(kMostAmount)));
}

absl::Status CheckRange(const char* least_name, int64_t least, const char* most_name,
                        int64_t most) {
  if (least <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{}: {} is more than {}, which is {}", least_name, least, most_name, most));
}

absl::Status CheckPercentiles(const char* resource, double lower, double upper) {
  if (lower <= upper) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format(
      "lower_bound_{0}_percentile: {1} is more than upper_bound_{0}_percentile, which is "
      "{2}",
      resource, lower, upper));
}

struct Percentiles {
  double target, lower, upper;
};

// `unit`: amounts in one unit of the histogram.
VpaRange<int64_t> Estimate(const DecayingHistogram& histogram, const Percentiles& p, double unit,
                           double margin, double confidence, int64_t least, int64_t most) {
  if (histogram.empty()) return {0, least, most};
  const auto estimate = [&](double percentile) {
    const int64_t base = Truncated(histogram.Percentile(percentile) * unit);
    return base + Truncated(static_cast<double>(base) * margin);
  };
  const auto bounded = [&](int64_t amount) { return std::clamp(amount, least, most); };
  VpaRange<int64_t> range{bounded(estimate(p.target)), least, most};
  if (confidence > 0) {
    const double doubt = 1 + 0.001 / confidence;
    range.lower = bounded(Truncated(static_cast<double>(estimate(p.lower)) / (doubt * doubt)));
    range.upper = bounded(Truncated(static_cast<double>(estimate(p.upper)) * (1 + 1 / confidence)));
  }
  return range;
}

}  // namespace

absl::Status VpaOptions::Validate() const {
  RETURN_IF_ERROR(CheckRange("min_cpu", min_cpu.value(), "max_cpu", max_cpu.value()));
  RETURN_IF_ERROR(CheckRange("min_memory", min_memory.value(), "max_memory", max_memory.value()));
  RETURN_IF_ERROR(CheckPercentiles("cpu", lower_bound_cpu_percentile, upper_bound_cpu_percentile));
  return CheckPercentiles("memory", lower_bound_memory_percentile, upper_bound_memory_percentile);
}

void VpaRecommender::AddCpu(SimTime start, double cores, double request, int32_t containers) {
  cpu_.Add(cores, std::max(request, kLeastWeight) * containers, start);
  if (samples_ == 0) first_sample_ = start;
  last_sample_ = std::max(last_sample_, start);
  samples_ += containers;
}

void VpaRecommender::AddMemory(const VpaOptions& options, SimTime time, double bytes) {
  const SimTime interval = options.memory_aggregation_interval;
  if (!has_memory_) interval_end_ = time;
  has_memory_ = true;
  if (time < interval_end_) {
    if (bytes <= peak_) return;
    memory_.Subtract(peak_, 1, interval_end_);
  } else {
    interval_end_ += interval * ((time - interval_end_) / interval + 1);
  }
  memory_.Add(bytes, 1, interval_end_);
  peak_ = bytes;
}

double VpaRecommender::Confidence(const VpaOptions& options) const {
  const double interval = options.confidence_interval.seconds();
  const double lifespan = (last_sample_ - first_sample_).seconds() / interval;
  return std::min(lifespan, static_cast<double>(samples_) * 60 / interval);
}

VpaRecommendation VpaRecommender::Recommend(const VpaOptions& o) const {
  constexpr int64_t kMebibyte = 1024 * 1024;
  const double confidence = Confidence(o);
  return {.cpu_millicores = Estimate(
              cpu_,
              {o.target_cpu_percentile, o.lower_bound_cpu_percentile, o.upper_bound_cpu_percentile},
              1000, o.safety_margin, confidence, o.min_cpu.value(), o.max_cpu.value()),
          .memory_bytes = Estimate(memory_,
                                   {o.target_memory_percentile, o.lower_bound_memory_percentile,
                                    o.upper_bound_memory_percentile},
                                   1, o.safety_margin, confidence, o.min_memory.value() * kMebibyte,
                                   o.max_memory.value() * kMebibyte)};
}

}  // namespace reeve
