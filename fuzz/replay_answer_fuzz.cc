// What targets of a replay tell in their answers.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controller/replay/replay_target.h"
#include "core/check.h"

namespace reeve {
namespace {

void FuzzOne(std::string_view input) {
  for (const ReplayTargetKind kind : {ReplayTargetKind::kHttp, ReplayTargetKind::kOpenWhisk}) {
    const AnswerFacts facts = JudgeAnswer(kind, 200, input, input);
    REEVE_CHECK(facts.outcome == ReplayOutcome::kCompleted);
    if (facts.execution_us) {
      REEVE_CHECK(*facts.execution_us >= 0 && *facts.execution_us <= 1'000'000'000'000);
    }
  }
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
