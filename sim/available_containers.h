// The containers of one function that can take a request, in the order of the router's strategy.
// All operations are O(1) or O(log n) in the number of containers, without allocation once grown;
// Remove is O(n) for the strategies without positions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/check.h"
#include "sim/cluster_spec.h"

namespace reeve {

// What the router needs to know of a container; lives in the container.
struct RouterSlot {
  uint32_t position = kOut;  // in the heap; kOut: not available
  uint32_t outstanding = 0;  // requests in execution
  uint32_t concurrency = 1;  // limit
  uint32_t sequence = 0;     // order of creation within the run
  static constexpr uint32_t kOut = UINT32_MAX;
  static constexpr uint32_t kIn = UINT32_MAX - 1;  // available, strategy without positions
  bool available() const { return position != kOut; }
};

// `Slots` is any array-like of containers: slots[c].slot is the RouterSlot of container c.
template <class Slots>
class AvailableContainers {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  explicit AvailableContainers(RouterStrategy strategy) : strategy_(strategy) {}

  // No container any more. The slots are the caller's to forget.
  void Clear() {
    items_.clear();
    head_ = 0;
    pick_ = kNone;
  }

  // The container that takes the next request; kNone: all are full.
  uint32_t Pick() const { return pick_; }

  // Calls `visit` for the containers that are likely to be picked soon, two at most.
  template <class Visit>
  void VisitNext(Visit visit) const {
    if (pick_ != kNone) visit(pick_);
    const size_t size = items_.size();
    if (strategy_ == RouterStrategy::kMostRecent && size > 1) visit(items_[size - 2].container);
  }

  // A container became ready, with room for requests.
  void Add(Slots& slots, uint32_t c) { Insert(slots, c); }

  // The picked container took a request: its outstanding count has just been raised.
  void Taken(Slots& slots, uint32_t c) {
    RouterSlot& slot = slots[c].slot;
    const bool full = slot.outstanding >= slot.concurrency;
    switch (strategy_) {
      case RouterStrategy::kMostRecent:
        if (full) {
          items_.pop_back();
          slot.position = RouterSlot::kOut;
        }
        break;
      case RouterStrategy::kRoundRobin:
        PopFront();
        slot.position = RouterSlot::kOut;
        if (!full) Insert(slots, c);
        break;
      default:
        if (full) {
          RemoveAt(slots, slot.position);
        } else {
          Reorder(slots, c);
        }
    }
    SetPick();
  }

  // A request of the container ended: its outstanding count has just been lowered.
  void Released(Slots& slots, uint32_t c) {
    RouterSlot& slot = slots[c].slot;
    if (!slot.available()) {
      if (slot.outstanding < slot.concurrency) Insert(slots, c);
    } else if (UsesHeap()) {
      Reorder(slots, c);
      SetPick();
    }
  }

  // The container drains, failed or goes.
  void Remove(Slots& slots, uint32_t c) {
    RouterSlot& slot = slots[c].slot;
    if (!slot.available()) return;
    if (UsesHeap()) {
      RemoveAt(slots, slot.position);
    } else {
      const auto at = std::find_if(items_.begin() + head_, items_.end(),
                                   [c](const Item& item) { return item.container == c; });
      items_.erase(at);
      slot.position = RouterSlot::kOut;
    }
    SetPick();
  }

 private:
  struct Item {
    uint64_t key;
    uint32_t container;
  };

  bool UsesHeap() const {
    return strategy_ == RouterStrategy::kLeastOutstanding || strategy_ == RouterStrategy::kNewest;
  }

  uint64_t Key(const RouterSlot& slot) const {
    if (strategy_ == RouterStrategy::kNewest) return UINT32_MAX - slot.sequence;
    return uint64_t{slot.outstanding} << 32 | slot.sequence;
  }

  void Insert(Slots& slots, uint32_t c) {
    RouterSlot& slot = slots[c].slot;
    REEVE_DCHECK(!slot.available());
    if (UsesHeap()) {
      items_.push_back({Key(slot), c});
      SiftUp(slots, static_cast<uint32_t>(items_.size()) - 1);
    } else {
      items_.push_back({0, c});
      slot.position = RouterSlot::kIn;
    }
    if (strategy_ == RouterStrategy::kMostRecent) {
      pick_ = c;  // without a look at the list
    } else {
      SetPick();
    }
  }

  void SetPick() {
    if (head_ == items_.size()) {
      pick_ = kNone;
    } else {
      const bool last = strategy_ == RouterStrategy::kMostRecent;
      pick_ = (last ? items_.back() : items_[head_]).container;
    }
  }

  void PopFront() {
    ++head_;
    // Reclaim the front once it is the larger part: O(1) amortised.
    if (head_ > 32 && head_ * 2 > items_.size()) {
      items_.erase(items_.begin(), items_.begin() + head_);
      head_ = 0;
    }
  }

  void Reorder(Slots& slots, uint32_t c) {
    const uint32_t at = slots[c].slot.position;
    items_[at].key = Key(slots[c].slot);
    SiftUp(slots, at);
    SiftDown(slots, slots[c].slot.position);
  }

  void RemoveAt(Slots& slots, uint32_t at) {
    slots[items_[at].container].slot.position = RouterSlot::kOut;
    const Item last = items_.back();
    items_.pop_back();
    if (at == items_.size()) return;
    items_[at] = last;
    slots[last.container].slot.position = at;
    SiftUp(slots, at);
    SiftDown(slots, slots[last.container].slot.position);
  }

  void SiftUp(Slots& slots, uint32_t at) {
    const Item item = items_[at];
    while (at > 0 && item.key < items_[(at - 1) / 2].key) {
      Place(slots, at, items_[(at - 1) / 2]);
      at = (at - 1) / 2;
    }
    Place(slots, at, item);
  }

  void SiftDown(Slots& slots, uint32_t at) {
    const Item item = items_[at];
    while (true) {
      uint32_t child = 2 * at + 1;
      if (child >= items_.size()) break;
      if (child + 1 < items_.size() && items_[child + 1].key < items_[child].key) ++child;
      if (item.key <= items_[child].key) break;
      Place(slots, at, items_[child]);
      at = child;
    }
    Place(slots, at, item);
  }

  void Place(Slots& slots, uint32_t at, const Item& item) {
    items_[at] = item;
    slots[item.container].slot.position = at;
  }

  uint32_t pick_ = kNone;    // at hand, so that a request need not reach into the list
  uint32_t head_ = 0;        // round robin: items before it are gone
  std::vector<Item> items_;  // most recent: a stack; round robin: a queue; else a heap by key
  RouterStrategy strategy_;
};

}  // namespace reeve
