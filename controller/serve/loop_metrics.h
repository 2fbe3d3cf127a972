// The loop's metrics for Prometheus. Names, labels and meaning are in docs/serve.md; a test holds
// both together.
#pragma once

#include <memory>
#include <string>

#include "controller/loop_records.h"
#include "controller/store/store_writer.h"

namespace reeve {

// OnTick and OnEvent from the loop's thread, Text from any.
class LoopMetrics : public LoopSink {
 public:
  // `store` may be null; it outlives the object.
  LoopMetrics(const std::string& platform, const std::string& policy, SimTime period,
              const StoreWriter* store);
  ~LoopMetrics() override;

  void OnTick(const TickRecord& tick) override;
  void OnEvent(const EventRecord& event) override;

  // Everything in Prometheus' text format.
  std::string Text() const;

 private:
  struct Families;
  void CountFunctions(const TickRecord& tick);

  const StoreWriter* const store_;
  const std::unique_ptr<Families> families_;
};

}  // namespace reeve
