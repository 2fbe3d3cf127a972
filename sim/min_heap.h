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
  void SiftDown(size_t hole, const Entry entry) {
    const size_t n = items_.size();
    while (true) {
      const size_t first = 4 * hole + 1;
      if (first >= n) break;
      size_t best = first;
      const size_t end = std::min(first + 4, n);
      for (size_t child = first + 1; child < end; ++child) {
        if (Before(items_[child], items_[best])) best = child;
      }
      if (!Before(items_[best], entry)) break;
      items_[hole] = items_[best];
      hole = best;
    }
    items_[hole] = entry;
  }

  std::vector<Entry> items_;
};

}  // namespace reeve
