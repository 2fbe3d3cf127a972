// How an OpenWhisk deployment is reached, observed and acted on.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

struct WhiskTenantSpec {
  std::string key_file = {};
  std::string ns = "_";

  // `alice: keys/alice`
  static constexpr std::string_view kScalarField = "key_file";
  template <class V>
  static void Fields(V& v) {
    v.Field("key_file", &WhiskTenantSpec::key_file,
            "file with the tenant's key, as uuid:key; read again when it changes");
    v.Field("namespace", &WhiskTenantSpec::ns, "whose actions these are; _ is that of the key");
  }
};

struct WhiskTlsSpec {
  std::string ca_file = {};
  std::string certificate_file = {};
  std::string key_file = {};

  template <class V>
  static void Fields(V& v) {
    v.Field("ca_file", &WhiskTlsSpec::ca_file,
            "PEM file with the authority of the endpoint's certificate; empty: the system's");
    v.Field("certificate_file", &WhiskTlsSpec::certificate_file,
            "PEM file with a certificate to show to the endpoint; empty: none");
    v.Field("key_file", &WhiskTlsSpec::key_file, "PEM file with its key");
  }
};

// Which limits of an action are set.
struct WhiskSetsSpec {
  bool memory = true;
  bool concurrency = false;
  bool instances = false;

  template <class V>
  static void Fields(V& v) {
    v.Field("memory", &WhiskSetsSpec::memory, "limits.memory, and CPU with it");
    v.Field("concurrency", &WhiskSetsSpec::concurrency,
            "limits.concurrency; the action's image must be able to, and the namespace allow more "
            "than 1");
    v.Field("instances", &WhiskSetsSpec::instances,
            "limits.instances, from the replicas that are decided: most containers of the action; "
            "only where the new scheduler runs, the sharding balancer ignores it");
  }
};

// When a limit is changed: each change costs the warm containers that there are
// (controller/openwhisk/limit_change.h).
struct WhiskChangesSpec {
  SimTime least_interval = SimTime::Minutes(10);
  double least_change = 0.25;
  bool must_pay = true;
  SimTime horizon = SimTime::Minutes(30);
  double wait_price = 1;

  template <class V>
  static void Fields(V& v) {
    using C = WhiskChangesSpec;
    v.Field("least_interval", &C::least_interval, "least time between two changes of an action",
            AtLeast(0));
    v.Field("least_change", &C::least_change,
            "a limit that would change by less than this share of itself stays", Between(0, 100));
    v.Field("must_pay", &C::must_pay,
            "a change must gain more within `horizon`, at best, than its cold starts cost");
    v.Field("horizon", &C::horizon, "time over which a change must pay", AtLeast(1));
    v.Field("wait_price", &C::wait_price,
            "a second that a request waits costs as much as so many GiB-seconds of containers",
            Between(0, 1e6));
  }
};

struct WhiskPrewarmSpec {
  bool enabled = false;
  int32_t parallel = 10;
  int32_t per_minute = 60;
  SimTime least_interval = SimTime::Seconds(10);
  std::string marker = "reeve_prewarm";

  template <class V>
  static void Fields(V& v) {
    using P = WhiskPrewarmSpec;
    v.Field("enabled", &P::enabled,
            "keep as many containers warm as replicas are decided, by invoking the action: it must "
            "be one that may be invoked without need");
    v.Field("parallel", &P::parallel, "such activations of one action at once, at most",
            Between(1, 1000));
    v.Field("per_minute", &P::per_minute,
            "such activations of one tenant in a minute, at most: they count in its rate limit",
            Between(1, 1e6));
    v.Field("least_interval", &P::least_interval, "least time between two rounds of one action",
            AtLeast(0.1));
    v.Field("marker", &P::marker,
            "parameter, true, by which the action can tell them and return at once");
  }
};

enum class WhiskMetrics : uint8_t { kActivations, kUserEvents };
constexpr auto EnumNames(WhiskMetrics) {
  return std::array<std::pair<WhiskMetrics, std::string_view>, 2>{
      {{WhiskMetrics::kActivations, "activations"}, {WhiskMetrics::kUserEvents, "user_events"}}};
}

struct WhiskActivationsSpec {
  int32_t page = 200;
  int32_t max_pages = 50;
  SimTime settle = SimTime::Seconds(3);
  SimTime sweep = SimTime::Minutes(1);

  template <class V>
  static void Fields(V& v) {
    using A = WhiskActivationsSpec;
    v.Field("page", &A::page, "records in one request", Between(1, 200));
    v.Field("max_pages", &A::max_pages,
            "requests in one round; where there is more, numbers count as missing",
            Between(1, 10000));
    v.Field("settle", &A::settle,
            "time from an activation's end within which its record is there, but for exceptions",
            AtLeast(0));
    v.Field("sweep", &A::sweep,
            "every so often all are read that may have ended since: for those that ran longer than "
            "any lately, and those whose record came late",
            AtLeast(1));
  }
};

struct WhiskUserEventsSpec {
  std::string exporter = {};
  std::string prometheus = {};
  std::string token_file = {};
  std::string ca_file = {};
  SimTime timeout = SimTime::Seconds(2);

  template <class V>
  static void Fields(V& v) {
    using U = WhiskUserEventsSpec;
    v.Field("exporter", &U::exporter,
            "address of the user-events service's metrics, as http://HOST:9095/metrics");
    v.Field("prometheus", &U::prometheus, "instead of it: address of a Prometheus that scrapes it");
    v.Field("token_file", &U::token_file, "prometheus: file with a bearer token; empty: none");
    v.Field("ca_file", &U::ca_file,
            "file with the authority of its certificate; empty: the system's");
    v.Field("timeout", &U::timeout, "for one request", AtLeast(0.1));
  }
};

// What nobody tells who only has keys of namespaces.
struct WhiskAssumedSpec {
  Millicores cpu = Millicores::Cores(1);
  SimTime keep_alive = SimTime::Seconds(610);
  SimTime cold_start = SimTime::Seconds(1);
  Millicores cpu_capacity{0};
  Mebibytes memory_capacity{0};
  int32_t nodes = 0;

  template <class V>
  static void Fields(V& v) {
    using A = WhiskAssumedSpec;
    v.Field("cpu", &A::cpu, "CPU limit of a container", AtLeast(1));
    v.Field("keep_alive", &A::keep_alive,
            "idle time after which the invokers reclaim a container: pause grace and idle timeout",
            AtLeast(1));
    v.Field("cold_start", &A::cold_start, "how long one takes, until one was seen", AtLeast(0));
    v.Field("cpu_capacity", &A::cpu_capacity, "CPU of all invokers; 0: not known", AtLeast(0));
    v.Field("memory_capacity", &A::memory_capacity,
            "memory of all invokers' container pools; 0: not known", AtLeast(0));
    v.Field("nodes", &A::nodes, "invokers; 0: not known", AtLeast(0));
  }
};

struct OpenWhiskConfig {
  std::string endpoint = "http://127.0.0.1:3233";
  std::map<std::string, WhiskTenantSpec> tenants;
  WhiskTlsSpec tls;
  std::string slo_annotation = "reeve-slo-latency";

  WhiskSetsSpec sets;
  std::vector<Mebibytes> sizes = {Mebibytes(128), Mebibytes(256), Mebibytes(512)};
  WhiskChangesSpec changes;
  WhiskPrewarmSpec prewarm;

  WhiskMetrics metrics = WhiskMetrics::kActivations;
  WhiskActivationsSpec activations;
  WhiskUserEventsSpec user_events;
  WhiskAssumedSpec assumed;

  SimTime actions_period = SimTime::Seconds(10);
  SimTime request_timeout = SimTime::Seconds(2);
  SimTime actuation_within = SimTime::Seconds(30);

  template <class V>
  static void Fields(V& v) {
    using C = OpenWhiskConfig;
    v.Field("endpoint", &C::endpoint,
            "scheme, host and port of the controller or its gateway, without /api/v1");
    v.Field("tenants", &C::tenants, "who is controlled, by name");
    v.Field("tls", &C::tls, "how the endpoint is known, and we to it");
    v.Field("slo_annotation", &C::slo_annotation,
            "annotation of an action with its latency objective, as 500ms");
    v.Field("sets", &C::sets, "which limits are set");
    v.Field("sizes", &C::sizes,
            "memory limits that are chosen from, rising: what is decided becomes the nearest not "
            "below it");
    v.Field("changes", &C::changes, "when a limit is changed");
    v.Field("prewarm", &C::prewarm, "containers kept warm by activations without need");
    v.Field("metrics", &C::metrics,
            "activations: from the namespaces' activation records; user_events: from the counters "
            "of the user-events service");
    v.Field("activations", &C::activations, "how activation records are read");
    v.Field("user_events", &C::user_events, "how the counters are read");
    v.Field("assumed", &C::assumed, "what a tenant's key does not tell");
    v.Field("actions_period", &C::actions_period, "time between two lists of a tenant's actions",
            AtLeast(0.1));
    v.Field("request_timeout", &C::request_timeout, "for one request", AtLeast(0.1));
    v.Field("actuation_within", &C::actuation_within,
            "what is not in force after this long is reported", AtLeast(1));
  }
  absl::Status Validate() const;
};

}  // namespace reeve
