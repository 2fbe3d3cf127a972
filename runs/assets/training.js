// The page of a training: what it came to, and its curves over environment steps.
"use strict";

(() => {
  const { format, charts } = Reeve;
  const { byId, el, cards } = Reeve.dom;
  const data = JSON.parse(byId("report-data").textContent);
  const steps = data.steps;
  const known = (v) => typeof v === "number" && Number.isFinite(v);
  const named = new Map(data.series.map((s) => [s.name, s.values]));
  const per = data.group > 1 ? ` Each point is the mean of ${data.group} iterations.` : "";

  // More agents than this are shown as quantiles.
  const MOST_LINES = 12;
  const agents = data.series.filter((s) => s.name.startsWith("return/") && s.name !== "return/mean")
    .map((s) => ({ name: s.name.slice("return/".length), values: s.values }));

  const percentTick = (v) => `${Number((100 * v).toPrecision(3))} %`;
  const share = { tick: percentTick, text: format.exactPercent };
  const small = { tick: (v) => format.short(v), text: (v) => String(Number(v.toPrecision(3))) };
  // Section, name in the log, title, unit, and how to write its values.
  const CHARTS = [
    ["service", "slo/violation_share", "SLO violations", "share of requests", share],
    ["service", "cost/gb_seconds", "GB-seconds", "GB s an episode, all agents"],
    ["service", "cost/replica_changes", "Replica changes", "an episode, all agents"],
    ["learning", "loss/policy", "Policy loss", "", { loose: true, ...small }],
    ["learning", "loss/value", "Value loss", "", small],
    ["learning", "policy/entropy", "Entropy of the policy", "nats", { loose: true }],
    ["learning", "policy/kl", "KL divergence from the policy before the update", "nats", small],
    ["learning", "policy/clip_fraction", "Clipped", "share of samples", share],
    ["learning", "value/explained_variance", "Explained variance of the value", "", { loose: true }],
    ["schedule", "schedule/learning_rate", "Learning rate", "", small],
    ["schedule", "schedule/entropy", "Weight of the entropy", "", small],
    ["schedule", "rate/agent_steps_per_second", "Rate", "agent steps a second", { text: format.count }],
  ];

  // What there is of a curve.
  const points = (values) => values.map((y, i) => ({ x: steps[i], y })).filter((p) => known(p.x) && known(p.y));
  const last = (values) => (values || []).findLast(known) ?? null;
  // Of the last `n` points, at each.
  function trailingMean(all, n) {
    let sum = 0;
    return all.map((p, i) => {
      sum += p.y - (i >= n ? all[i - n].y : 0);
      return { x: p.x, y: sum / Math.min(i + 1, n) };
    });
  }
  // How many points a curve is smoothed over: a twentieth of it; fewer than two are none.
  const smoothed = (all) => Math.round(all.length / 20);
  function quantile(sorted, q) {
    const at = q * (sorted.length - 1), low = Math.floor(at);
    return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
  }

  function draw(section, spec) {
    const all = spec.series.flatMap((s) => s.data);
    if (!all.length) return;
    // Few points are to be seen as such.
    for (const item of spec.series) item.dots = item.data.length <= 30;
    const end = last(spec.series[0].data.map((p) => p.y));
    charts.add(document.querySelector(`#${section} .grid`), {
      x: "steps", endX: Math.max(...steps.filter(known)),
      summary: `Last: ${(spec.yText || format.number)(end)}`, ...spec });
  }

  function returnChart() {
    const all = points(named.get("return/mean") || []);
    const n = smoothed(all);
    const series = [{ label: "mean over agents", data: all, width: n > 1 ? 1 : 2, colour: n > 1 ? "--c5" : "--c0", order: 2 }];
    if (n > 1) series.push({ label: `mean of the last ${n * data.group} iterations`, data: trailingMean(all, n), width: 2.6, colour: "--c0" });
    draw("returns", { title: "Mean return of an episode", series, loose: true, yTitle: "return", size: "tall",
      note: "Undiscounted, of the episodes that ended." + per });
  }
  function agentChart() {
    const title = "Return by agent";
    const shared = { title, loose: true, yTitle: "return", size: "tall" };
    if (agents.length <= MOST_LINES) {
      const curves = agents.map((a) => points(a.values)), n = Math.max(...curves.map(smoothed));
      return draw("returns", { ...shared, note: n > 1 ? `Each point is the mean of the last ${n * data.group} iterations with episodes that ended.` : "",
        series: agents.map((a, i) => ({ label: a.name, dash: i < 7 ? [] : [6, 3], data: n > 1 ? trailingMean(curves[i], n) : curves[i] })) });
    }
    const bands = steps.flatMap((x, i) => {
      const values = agents.map((a) => a.values[i]).filter(known).sort((a, b) => a - b);
      return known(x) && values.length ? [{ x, y: quantile(values, 0.5), low: quantile(values, 0.1), high: quantile(values, 0.9) }] : [];
    });
    draw("returns", { ...shared, series: [{ label: "median", data: bands, band: true, width: 2 }],
      pointLines: (raw) => ` median ${format.number(raw.y)}, 10 % to 90 % of agents: ${format.number(raw.low)} to ${format.number(raw.high)}`,
      note: `Median over ${agents.length} agents, and where 10 % to 90 % of them are.` });
  }
  function otherCharts() {
    for (const [section, name, title, unit, look] of CHARTS) {
      const { tick, text, loose } = look || {};
      draw(section, { title, yTitle: unit, yTick: tick, yText: text, loose,
        series: [{ label: title, data: points(named.get(name) || []) }] });
    }
    const drawn = new Set(CHARTS.map(([, name]) => name));
    for (const { name, values } of data.series) {
      if (drawn.has(name) || name.startsWith("return/")) continue;
      draw("others", { title: name, yTitle: "", loose: true, series: [{ label: name, data: points(values) }] });
    }
  }

  function summary() {
    const returns = points(named.get("return/mean") || []);
    const best = returns.reduce((a, b) => (a && a.y >= b.y ? a : b), null);
    const card = (name, title, text, more) => (named.has(name) ? [{ title, value: text(last(named.get(name))), more: more || [] }] : []);
    cards(byId("cards"), [
      ...card("return/mean", "Mean return, last", format.number, best ? [`best ${format.number(best.y)} at ${format.short(best.x)} steps`] : []),
      ...card("slo/violation_share", "SLO violations, last", format.exactPercent),
      ...card("cost/gb_seconds", "GB-seconds an episode, last", format.number),
      ...card("rate/agent_steps_per_second", "Agent steps a second, last", format.count)]);
    byId("no-log").hidden = steps.length > 0;
  }
  function head() {
    byId("page-title").textContent = data.name || "Training";
    const planned = data.steps_planned > 0
      ? ` of ${format.count(data.steps_planned)} environment steps (${Math.floor(100 * data.steps_done / data.steps_planned)} %)`
      : " environment steps";
    const counted = (n, what) => `${format.count(n)} ${what}${n === 1 ? "" : "s"}`;
    byId("page-facts").textContent = `${data.finished ? "Finished: " : "So far: "}${format.count(data.steps_done)}${planned}, ` +
      counted(data.iterations, "iteration") + (agents.length ? `, ${counted(agents.length, "agent")}` : "");
    const sections = [...document.querySelectorAll("main > section")];
    for (const s of sections) s.hidden = s.id !== "headline" && !s.querySelector("figure");
    byId("page-nav").replaceChildren(...sections.filter((s) => !s.hidden)
      .map((s) => el("a", { href: "#" + s.id }, s.querySelector("h2").textContent)));
  }

  charts.start();
  summary();
  returnChart();
  if (agents.length) agentChart();
  otherCharts();
  head();
  document.documentElement.dataset.ready = "true";
})();
