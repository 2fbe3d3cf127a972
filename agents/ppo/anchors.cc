#include "agents/ppo/anchors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "core/check.h"
#include "core/random.h"

namespace reeve {
namespace {

// Row `row` of `to` [n, width] becomes `from` [width]; one after the last is added.
template <class From, class T>
void PutRow(const From* from, size_t width, size_t row, std::vector<T>& to) {
  if (to.size() < (row + 1) * width) to.resize((row + 1) * width);
  std::transform(from, from + width, to.begin() + static_cast<ptrdiff_t>(row * width),
                 [](From x) { return static_cast<T>(x); });
}

template <class T>
void AppendRow(const std::vector<float>& from, size_t width, size_t row, std::vector<T>& to) {
  std::transform(from.begin() + static_cast<ptrdiff_t>(row * width),
                 from.begin() + static_cast<ptrdiff_t>((row + 1) * width), std::back_inserter(to),
                 [](float x) { return static_cast<T>(x); });
}

// Whether each head of each row [R, K] has a choice.
bool AlwaysAChoice(std::span<const int32_t> heads, const std::vector<float>& legal) {
  const auto chosen = [](float x) { return x == 1; };
  for (auto head = legal.begin(); head != legal.end();) {
    for (const int32_t n : heads) {
      if (std::none_of(head, head + n, chosen)) return false;
      head += n;
    }
  }
  return true;
}

std::string NameOf(size_t group, const char* what) {
  return fmt::format("anchors.{}.{}", group, what);
}

}  // namespace

AnchorStore::AnchorStore(const AnchorShape& shape, int32_t capacity, uint64_t seed)
    : shape_(shape), capacity_(capacity), seed_(seed), pools_(static_cast<size_t>(shape.groups)) {
  REEVE_CHECK(capacity >= 1 && shape.steps >= 1);
}

void AnchorStore::Add(const Rollout& rollout, std::span<const int32_t> group_of,
                      std::span<const double> context) {
  REEVE_CHECK(rollout.actor_size == shape_.inputs && rollout.choices == shape_.choices());
  REEVE_CHECK(context.size() == static_cast<size_t>(shape_.context));
  REEVE_CHECK(group_of.size() == static_cast<size_t>(rollout.agents));
  int32_t slot = 0;  // sequences lie ordered by group
  for (int32_t group = 0; group < shape_.groups; ++group) {
    const auto members = std::count(group_of.begin(), group_of.end(), group);
    for (const auto last = slot + members; slot < last; ++slot) {
      for (int32_t env = 0; env < rollout.envs; ++env) {
        const int64_t begin = rollout.Sequence(slot, env) * rollout.steps;
        for (int32_t step = 0; step + shape_.steps <= rollout.steps; step += shape_.steps) {
          Offer(group, rollout, begin + step, context);
        }
      }
    }
  }
}

void AnchorStore::Offer(int32_t group, const Rollout& rollout, int64_t first_cell,
                        std::span<const double> context) {
  const auto cell = static_cast<size_t>(first_cell);
  const auto steps = static_cast<size_t>(shape_.steps);
  const float* const weights = rollout.weights.data() + cell;
  if (std::all_of(weights, weights + steps, [](float w) { return w == 0; })) return;
  Pool& pool = pools_[static_cast<size_t>(group)];
  const int64_t number = pool.seen++;
  int64_t place = pool.count;
  if (pool.count == capacity_) {
    const RandomStream stream(seed_, StreamPurpose::kAnchors, 2 * static_cast<uint32_t>(group));
    place = static_cast<int64_t>(
        stream.Below(static_cast<uint64_t>(number), static_cast<uint64_t>(pool.seen)));
    if (place >= capacity_) return;
  } else {
    ++pool.count;
  }
  const auto row = static_cast<size_t>(place);
  const auto inputs = static_cast<size_t>(shape_.inputs);
  const auto choices = static_cast<size_t>(shape_.choices());
  PutRow(rollout.actor_inputs.data() + cell * inputs, steps * inputs, row, pool.inputs);
  PutRow(rollout.starts.data() + cell, steps, row, pool.starts);
  PutRow(rollout.legal.data() + cell * choices, steps * choices, row, pool.legal);
  PutRow(weights, steps, row, pool.weights);
  PutRow(context.data(), context.size(), row, pool.contexts);
}

AnchorSet AnchorStore::Draw(uint64_t draw, int32_t count, const Predicate& wanted) const {
  AnchorSet set{.steps = shape_.steps,
                .groups = {},
                .actor_inputs = {},
                .starts = {},
                .legal = {},
                .weights = {}};
  const auto steps = static_cast<size_t>(shape_.steps);
  const auto context = static_cast<size_t>(shape_.context);
  for (size_t group = 0; group < pools_.size(); ++group) {
    const Pool& pool = pools_[group];
    std::vector<size_t> fit;
    for (size_t i = 0; i < static_cast<size_t>(pool.count); ++i) {
      if (wanted(std::span(pool.contexts).subspan(i * context, context))) fit.push_back(i);
    }
    const RandomStream stream(seed_, StreamPurpose::kAnchors, 2 * static_cast<uint32_t>(group) + 1);
    const size_t taken = std::min(fit.size(), static_cast<size_t>(count));
    for (size_t i = 0; i < taken; ++i) {  // the beginning of Fisher and Yates' shuffle
      const uint64_t key = draw * static_cast<uint64_t>(capacity_) + i;
      std::swap(fit[i], fit[i + stream.Below(key, fit.size() - i)]);
      set.groups.push_back(static_cast<int32_t>(group));
      AppendRow(pool.inputs, steps * static_cast<size_t>(shape_.inputs), fit[i], set.actor_inputs);
      AppendRow(pool.starts, steps, fit[i], set.starts);
      AppendRow(pool.legal, steps * static_cast<size_t>(shape_.choices()), fit[i], set.legal);
      AppendRow(pool.weights, steps, fit[i], set.weights);
    }
  }
  return set;
}

int64_t AnchorStore::size() const {
  return std::accumulate(pools_.begin(), pools_.end(), int64_t{0},
                         [](int64_t sum, const Pool& pool) { return sum + pool.count; });
}

void AnchorStore::Save(TensorFile& file) const {
  std::vector<int64_t> seen;
  for (size_t g = 0; g < pools_.size(); ++g) {
    const Pool& pool = pools_[g];
    seen.push_back(pool.seen);
    const int64_t n = pool.count;
    const auto add = [&](const char* what, std::vector<int64_t> shape, const auto& data) {
      file.tensors.push_back({.name = NameOf(g, what), .shape = std::move(shape), .data = data});
    };
    add("inputs", {n, shape_.steps, shape_.inputs}, pool.inputs);
    add("starts", {n, shape_.steps}, pool.starts);
    add("legal", {n, shape_.steps, shape_.choices()}, pool.legal);
    add("weights", {n, shape_.steps}, pool.weights);
    add("contexts", {n, shape_.context}, pool.contexts);
  }
  file.tensors.push_back({.name = "anchors.seen", .shape = {shape_.groups}, .data = seen});
}

absl::Status AnchorStore::Restore(const TensorFile& file) {
  absl::Status status;
  // The tensor's data, if its shape is [n, …] with `rest` behind; n < 0: any.
  const auto take = [&](const std::string& name, int64_t& n, std::vector<int64_t> rest,
                        auto& data) {
    using Data = std::remove_reference_t<decltype(data)>;
    const NamedTensor* const tensor = file.Find(name);
    const Data* const found = tensor == nullptr ? nullptr : std::get_if<Data>(&tensor->data);
    if (found != nullptr && n < 0 && !tensor->shape.empty()) n = tensor->shape.front();
    rest.insert(rest.begin(), n);
    const auto finite = [](auto x) { return std::isfinite(static_cast<double>(x)); };
    if (found == nullptr || tensor->shape != rest || !std::ranges::all_of(*found, finite)) {
      if (status.ok()) {
        status = absl::InvalidArgumentError(
            fmt::format("anchors: '{}' is missing, not finite or not of shape [{}]", name,
                        fmt::join(rest, ", ")));
      }
      return;
    }
    data = *found;
  };
  int64_t groups = shape_.groups;
  std::vector<int64_t> seen;
  take("anchors.seen", groups, {}, seen);
  std::vector<Pool> pools(pools_.size());
  for (size_t g = 0; status.ok() && g < pools.size(); ++g) {
    Pool& pool = pools[g];
    pool.seen = seen[g];
    pool.count = -1;
    take(NameOf(g, "inputs"), pool.count, {shape_.steps, shape_.inputs}, pool.inputs);
    take(NameOf(g, "starts"), pool.count, {shape_.steps}, pool.starts);
    take(NameOf(g, "legal"), pool.count, {shape_.steps, shape_.choices()}, pool.legal);
    take(NameOf(g, "weights"), pool.count, {shape_.steps}, pool.weights);
    take(NameOf(g, "contexts"), pool.count, {shape_.context}, pool.contexts);
    if (status.ok() && (pool.count > capacity_ || pool.count != std::min(pool.seen, capacity_))) {
      status = absl::InvalidArgumentError(
          fmt::format("anchors: group {} holds {} sequences of {} seen; the capacity is {}", g,
                      pool.count, pool.seen, capacity_));
    }
    if (status.ok() && !AlwaysAChoice(shape_.heads, pool.legal)) {
      status = absl::InvalidArgumentError(
          fmt::format("anchors: group {} has a step without legal choices", g));
    }
  }
  if (status.ok()) pools_ = std::move(pools);
  return status;
}

}  // namespace reeve
