// All tenants and all functions as they are now.
"use strict";

Reeve.overview = (() => {
  const { format, source, access, grid } = Reeve;
  const { byId, cards, options, el } = Reeve.dom;
  let tenants = null, functions = null;
  let tenantNames = "";

  const over = (row) => row.sound && row.slo_ms > 0 && row.latency_p99_ms > row.slo_ms;
  const byPolicy = (row) => row.decided_by === "policy" || row.decided_by === "safeguard";
  // Share of the objective that the p99 uses up; the worst are above 1.
  const ofObjective = (row) => (row.slo_ms > 0 && row.latency_p99_ms > 0 ? row.latency_p99_ms / row.slo_ms : null);
  const deciders = { policy: "policy", safeguard: "safeguard's fallback", fallback: "fallback", hold: "held", platform: "platform" };

  // How many containers, of how many.
  const ready = { key: "containers_ready", title: "Containers", unit: "ready / asked", doc: "Containers ready, and how many the platform is asked for",
    width: "minmax(6.5rem, 1fr)", show: (v, row) => `${format.count(v)} / ${format.count(row.replicas_asked)}`,
    state: (row) => (2 * row.containers_ready < row.replicas_asked ? "warn" : "") };
  const wished = { key: "replicas_wished", title: "Wished", unit: "replicas", doc: "What the decision comes to, applied or not", width: "minmax(4.8rem, .8fr)", show: (v) => format.count(v) };
  const p99 = { key: "latency_p99_ms", title: "p99", unit: "latency", doc: "99th percentile of the last window", width: "minmax(5rem, .8fr)", show: (v) => format.millis(v), state: (row) => (row.slo_ms && over(row) ? "bad" : "") };
  const requests = { key: "rate", title: "Requests", unit: "per second", width: "minmax(5.5rem, .8fr)", show: (v) => format.number(v) };

  function tenantColumns() {
    return [
      { key: "tenant", title: "Tenant", text: true, width: "minmax(7rem, 1.6fr)" },
      { key: "modeText", title: "Mode", text: true, width: "minmax(6rem, .9fr)", state: (row) => (row.modeText === "active" ? "good" : row.paused ? "warn" : "") },
      { key: "functions", title: "Functions", width: "minmax(5.2rem, .7fr)", show: (v) => format.count(v), wide: true },
      requests, ready, wished, p99,
      { key: "over", title: "Over objective", unit: "functions", doc: "Functions whose p99 of the last window is above their objective", width: "minmax(6.8rem, 1fr)",
        show: (v, row) => (row.objectives ? `${format.count(v)} of ${format.count(row.objectives)}` : "no objective"), state: (row) => (row.over > 0 ? "bad" : "") },
      { key: "safeguard", title: "Safeguard", doc: "Functions for which the safeguard's fallback decides", text: true, width: "minmax(6rem, .9fr)", of: (row) => (row.safeguarded ? `${format.count(row.safeguarded)} guarded` : row.held ? `${format.count(row.held)} held` : "–"),
        state: (row) => (row.safeguarded || row.held ? "warn" : ""), wide: true },
      { key: "expert", title: "Expert", doc: "Environment whose expert decides", text: true, width: "minmax(4.5rem, .7fr)", wide: true },
      { key: "switch", title: "Switch", fixed: true, text: true, width: "5.6rem", paint: (cell, row) => {
        cell.tenant = row.tenant;
        if (!cell.firstChild) cell.append(access.button(() => cell.tenant));
        access.paint(cell.firstChild, row.tenant);
      } },
    ];
  }
  function functionColumns() {
    return [
      { key: "name", title: "Function", text: true, width: "minmax(10rem, 2fr)" },
      { key: "tenant", title: "Tenant", text: true, width: "minmax(6rem, 1fr)" },
      requests, ready, wished, p99,
      { key: "share", title: "p99", unit: "of objective", doc: "p99 over the objective: above 100 % it is missed", width: "minmax(6rem, .9fr)", of: ofObjective, show: (v) => format.percent(v), state: (row) => (over(row) ? "bad" : "") },
      { key: "queued", title: "Waiting", unit: "requests", width: "minmax(5.5rem, .8fr)", show: (v) => format.count(v), wide: true },
      { key: "cold_starts", title: "Cold", unit: "starts", width: "minmax(5rem, .7fr)", show: (v) => format.count(v), wide: true },
      { key: "by", title: "Decided by", text: true, width: "minmax(8rem, 1.1fr)", of: (row) => (deciders[row.decided_by] || "–") + (row.why ? `: ${row.why.replaceAll("_", " ")}` : ""),
        state: (row) => (row.sound && (byPolicy(row) || row.mode === "off") ? "" : "warn"), wide: true },
    ];
  }

  function tenantRows() {
    const found = new Map();
    const learning = source.now.live.adaptation;
    for (const row of source.now.rows) {
      let sum = found.get(row.tenant);
      if (!sum) {
        const { mode, paused } = access.modeOf(row.tenant, row);
        sum = { tenant: row.tenant, mode, paused, modeText: mode + (paused ? ", paused" : ""), functions: 0, rate: 0, containers_ready: 0, replicas_asked: 0,
          replicas_wished: 0, latency_p99_ms: null, over: 0, objectives: 0, safeguarded: 0, held: 0,
          expert: learning ? `${learning.expert}${learning.exploring ? ", exploring" : ""}` : "–" };
        found.set(row.tenant, sum);
      }
      sum.functions += 1;
      sum.rate += row.rate;
      sum.containers_ready += row.containers_ready;
      sum.replicas_asked += row.replicas_asked;
      sum.replicas_wished += row.replicas_wished === null ? row.replicas_asked : row.replicas_wished;
      if (row.sound && row.latency_p99_ms > (sum.latency_p99_ms || 0)) sum.latency_p99_ms = row.latency_p99_ms;
      sum.over += over(row);
      sum.objectives += row.slo_ms > 0;
      sum.safeguarded += row.decided_by === "safeguard";
      sum.held += row.decided_by === "hold" || row.decided_by === "fallback";
    }
    return [...found.values()];
  }

  function headline(live) {
    const c = live.cluster, learning = live.adaptation;
    const share = (part, whole) => (whole > 0 ? part / whole : null);
    cards(byId("overview-cards"), [
      { title: "Functions", value: format.count(c.functions), more: [`${format.count(new Set(source.now.rows.map((r) => r.tenant)).size)} tenants`] },
      { title: "Requests", value: format.number(share(c.arrivals, c.window_seconds)), unit: "per second", more: [`${format.number(c.mean_in_flight)} at once, ${format.number(c.mean_queued)} waiting`] },
      { title: "Containers ready", value: format.count(c.containers_ready), more: [`${format.count(c.replicas_asked)} asked for, ${format.count(c.containers_starting)} starting`] },
      { title: "Objective missed", value: format.percent(share(c.slo_violations, c.arrivals)), more: [`of requests; ${format.count(c.over_objective)} functions' p99 above theirs`] },
      { title: "CPU", value: format.percent(share(c.cpu_used_cores, c.cpu_capacity_cores)), more: [`${format.number(c.cpu_used_cores)} of ${format.number(c.cpu_capacity_cores)} cores`] },
      { title: "Memory held", value: format.percent(share(c.memory_held_gib, c.memory_capacity_gib)), more: [`${format.number(c.memory_held_gib)} of ${format.number(c.memory_capacity_gib)} GiB`] },
      { title: "Safeguard", value: c.safeguarded ? format.count(c.safeguarded) : "off duty", unit: c.safeguarded ? "functions" : "", more: [c.held ? `${format.count(c.held)} held or fallen back` : "no function held or fallen back"] },
      learning ? { title: "Environment", value: String(learning.environment), more: [`expert ${learning.expert}${learning.exploring ? ", exploring" : ""}, ${format.count(learning.environments)} known`] }
        : { title: "Policy", value: live.policy, more: [live.policy_decides ? "decides" : "does not decide"] },
    ]);
  }

  const shows = {
    over, short: (row) => row.containers_ready < row.replicas_asked,
    other: (row) => row.mode !== "off" && !byPolicy(row), bad: (row) => !row.sound,
  };
  function filter() {
    const text = byId("filter-text").value.trim().toLowerCase();
    const tenant = byId("filter-tenant").value, state = shows[byId("filter-state").value];
    const rows = source.now.rows.filter((row) => (!text || row.search.includes(text)) && (!tenant || row.tenant === tenant) && (!state || state(row)));
    functions.set(rows);
    const all = source.now.rows.length;
    byId("function-count").textContent = rows.length < all ? `${format.count(rows.length)} of ${format.count(all)}` : `${format.count(all)}`;
  }

  function show() {
    const { live } = source.now;
    if (!live) return;
    if (!tenants) {
      tenants = grid.create(byId("tenant-grid"), { label: "Tenants", columns: tenantColumns(), order: { key: "rate", down: true }, keyOf: (row) => row.tenant,
        empty: "There is no tenant.", open: (row) => {
          byId("filter-tenant").value = row.tenant;
          filter();
          access.announce(`Functions of ${row.tenant}`);
        } });
      functions = grid.create(byId("function-grid"), { label: "Functions", columns: functionColumns(), order: { key: "rate", down: true }, keyOf: (row) => row.id,
        empty: "No function is like that.", open: (row) => { location.hash = `function=${encodeURIComponent(row.id)}`; } });
    }
    headline(live);
    const summed = tenantRows();
    const names = summed.map((row) => row.tenant).sort().join("\n");
    if (names !== tenantNames) {
      tenantNames = names;
      const before = byId("filter-tenant").value;
      options(byId("filter-tenant"), [["", "all"], ...summed.map((row) => row.tenant).sort(Reeve.sorting.collator.compare).map((name) => [name, name])]);
      byId("filter-tenant").value = before;
    }
    tenants.set(summed);
    filter();
  }
  function start() {
    byId("filter-text").addEventListener("input", filter);
    for (const id of ["filter-tenant", "filter-state"]) byId(id).addEventListener("change", filter);
  }
  return { start, show, deciders };
})();
