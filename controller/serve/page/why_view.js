// Why a function has the containers it has: what was seen, who decided, what was wished, what became of it.
"use strict";

Reeve.whyView = (() => {
  const { format, source, history } = Reeve;
  const { byId, el } = Reeve.dom;
  let followed = null, shown = "";

  const words = {
    shadow: "the tenant is in shadow mode: decisions are told, not applied", paused: "the tenant is paused", off: "the tenant is off",
    not_leading: "another instance leads", late: "the tick took longer than a period", not_taken_over: "the function is not taken over yet",
    cool_down: "the last change is too recent", missing: "its numbers are missing", stale: "its numbers are too old", unreachable: "the platform does not answer",
    policy_failed: "the policy fails to decide", not_yet_trusted: "its numbers have not been sound for long enough", apply_failed: "the platform could not be written to",
    limits: "its owner's limits hold it", owner_limits: "its owner's limits hold it",
  };
  const reason = (why) => words[why] || why.replaceAll("_", " ");
  const deciders = {
    policy: (w) => `the policy, ${w.policy}`, safeguard: () => "the safeguard's fallback: the policy was not safe", fallback: () => "the loop's fallback, since its numbers are bad",
    hold: () => "nobody: what is stays, since its numbers are bad", platform: () => "the platform's own autoscaler",
  };
  const parts = { replicas: ["replicas", ""], cpu_millicores: ["CPU per container", " m"], memory_mib: ["memory per container", " MiB"], concurrency: ["concurrency", ""], keep_alive_seconds: ["keep-alive", " s"] };
  const decision = (of) => Object.entries(of).map(([key, value]) => `${(parts[key] || [key])[0]} ${format.number(value)}${(parts[key] || ["", ""])[1]}`).join(", ") || "nothing";

  function sentence(why) {
    const f = why.function;
    const what = f.wished.replicas === undefined ? "leaves its containers as they are" : `wishes ${format.count(f.wished.replicas)} replicas`;
    const who = { policy: `Policy ${why.policy}`, safeguard: "The safeguard's fallback", fallback: "The fallback" }[f.decided_by];
    const now = `${format.count(f.containers_ready)} ready, ${format.count(f.replicas_asked)} asked for.`;
    if (f.mode === "off") return `Nothing is decided: the tenant is off. Now ${now}`;
    if (!who) return `${f.decided_by === "hold" ? "What is stays" : "The platform's own autoscaler decides"}: ${reason(f.why || "hold")}. Now ${now}`;
    return `${who} ${what}${f.why ? `; ${reason(f.why)}` : ""}. Now ${now}`;
  }
  function facts(entries) {
    return el("dl", { class: "facts-list" }, ...entries.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  }
  const step = (title, ...body) => el("li", {}, el("h2", {}, title), ...body);

  function steps(why) {
    const f = why.function, s = why.saw, l = why.limits, a = why.adaptation;
    const range = (low, high, unit) => (low === null && high === null ? null : `${low === null ? "any" : format.count(low)} to ${high === null ? "any" : format.count(high)}${unit}`);
    const per = (n) => `${format.count(n)} in ${Number(s.window_seconds.toPrecision(3))} s`;
    return [
      step("It saw", s ? facts([
        ["arrivals", per(s.arrivals)], ["completions", per(s.completions)], ["in flight, mean", format.number(s.mean_in_flight)], ["waiting, mean", format.number(s.mean_queued)],
        ["in flight and waiting at the end", `${format.count(s.in_flight)} and ${format.count(s.queued)}`], ["containers", `${format.count(s.containers_ready)} ready, ${format.count(s.containers_starting)} starting, ${format.count(s.replicas_asked)} asked for`],
        ["requests at once in a container", s.concurrency_limit ? format.count(s.concurrency_limit) : "unlimited"], ["latency", `p50 ${format.millis(s.latency_p50_ms)}, p95 ${format.millis(s.latency_p95_ms)}, p99 ${format.millis(s.latency_p99_ms)}`],
        ["execution", `p50 ${format.millis(s.execution_p50_ms)}, p99 ${format.millis(s.execution_p99_ms)}`], ["objective", s.slo_latency_ms ? format.millis(s.slo_latency_ms) : "none"],
        ["missed the objective", format.count(s.slo_violations)], ["cold starts", format.count(s.cold_starts)], ["lost", format.count(s.failures + s.timeouts + s.rejections)],
        ["CPU", `${format.number(s.cpu_used_millicores)} m used, ${format.count(s.cpu_limit_millicores)} m for each container`], ["memory", `${format.number(s.memory_used_mib)} MiB used, ${format.count(s.memory_limit_mib)} MiB for each container`],
      ]) : el("p", {}, "No policy was asked yet.")),
      step("Can that be believed?", facts([["numbers", f.numbers.replaceAll("_", " ")], ["age", f.metrics_age_seconds === null ? "there are none" : format.span(f.metrics_age_seconds)], ["the platform says", f.detail]])),
      step("Who decided", facts([["decided by", deciders[f.decided_by](why)], ["the tenant", f.mode + (f.paused ? ", paused" : "")], ["this instance", why.leading ? "leads" : "does not lead"],
        ["environment", a ? `${a.environment}, confidence ${format.percent(a.confidence)}` : null], ["expert", a ? `${a.expert}${a.exploring ? ", exploring" : ""}` : null]])),
      step("What was wished", facts([["wished", decision(f.wished)]])),
      step("What its owner allows", facts([["replicas", range(l.min_replicas, l.max_replicas, "")], ["CPU", range(l.min_cpu_millicores, l.max_cpu_millicores, " m")], ["memory", range(l.min_memory_mib, l.max_memory_mib, " MiB")]])),
      step("What became of it", facts([["written at this tick", decision(f.applied)], ["not simply applied", f.why ? reason(f.why) : "–"], ["in force of ours", decision(f.in_force)], ["actuation", f.actuation], ["taken over", f.ours ? "yes" : "no"]])),
    ];
  }

  function changes(columns) {
    const rows = [];
    let last = "";
    (columns.seq || []).forEach((_, i) => {
      if (!columns.decided_by[i]) return;  // of an earlier run: not known
      const key = [columns.decided_by[i], columns.replicas_wished[i], columns.replicas_asked[i], columns.why[i]].join();
      if (key !== last) rows.push(i);
      last = key;
    });
    const body = rows.slice(-60).reverse().map((i) => el("tr", {}, el("th", { scope: "row" }, format.timeOfDay(columns.wall[i], true)), el("td", { class: "text" }, Reeve.overview.deciders[columns.decided_by[i]] || ""),
      el("td", {}, format.number(columns.mean_in_flight[i] + columns.mean_queued[i])), el("td", {}, format.count(columns.replicas_wished[i])), el("td", {}, format.count(columns.replicas_asked[i])), el("td", {}, format.count(columns.containers_ready[i])),
      el("td", { class: "text" }, columns.why[i] ? reason(columns.why[i]) : "")));
    byId("why-changes").replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, ...[["Time", 1], ["Decided by", 1], ["In flight and waiting"], ["Wished"], ["Asked for"], ["Ready"], ["Not simply applied", 1]].map(([t, text]) => el("th", { scope: "col", class: text ? "text" : null }, t)))),
      el("tbody", {}, ...(body.length ? body : [el("tr", {}, el("td", { class: "empty", colspan: 7 }, "Nothing changed yet."))]))));
  }

  async function show(id) {
    const row = source.now.byId.get(id);
    for (const part of ["why-sentence", "why-steps", "why-changes", "why-function"]) byId(part).hidden = !row;
    byId("why-title").textContent = row ? `Why ${row.name}` : "Why";
    if (!row) {
      shown = "";
      return;
    }
    byId("why-function").href = `#function=${encodeURIComponent(id)}`;
    if (shown !== id) {
      shown = id;
      followed = history.follow(id);
    }
    const mine = followed;
    const [{ status, body }] = await Promise.all([source.ask(`api/v1/why?function=${encodeURIComponent(id)}`), mine.update()]);
    if (mine !== followed || status !== 200) return;
    byId("why-sentence").textContent = sentence(body);
    byId("why-steps").replaceChildren(...steps(body));
    if (byId("why-config").textContent !== body.policy_config) byId("why-config").textContent = body.policy_config;
    changes(mine.columns());
  }
  return { show };
})();
