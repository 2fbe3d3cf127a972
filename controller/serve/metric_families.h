// Families of series of prometheus-cpp as the loop's metrics need them.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/labels.h>
#include <prometheus/registry.h>

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace reeve {

inline prometheus::Family<prometheus::Counter>& Counters(prometheus::Registry& registry,
                                                         const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
inline prometheus::Family<prometheus::Gauge>& Gauges(prometheus::Registry& registry,
                                                     const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

// Gauges by one label whose values come and go; a series ends with its value.
class GaugesByLabel {
 public:
  GaugesByLabel(prometheus::Family<prometheus::Gauge>& family, std::string label)
      : family_(family), label_(std::move(label)) {}

  void Set(const std::map<std::string_view, double>& values) {
    for (auto gauge = gauges_.begin(); gauge != gauges_.end();) {
      if (values.contains(gauge->first)) {
        ++gauge;
      } else {
        family_.Remove(gauge->second);
        gauge = gauges_.erase(gauge);
      }
    }
    for (const auto& [name, value] : values) {
      auto gauge = gauges_.find(name);
      if (gauge == gauges_.end()) {
        const std::string text(name);
        gauge = gauges_.emplace(text, &family_.Add({{label_, text}})).first;
      }
      gauge->second->Set(value);
    }
  }

 private:
  prometheus::Family<prometheus::Gauge>& family_;
  const std::string label_;
  std::map<std::string, prometheus::Gauge*, std::less<>> gauges_;
};

// One series for each value of an enum, all there from the beginning, so that a rate is never
// missing its first increase.
template <class E, class Series>
class ByEnum {
 public:
  ByEnum(prometheus::Family<Series>& family, const char* label, prometheus::Labels others = {}) {
    for (const auto& [value, name] : EnumNames(E{})) {
      others[label] = std::string(name);
      series_[static_cast<size_t>(value)] = &family.Add(others);
    }
  }
  Series& operator[](E value) { return *series_[static_cast<size_t>(value)]; }

 private:
  std::array<Series*, EnumNames(E{}).size()> series_{};
};

// Counts by the values of an enum, of one tick.
template <class E>
class Tally {
 public:
  double& operator[](E value) { return counts_[static_cast<size_t>(value)]; }
  void SetTo(ByEnum<E, prometheus::Gauge>& gauges) const {
    for (const auto& [value, name] : EnumNames(E{})) {
      gauges[value].Set(counts_[static_cast<size_t>(value)]);
    }
  }
  void AddTo(ByEnum<E, prometheus::Counter>& counters) const {
    for (const auto& [value, name] : EnumNames(E{})) {
      counters[value].Increment(counts_[static_cast<size_t>(value)]);
    }
  }

 private:
  std::array<double, EnumNames(E{}).size()> counts_{};
};

}  // namespace reeve
