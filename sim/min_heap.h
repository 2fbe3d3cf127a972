// A 4-ary min-heap over a flat array. Entries are small trivially copyable structs with a strict
// total order (`bool Before(const Entry&, const Entry&)` found by ADL), so the order of pops does
// not depend on the heap's shape. O(log n) push and pop, no allocation once grown.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace reeve {

template <class Entry>
class MinHeap {
 public:
  void Clear() { items_.clear(); }
  bool empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }
  const Entry& top() const { return items_.front(); }

  void Push(const Entry& entry) {
    items_.push_back(entry);
    size_t hole = items_.size() - 1;
    while (hole > 0) {
      const size_t parent = (hole - 1) / 4;
      if (!Before(entry, items_[parent])) break;
      items_[hole] = items_[parent];
      hole = parent;
    }
    items_[hole] = entry;
  }

  void Pop() {
    const Entry last = items_.back();
    items_.pop_back();
    if (!items_.empty()) SiftDown(0, last);
  }

  // Pop and Push in one pass.
  void ReplaceTop(const Entry& entry) { SiftDown(0, entry); }

  // Drops every entry for which `drop` holds; O(n).
  template <class Predicate>
  void RemoveIf(Predicate drop) {
    items_.erase(std::remove_if(items_.begin(), items_.end(), drop), items_.end());
    for (size_t i = items_.size() / 4 + 1; i-- > 0;) {
      if (i < items_.size()) SiftDown(i, Entry(items_[i]));
    }
  }

 private:
  // Of four children, the smallest: two rounds of a tournament. Who wins cannot be predicted, so
  // the choice is arithmetic, not a branch.
  static size_t SmallestOfFour(const Entry* items, size_t first) {
    const size_t a = first + static_cast<size_t>(Before(items[first + 1], items[first]));
    const size_t b = first + 2 + static_cast<size_t>(Before(items[first + 3], items[first + 2]));
    return a ^ ((a ^ b) & -static_cast<size_t>(Before(items[b], items[a])));
  }

  // What comes down was at the bottom, or is new: it belongs far down. So the hole goes to the
  // bottom first, without a look at the entry, and the entry up from there (R. W. Floyd).
  void SiftDown(size_t hole, const Entry entry) {
    Entry* const items = items_.data();
    const size_t n = items_.size(), top = hole;
    size_t first = 4 * hole + 1;
    for (; first + 4 <= n; first = 4 * hole + 1) {
      const size_t best = SmallestOfFour(items, first);
      items[hole] = items[best];
      hole = best;
    }
    if (first < n) {  // fewer than four
      size_t best = first;
      for (size_t child = first + 1; child < n; ++child) {
        if (Before(items[child], items[best])) best = child;
      }
      items[hole] = items[best];
      hole = best;
    }
    while (hole > top) {
      const size_t parent = (hole - 1) / 4;
      if (!Before(entry, items[parent])) break;
      items[hole] = items[parent];
      hole = parent;
    }
    items[hole] = entry;
  }

  std::vector<Entry> items_;
};

}  // namespace reeve
