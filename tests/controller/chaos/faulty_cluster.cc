#include "tests/controller/chaos/faulty_cluster.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "controller/knative/names.h"
#include "controller/knative/queue_stat.h"
#include "controller/kube/json_reading.h"
#include "core/check.h"
#include "core/files.h"

namespace reeve {
namespace {

using nlohmann::json;

constexpr const char* kNamespace = "chaos";

std::string ServiceOf(int function) {
  return fmt::format("f{}", function);
}

std::string PodOf(int function, int pod) {
  return fmt::format("f{}-pod-{}", function, pod);
}

json Object(const std::string& name, const json& labels, json spec) {
  return {{"metadata", {{"name", name}, {"namespace", kNamespace}, {"labels", labels}}},
          {"spec", std::move(spec)}};
}

std::string Status(int code) {
  return json{{"kind", "Status"}, {"status", "Failure"}, {"code", code}, {"message", "chaos"}}
      .dump();
}

// The whole answer, less its end; what follows is the end of the connection or of the body.
ScriptedReply CutShort(ScriptedReply whole, bool reset) {
  if (whole.stream) return whole;
  const std::string half = whole.body.substr(0, whole.body.size() / 2);
  if (reset) {
    whole.chunks = {half};
    whole.cut = true;
  } else {
    whole.body = half;
  }
  return whole;
}

}  // namespace

bool IsOfMetrics(FaultKind kind) {
  return kind >= FaultKind::kMetricsError && kind <= FaultKind::kMetricsStale;
}

bool IsOfApiServer(FaultKind kind) {
  return kind <= FaultKind::kOutage;
}

std::string FaultyCluster::Revision(int function) {
  return ServiceOf(function) + "-00001";
}

FaultyCluster::FaultyCluster(StepClock& clock, uint64_t seed)
    : clock_(clock),
      seed_(seed),
      queue_proxies_([this](const ScriptedRequest& request) { return Statistics(request); }) {
  for (int f = 0; f < kFunctions; ++f) {
    const json labels = {{std::string(knative::kServiceLabel), ServiceOf(f)},
                         {std::string(knative::kRevisionLabel), Revision(f)},
                         {std::string(knative::kRoutingStateLabel), "active"}};
    const json container = {{"name", "user-container"},
                            {"resources", {{"limits", {{"cpu", "1"}, {"memory", "256Mi"}}}}}};
    json service = Object(ServiceOf(f), labels, json::object());
    service["status"]["latestReadyRevisionName"] = Revision(f);
    kube_.Put(knative::kServices, service);
    json revision = Object(Revision(f), labels, {{"containers", json::array({container})}});
    revision["metadata"]["annotations"] = {
        {std::string(knative::kMinScale), std::to_string(kLeast)},
        {std::string(knative::kMaxScale), std::to_string(kMost)}};
    kube_.Put(knative::kRevisions, revision);
    kube_.Put(knative::kPodAutoscalers,
              Object(Revision(f), labels, {{"reachability", "Reachable"}}));
    kube_.Put(kube::kDeployments, Object(Revision(f) + "-deployment", labels, {{"replicas", 1}}));
    demand_[static_cast<size_t>(f)] = 1;
    SetPods(f, 1);
  }
  kube_.SetBetween(
      [this](const ScriptedRequest& request, const std::function<ScriptedReply()>& answer) {
        return Between(request, answer);
      });
}

void FaultyCluster::Configure(const std::string& folder, KnativeConfig& config) const {
  const std::string path = folder + "/kubeconfig";
  const std::string text = fmt::format(
      "current-context: t\nclusters: [{{name: t, cluster: {{server: '{}'}}}}]\n"
      "contexts: [{{name: t, context: {{cluster: t, namespace: {}}}}}]\n",
      kube_.url(), kNamespace);
  REEVE_CHECK(WriteFileAtomically(path, text).ok());
  config.kubeconfig = path;
  config.ns = kNamespace;
  for (int f = 0; f < kFunctions; ++f) {
    for (int pod = 0; pod < kMost; ++pod) {
      const std::string name = PodOf(f, pod);
      config.direct.addresses[std::string(kNamespace) + "/" + name].statistics =
          fmt::format("127.0.0.1:{}/{}", queue_proxies_.port(), name);
    }
  }
}

// ---- faults

double FaultyCluster::Draw(const ScriptedRequest& request) {
  const std::lock_guard lock(mutex_);
  const std::string& path = request.path;
  const uint64_t seed = XXH3_64bits_withSeed(path.data(), path.size(), seed_);
  return draws_.try_emplace(path, RandomStream(seed, StreamPurpose::kFailure, 0))
      .first->second.Uniform();
}

void FaultyCluster::Begin(FaultKind kind, double share) {
  {
    const std::lock_guard lock(mutex_);
    active_.push_back({kind, share});
  }
  if (kind == FaultKind::kGone) kube_.ExpireWatches();
  if (kind == FaultKind::kGarbage) kube_.Garble("{\"type\":\"MODIFIED\",\"object\":\x01\xff]]\n");
  if (kind == FaultKind::kOutage || kind == FaultKind::kReset) kube_.EndWatches();
}

void FaultyCluster::End(FaultKind kind) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(active_, [&](const Active& active) { return active.kind == kind; });
  }
  if (kind == FaultKind::kDelay) LetGo();
}

void FaultyCluster::Mute(bool mute) {
  const std::lock_guard lock(mutex_);
  mute_ = mute;
}

void FaultyCluster::LetGo() {
  std::shared_ptr<StopSignal> late;
  {
    const std::lock_guard lock(mutex_);
    late = std::exchange(late_, std::make_shared<StopSignal>());
  }
  late->Stop();
}

std::optional<FaultKind> FaultyCluster::Hit(const ScriptedRequest& request, bool metrics) {
  std::vector<Active> active;
  {
    const std::lock_guard lock(mutex_);
    if (!metrics && mute_) return FaultKind::kOutage;
    active = active_;
  }
  for (const Active& each : active) {
    if (!metrics && each.kind == FaultKind::kOutage) return each.kind;
  }
  for (const Active& each : active) {
    if (metrics ? !IsOfMetrics(each.kind) : !IsOfApiServer(each.kind)) continue;
    if (each.share >= 1 || Draw(request) < each.share) return each.kind;
  }
  return std::nullopt;
}

ScriptedReply FaultyCluster::Between(const ScriptedRequest& request,
                                     const std::function<ScriptedReply()>& answer) {
  const std::optional<FaultKind> fault = Hit(request, /*metrics=*/false);
  const bool may_change =
      request.method == "PATCH" && request.path.find("/revisions/") != std::string::npos;
  std::array<ScaleChange, kFunctions> before;
  if (may_change) {
    for (int f = 0; f < kFunctions; ++f) before[static_cast<size_t>(f)] = ScaleOf(f);
  }
  ScriptedReply reply = fault ? Faulty(*fault, request, answer) : answer();
  for (int f = 0; may_change && f < kFunctions; ++f) {
    const ScaleChange now = ScaleOf(f);
    const ScaleChange& then = before[static_cast<size_t>(f)];
    if (now.low == then.low && now.high == then.high && now.attached == then.attached) continue;
    const std::lock_guard lock(mutex_);
    changes_.push_back(now);
  }
  return reply;
}

ScriptedReply FaultyCluster::Faulty(FaultKind kind, const ScriptedRequest& request,
                                    const std::function<ScriptedReply()>& answer) {
  switch (kind) {
    case FaultKind::kConflict:
      return {.status = 409, .body = Status(409)};
    case FaultKind::kGone:
      return {.status = 410, .body = Status(410)};
    case FaultKind::kBusy:
      return {.status = 429, .body = Status(429)};
    case FaultKind::kError:
      return {.status = 500, .body = Status(500)};
    case FaultKind::kUnavailable:
      return {.status = 503, .body = "busy", .headers = {{"Retry-After", "1"}}};
    case FaultKind::kDelay: {
      const SimTime late = SimTime::FromSeconds(1.5 * Draw(request));
      // The loop waits for what it writes, and drives the clock: time goes by for it. Everybody
      // else waits as for any answer.
      const bool of_loop = request.path.find("/revisions/") != std::string::npos;
      if (of_loop) {
        clock_.AdvanceTo(std::as_const(clock_).Now() + late);
        return answer();
      }
      std::shared_ptr<StopSignal> let_go;
      {
        const std::lock_guard lock(mutex_);
        let_go = late_;
      }
      clock_.WaitFor(late, *let_go);
      return answer();
    }
    case FaultKind::kReset:
      // Done and not answered, or not done: the client cannot tell.
      if (Draw(request) < 0.5) return CutShort(answer(), /*reset=*/true);
      return {.chunks = {"{"}, .cut = true};
    case FaultKind::kTruncated:
      return CutShort(answer(), /*reset=*/false);
    case FaultKind::kGarbage:
      return {.body = "\x7f\x45\x4c\x46]]{\"items\":17,\x01\x02"};
    default:
      return {.chunks = {}, .cut = true};
  }
}

ScriptedReply FaultyCluster::Statistics(const ScriptedRequest& request) {
  // "/f1-pod-0/metrics"
  const std::string pod = request.path.substr(1, request.path.rfind('/') - 1);
  const int function = pod.size() > 1 ? pod[1] - '0' : -1;
  QueueStat stat;
  {
    const std::lock_guard lock(mutex_);
    if (function < 0 || function >= kFunctions) return {.status = 404};
    const auto f = static_cast<size_t>(function);
    for (int i = 0; i < kMost; ++i) {
      if (pod == PodOf(function, i) && i >= pods_[f]) return {.status = 404};
    }
    // All of the load is on the first pod, so that the sum does not depend on how many there are.
    stat.pod = pod;
    stat.average_concurrency = pod == PodOf(function, 0) ? demand_[f] : 0;
    stat.request_rate = stat.average_concurrency;
  }
  stat.timestamp_ms = std::as_const(clock_).Now().micros() / 1000;
  std::string body = WriteQueueStat(stat);
  const std::optional<FaultKind> fault = Hit(request, /*metrics=*/true);
  if (fault == FaultKind::kMetricsStale) {
    const std::lock_guard lock(mutex_);
    const auto known = last_statistics_.find(pod);
    if (known != last_statistics_.end()) body = known->second;
    return {.body = body, .content_type = "application/protobuf"};
  }
  {
    const std::lock_guard lock(mutex_);
    last_statistics_[pod] = body;
  }
  if (!fault) return {.body = body, .content_type = "application/protobuf"};
  switch (*fault) {
    case FaultKind::kMetricsError:
      return {.status = 500, .body = "chaos"};
    case FaultKind::kMetricsSilent:
      return {.hold = true};
    case FaultKind::kMetricsReset:
      return {.content_type = "application/protobuf",
              .chunks = {body.substr(0, body.size() / 2)},
              .cut = true};
    case FaultKind::kMetricsTruncated:
      return {.body = body.substr(
                  0, static_cast<size_t>(Draw(request) * static_cast<double>(body.size()))),
              .content_type = "application/protobuf"};
    case FaultKind::kMetricsGarbage:
      return {.body = "<html>\xff\xfe</html>", .content_type = "application/protobuf"};
    default: {
      // A negative and an infinite number, as bytes: -1 and +Inf at once.
      body = std::string("\x11\x00\x00\x00\x00\x00\x00\xf0\xbf", 9) +
             std::string("\x21\x00\x00\x00\x00\x00\x00\xf0\x7f", 9);
      return {.body = body, .content_type = "application/protobuf"};
    }
  }
}

// ---- the cluster's own life

void FaultyCluster::SetDemand(int function, double requests_at_once) {
  const std::lock_guard lock(mutex_);
  demand_[static_cast<size_t>(function)] = requests_at_once;
}

FaultyCluster::ScaleChange FaultyCluster::ScaleOf(int function) const {
  const json revision = kube_.Get(knative::kRevisions, kNamespace, Revision(function));
  const auto number = [&](std::string_view key) {
    return std::stoi(AnnotationOf(revision, key).value_or("-1"));
  };
  return {.function = function,
          .at = std::as_const(clock_).Now(),
          .low = number(knative::kMinScale),
          .high = number(knative::kMaxScale),
          .attached = AnnotationOf(revision, knative::kAttached).has_value()};
}

std::vector<FaultyCluster::ScaleChange> FaultyCluster::TakeChanges() {
  const std::lock_guard lock(mutex_);
  return std::exchange(changes_, {});
}

void FaultyCluster::PlayKnative() {
  {
    const std::lock_guard lock(mutex_);
    for (const Active& active : active_) {
      if (active.kind == FaultKind::kOutage) return;
    }
  }
  for (int f = 0; f < kFunctions; ++f) {
    const ScaleChange scale = ScaleOf(f);
    json deployment = kube_.Get(kube::kDeployments, kNamespace, Revision(f) + "-deployment");
    const int now = static_cast<int>(IntegerAt(deployment, "spec.replicas").value_or(1));
    const int wanted = std::min(std::max(now, scale.low), scale.high);
    if (wanted == now) continue;
    deployment["spec"]["replicas"] = wanted;
    kube_.Put(kube::kDeployments, std::move(deployment));
    SetPods(f, wanted);
  }
}

void FaultyCluster::SetPods(int function, int pods) {
  int before = 0;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(pods_[static_cast<size_t>(function)], pods);
  }
  for (int i = before; i < pods; ++i) {
    json pod =
        Object(PodOf(function, i), {{std::string(knative::kRevisionLabel), Revision(function)}},
               {{"containers", json::array({{{"name", "user-container"}}})}});
    pod["status"] = {{"phase", "Running"},
                     {"podIP", "127.0.0.1"},
                     {"conditions", json::array({{{"type", "Ready"}, {"status", "True"}}})}};
    kube_.Put(kube::kPods, std::move(pod));
  }
  for (int i = pods; i < before; ++i) kube_.Remove(kube::kPods, kNamespace, PodOf(function, i));
}

}  // namespace reeve
