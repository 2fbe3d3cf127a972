#include "bench/knative_world.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <deque>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"
#include "core/check.h"
#include "tests/controller/knative/fake_kube.h"
#include "tests/controller/scripted_server.h"

namespace reeve {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

// Knative's buckets, in seconds; the last one is for the rest.
constexpr std::array<double, 14> kBounds = {.005, .01, .025, .05, .075, .1,  .25,
                                            .5,   .75, 1,    2.5, 5,    7.5, 10};

// What a controller does not read, and has to get all the same: some of what real ones have.
json Environment() {
  json environment = json::array();
  for (int i = 0; i < 30; ++i) {
    environment.push_back({{"name", fmt::format("SOME_VARIABLE_{}", i)},
                           {"value", "a value of a length that such values have"}});
  }
  return environment;
}

class World {
 public:
  explicit World(const WorldSpec& spec) : spec_(spec), begin_(Clock::now()) {
    for (int32_t f = 0; f < spec.functions; ++f) Add(f);
    for (int n = 0; n < 200; ++n) {
      kube_.Put(kube::kNodes,
                {{"metadata", {{"name", fmt::format("node-{}", n)}}},
                 {"status",
                  {{"allocatable", {{"cpu", "64"}, {"memory", "256Gi"}}},
                   {"conditions", json::array({{{"type", "Ready"}, {"status", "True"}}})}}}});
    }
    prometheus_ = std::make_unique<ScriptedServer>(
        [this](const ScriptedRequest& request) { return Query(request.query.at("query")); });
  }

  WorldAddress address() const { return {kube_.url(), prometheus_->url()}; }

  // Knative's controllers: what is annotated becomes pods, which are ready a second later.
  void Play() {
    std::set<std::string> changed;
    for (const std::string& write : kube_.TakeWrites()) {
      std::istringstream words(write);
      std::string method, resource, name;
      words >> method >> resource >> name;
      if (method == "PATCH" && resource == "revisions") changed.insert(name);
    }
    for (const std::string& name : changed) {
      const size_t slash = name.find('/');
      Follow(name.substr(0, slash), name.substr(slash + 1));
    }
    while (!starting_.empty() && starting_.front().first <= Clock::now()) {
      json pod = starting_.front().second;
      starting_.pop_front();
      const std::string ns = TextAt(pod, "metadata.namespace");
      if (kube_.Get(kube::kPods, ns, TextAt(pod, "metadata.name")).is_null()) continue;
      pod["status"]["conditions"] = Ready("True");
      kube_.Put(kube::kPods, std::move(pod));
    }
  }

 private:
  std::string NamespaceOf(int32_t f) const {
    return fmt::format("tenant-{}", f % spec_.namespaces);
  }
  static std::string RevisionOf(int32_t f) { return fmt::format("f{:05}-00001", f); }
  static json Ready(const char* status) {
    return json::array(
        {{{"type", "Ready"}, {"status", status}, {"lastTransitionTime", "2026-11-23T06:17:00Z"}}});
  }

  void Add(int32_t f) {
    const std::string ns = NamespaceOf(f), revision = RevisionOf(f);
    const std::string service = revision.substr(0, revision.size() - 6);
    const json labels = {{std::string(knative::kServiceLabel), service},
                         {std::string(knative::kRevisionLabel), revision},
                         {std::string(knative::kRoutingStateLabel), "active"}};
    const auto object = [&](const std::string& name, json spec, json status) {
      return json{{"metadata", {{"name", name}, {"namespace", ns}, {"labels", labels}}},
                  {"spec", std::move(spec)},
                  {"status", std::move(status)}};
    };
    const json container = {{"name", "user-container"},
                            {"image", "hello"},
                            {"resources", {{"limits", {{"cpu", "1"}, {"memory", "256Mi"}}}}}};
    kube_.Put(knative::kServices,
              object(service, json::object(), {{"latestReadyRevisionName", revision}}));
    kube_.Put(
        knative::kRevisions,
        object(revision, {{"containerConcurrency", 10}, {"containers", json::array({container})}},
               json::object()));
    kube_.Put(knative::kPodAutoscalers,
              object(revision, {{"reachability", "Reachable"}, {"protocolType", "http1"}},
                     {{"desiredScale", 1}, {"actualScale", 1}}));
    json template_container = container;
    template_container["env"] = Environment();
    kube_.Put(
        kube::kDeployments,
        object(revision + "-deployment",
               {{"replicas", 1},
                {"template", {{"spec", {{"containers", json::array({template_container})}}}}}},
               json::object()));
    json pod = Pod(ns, revision, 0);
    pod["status"]["conditions"] = Ready("True");
    kube_.Put(kube::kPods, std::move(pod));
  }

  static json Pod(const std::string& ns, const std::string& revision, int number) {
    const json container = {{"name", "user-container"},
                            {"env", Environment()},
                            {"resources", {{"limits", {{"cpu", "1"}, {"memory", "256Mi"}}}}}};
    return {
        {"metadata",
         {{"name", fmt::format("{}-pod-{}", revision, number)},
          {"namespace", ns},
          {"creationTimestamp", "2026-11-23T06:16:58Z"},
          {"labels", {{std::string(knative::kRevisionLabel), revision}}}}},
        {"spec", {{"containers", json::array({{{"name", "queue-proxy"}}, container})}}},
        {"status", {{"phase", "Running"}, {"podIP", "127.0.0.1"}, {"conditions", Ready("False")}}}};
  }

  void Follow(const std::string& ns, const std::string& revision) {
    const json from = kube_.Get(knative::kRevisions, ns, revision);
    const auto text = AnnotationOf(from, knative::kMinScale);
    json autoscaler = kube_.Get(knative::kPodAutoscalers, ns, revision);
    if (autoscaler.is_null()) return;
    autoscaler["metadata"]["annotations"] = from["metadata"].value("annotations", json::object());
    const int wanted = text ? std::max(1, std::atoi(text->c_str())) : 1;
    autoscaler["status"]["desiredScale"] = wanted;
    kube_.Put(knative::kPodAutoscalers, std::move(autoscaler));
    json deployment = kube_.Get(kube::kDeployments, ns, revision + "-deployment");
    const int is = static_cast<int>(IntegerAt(deployment, "spec.replicas").value_or(0));
    if (wanted == is) return;
    deployment["spec"]["replicas"] = wanted;
    kube_.Put(kube::kDeployments, std::move(deployment));
    for (int pod = is; pod < wanted; ++pod) {
      json made = Pod(ns, revision, pod);
      starting_.emplace_back(Clock::now() + std::chrono::seconds(1), made);
      kube_.Put(kube::kPods, std::move(made));
    }
    for (int pod = wanted; pod < is; ++pod) {
      kube_.Remove(kube::kPods, ns, fmt::format("{}-pod-{}", revision, pod));
    }
  }

  double Rate(int32_t f) const {
    const double t = std::chrono::duration<double>(Clock::now() - begin_).count();
    return spec_.busiest_rps * std::pow(f + 1, -spec_.zipf) *
           (1 + spec_.swing * std::sin(2 * M_PI * t / spec_.swing_seconds + f));
  }

  // Vectors as Prometheus answers them, with the labels that Reeve's queries leave.
  ScriptedReply Query(const std::string& query) {
    const auto has = [&](const char* part) { return query.find(part) != std::string::npos; };
    fmt::memory_buffer out;
    const auto to = std::back_inserter(out);
    fmt::format_to(to, R"({{"status":"success","data":{{"resultType":"vector","result":[)");
    bool first = true;
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    const auto sample = [&](int32_t f, const char* le, double value) {
      fmt::format_to(
          to,
          R"({}{{"metric":{{"k8s_namespace_name":"{}","kn_revision_name":"{}",{}"reeve_ns":"{}","reeve_rev":"{}"}},"value":[{:.3f},"{}"]}})",
          first ? "" : ",", NamespaceOf(f), RevisionOf(f), le, NamespaceOf(f), RevisionOf(f), now,
          value);
      first = false;
    };
    const auto each = [&](double per_request, bool of_rate) {
      for (int32_t f = 0; f < spec_.functions; ++f)
        sample(f, "", of_rate ? per_request * Rate(f) : per_request);
    };
    if (has("_bucket")) {
      std::array<std::string, kBounds.size() + 1> labels;
      std::array<double, kBounds.size() + 1> below;
      for (size_t b = 0; b < labels.size(); ++b) {
        const bool last = b == kBounds.size();
        labels[b] = last ? R"("le":"+Inf",)" : fmt::format(R"("le":"{}",)", kBounds[b]);
        below[b] = last ? 1 : 1 - std::exp(-kBounds[b] / spec_.service_seconds);
      }
      for (int32_t f = 0; f < spec_.functions; ++f) {
        const double rate = Rate(f);
        for (size_t b = 0; b < labels.size(); ++b) sample(f, labels[b].c_str(), rate * below[b]);
      }
    } else if (has("5..")) {
      each(0, false);
    } else if (has("_sum")) {
      each(spec_.service_seconds, true);
    } else if (has("target_info") && has("count by")) {
      each(1, false);
    }  // nothing queues at the activator, and nobody runs cAdvisor
    fmt::format_to(to, "]}}}}");
    return {.body = fmt::to_string(out)};
  }

  const WorldSpec spec_;
  const Clock::time_point begin_;
  FakeKube kube_;
  std::unique_ptr<ScriptedServer> prometheus_;
  std::deque<std::pair<Clock::time_point, json>> starting_;  // of Play's thread
};

}  // namespace

KnativeWorld::KnativeWorld(const WorldSpec& spec) {
  int to_parent[2], to_child[2];
  REEVE_CHECK(::pipe(to_parent) == 0 && ::pipe(to_child) == 0);
  child_ = ::fork();
  REEVE_CHECK(child_ >= 0);
  if (child_ == 0) {
    ::close(to_parent[0]);
    ::close(to_child[1]);
    ::signal(SIGINT, SIG_IGN);
    World world(spec);
    const WorldAddress address = world.address();
    const std::string line = address.kube + " " + address.prometheus + "\n";
    REEVE_CHECK(::write(to_parent[1], line.data(), line.size()) ==
                static_cast<ssize_t>(line.size()));
    std::thread([from = to_child[0]] {
      char byte;
      (void)!::read(from, &byte, 1);
      ::_exit(0);
    }).detach();
    for (;;) {
      world.Play();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  ::close(to_parent[1]);
  ::close(to_child[0]);
  alive_ = to_child[1];
  std::string line;
  for (char c; ::read(to_parent[0], &c, 1) == 1 && c != '\n';) line += c;
  ::close(to_parent[0]);
  std::istringstream words(line);
  REEVE_CHECK(static_cast<bool>(words >> address_.kube >> address_.prometheus));
}

KnativeWorld::~KnativeWorld() {
  ::close(alive_);
  ::waitpid(child_, nullptr, 0);
}

double KnativeWorld::CpuSeconds() const {
  // proc(5): utime and stime are the 14th and 15th field; the name in the second has no blank here.
  std::ifstream in(fmt::format("/proc/{}/stat", child_));
  std::string skipped;
  for (int field = 1; field < 14; ++field) in >> skipped;
  double user = 0, system = 0;
  in >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace reeve
