// OpenWhisk's answers as actions, bounds and activation records: whatever is in them, they keep
// what their headers promise, and each record is counted once.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "controller/openwhisk/activation_ledger.h"
#include "controller/openwhisk/attachment.h"
#include "controller/openwhisk/limit_change.h"
#include "controller/openwhisk/whisk_key.h"
#include "controller/openwhisk/whisk_objects.h"
#include "core/check.h"

namespace reeve {
namespace {

void CheckAction(const WhiskAction& action, const WhiskBounds& bounds) {
  REEVE_CHECK(!action.path.empty());
  REEVE_CHECK(action.limits.memory >= Mebibytes(1) && action.limits.concurrency >= 1);
  REEVE_CHECK(!action.limits.instances || *action.limits.instances >= 1);
  const WhiskAttachment attachment = AttachmentOf(action);
  REEVE_CHECK(attachment.before.size() == attachment.set.size());
  // Whatever stood there: what is handed back is not ours any more.
  if (const auto back = HandBackBody(action, 100)) {
    WhiskAction after = action;
    after.annotations = (*back)["annotations"];
    REEVE_CHECK(!IsAttached(after) && !HandBackBody(after, 100));
  }
  ChangeContext context;
  context.now = action.limits;
  context.wanted.memory = ChooseSize(action.limits.memory, {Mebibytes(128), Mebibytes(512)}, bounds)
                              .value_or(action.limits.memory);
  context.containers = 3;
  const ChangeVerdict verdict = JudgeChange(context, {}, SimTime::Minutes(10));
  REEVE_CHECK(verdict.change || context.now == context.wanted || !verdict.why.empty());
}

void FuzzOne(std::string_view input) {
  (void)ParseWhiskKey(std::string(input));
  REEVE_CHECK(WhiskErrorText(input).size() <= 500);
  const nlohmann::json all = nlohmann::json::parse(input, nullptr, false);
  WhiskBounds bounds;
  ReadWhiskBounds(all, bounds);
  if (!all.is_array()) return;
  ActivationLedger ledger(SimTime::Minutes(10));
  std::vector<WhiskActivation> records;
  for (const nlohmann::json& one : all) {
    ReadWhiskBounds(one, bounds);
    if (const auto action = ReadWhiskAction(one); action.ok()) {
      CheckAction(*action, bounds);
      ledger.SetAction(action->path, action->version, action->limits.concurrency);
    }
    if (const auto record = ReadWhiskActivation(one)) {
      REEVE_CHECK(!record->id.empty() && !record->path.empty());
      REEVE_CHECK(record->wait_ms >= 0 && record->arrival_ms() >= 0);
      REEVE_CHECK(!record->end_ms || *record->end_ms >= record->start_ms);
      records.push_back(*record);
      ledger.SetAction(record->path, record->version, 1);
    }
  }
  ledger.Add(records, INT64_MIN);
  const uint64_t counted = ledger.counted();
  ledger.Add(records, INT64_MIN);
  REEVE_CHECK(ledger.counted() == counted && counted <= records.size());
  for (const WhiskActivation& record : records) {
    const ActionFigures figures = ledger.Take(record.path, 0, record.start_ms);
    REEVE_CHECK(figures.mean_in_flight >= 0 && figures.mean_queued >= 0);
    REEVE_CHECK(figures.completed.size() == figures.completions);
    REEVE_CHECK(figures.containers <= 2 * records.size());
  }
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
