// The page of a run under a changing load: bands for environments, expert and safeguard, and curves
// over the same time, with safeguarded periods shaded.
"use strict";

(() => {
  const { format, charts } = Reeve;
  const { byId, el, svg, cards } = Reeve.dom;
  const data = JSON.parse(byId("report-data").textContent);
  const known = (v) => typeof v === "number" && Number.isFinite(v);
  const labels = data.labels || [], rows = data.rows || {}, times = rows.time_s || [];
  const step = data.interval_s || 60, end = times.length ? times.at(-1) + step : step;
  const whole = data.whole || {}, returns = data.returns || {}, learner = data.learner || {};
  const learns = data.driver !== "rule";
  const YAXIS = 78;  // px: all charts leave as much room, so that their times stand below one another

  // --c1 is the safeguard's, --c6 stands for exploring.
  const ENVIRONMENTS = ["--c0", "--c2", "--c3", "--c4", "--c5"];
  const varOf = (i) => (known(i) ? ENVIRONMENTS[i % ENVIRONMENTS.length] : "--c6");
  const colourOf = (i) => charts.colour(varOf(i));
  const labelOf = (i) => labels[i] ?? `environment ${i}`;

  // An environment of the detector is shown in the colour of the true one that it was in force for
  // the longest.
  const standsFor = (() => {
    const seconds = new Map();
    (rows.detected || []).forEach((id, i) => {
      if (!known(id)) return;
      const of = seconds.get(id) || seconds.set(id, new Map()).get(id);
      of.set(rows.truth[i], (of.get(rows.truth[i]) || 0) + 1);
    });
    return new Map([...seconds].map(([id, of]) => [id, [...of].reduce((a, b) => (b[1] > a[1] ? b : a))[0]]));
  })();

  // Stretches of equal values of a column: [{from, to, value}].
  function stretches(column) {
    const out = [];
    (column || []).forEach((value, i) => {
      const last = out.at(-1);
      if (last && last.value === value && Math.abs(last.to - times[i]) < 1e-6) last.to = times[i] + step;
      else out.push({ from: times[i], to: times[i] + step, value });
    });
    return out;
  }
  const engaged = stretches((rows.engaged_share || []).map((v) => (v > 0 ? 1 : 0))).filter((s) => s.value === 1);

  // Safeguarded periods behind curves.
  const shading = {
    id: "shading",
    beforeDatasetsDraw({ ctx, scales, chartArea: area }) {
      ctx.save();
      ctx.globalAlpha = 0.18;
      ctx.fillStyle = charts.colour("--c1");
      for (const { from, to } of engaged) {
        const left = scales.x.getPixelForValue(from);
        ctx.fillRect(left, area.top, Math.max(1, scales.x.getPixelForValue(to) - left), area.bottom - area.top);
      }
      ctx.restore();
    },
  };

  const bandRows = [
    { title: "true", spans: stretches(rows.truth), colour: (v) => colourOf(v), text: labelOf },
    ...(learns ? [
      { title: "detected", spans: stretches(rows.detected), colour: (v) => colourOf(standsFor.get(v)), text: (v) => `environment ${v}` },
      { title: "expert", spans: stretches(rows.expert), colour: (v) => colourOf(standsFor.get(v) ?? v), text: (v) => `expert ${v}` },
      { title: "exploring", spans: stretches((rows.exploring_share || []).map((v) => (v > 0 ? 1 : null))), colour: () => charts.colour("--c6"), text: () => "exploring" },
      { title: "safeguard", spans: engaged, colour: () => charts.colour("--c1"), text: () => "fallback drives" },
    ] : []),
  ];
  const bands = {
    id: "bands",
    afterDatasetsDraw({ ctx, scales, chartArea: area }) {
      const height = (area.bottom - area.top) / bandRows.length;
      ctx.save();
      bandRows.forEach((row, i) => {
        const top = area.top + i * height + 2;
        for (const { from, to, value } of row.spans) {
          if (!known(value)) continue;
          const left = scales.x.getPixelForValue(from), width = Math.max(1, scales.x.getPixelForValue(to) - left);
          ctx.fillStyle = row.colour(value);
          ctx.fillRect(left, top, width, height - 4);
        }
      });
      ctx.restore();
    },
  };
  const room = (axis) => ({ ...axis, afterFit: (scale) => { scale.width = YAXIS; } });

  function bandChart() {
    if (!times.length) return;
    const count = bandRows.length;
    charts.add(byId("bands"), {
      title: "Environments", x: "time", endS: end, series: [{ label: "environments", data: [] }], plugins: [bands], height: 26 * count + 46,
      yAxis: () => room({ type: "linear", min: 0, max: count, grid: { display: false },
        afterBuildTicks: (axis) => { axis.ticks = bandRows.map((_, i) => ({ value: count - i - 0.5 })); },
        ticks: { callback: (v) => bandRows[Math.round(count - v - 0.5)]?.title ?? "", autoSkip: false } }),
      summary: bandRows.map((row) => `${row.title}: ${row.spans.filter((s) => known(s.value)).length} stretches`).join("; ") });
  }
  function curve(title, column, look) {
    const points = (rows[column] || []).map((y, i) => ({ x: times[i], y: known(y) ? y : NaN }));
    if (!points.some((p) => known(p.y))) return;
    const values = points.map((p) => p.y).filter(known);
    charts.add(byId("curves"), { title, x: "time", endS: end, plugins: [shading], ...look,
      series: [{ label: title, data: points, stepped: "after", width: 1.3 }],
      yAxis: () => room(charts.numberAxis({ log: look.log, title: look.yTitle, tick: look.yTick, loose: look.loose, values })),
      summary: `From ${(look.yText || format.number)(Math.min(...values))} to ${(look.yText || format.number)(Math.max(...values))}` });
  }

  function legend() {
    const swatch = (variable, text) => el("span", {}, svg("svg", { width: 12, height: 10, viewBox: "0 0 12 10", "aria-hidden": "true" },
      svg("rect", { width: 12, height: 10, rx: 2, fill: `var(${variable})` })), " " + text);
    byId("timeline-legend").replaceChildren(
      ...labels.map((name, i) => swatch(varOf(i), name)),
      ...(engaged.length ? [swatch("--c1", "shaded: the fallback drove")] : []));
  }

  function summary() {
    const share = (v) => format.exactPercent(known(v) ? v : null);
    byId("not-complete").hidden = data.complete !== false;
    cards(byId("cards"), [
      { title: "p99 latency", value: format.millis(whole.latency_p99_ms), more: [`p95 ${format.millis(whole.latency_p95_ms)}`] },
      { title: "SLO violations", value: share(whole.slo_violation_share), more: [`of ${format.count(whole.requests)} requests`] },
      { title: "Cost", value: format.number(whole.seconds > 0 ? whole.cost * 3600 / whole.seconds : null), more: [`${data.cost_unit || ""} an hour`] },
      { title: "Mean reward", value: format.number(whole.reward), more: known(returns.reward) ? [`in returns ${format.number(returns.reward)}`] : [] },
      ...(learns ? [
        { title: "Safeguarded", value: share(whole.engaged_share), more: known(returns.engaged_share) ? [`in returns ${share(returns.engaged_share)}`] : [] },
        { title: "Explorations", value: format.count(learner.experts_begun), more: [`${format.count(labels.length)} environments, ${format.count(learner.updates)} updates`] },
      ] : []),
      ...(data.detection && data.detection.shifts ? [{ title: "Shifts detected", value: `${data.detection.detected} of ${data.detection.shifts}`,
        more: [`${format.count(data.detection.false_alarms)} false alarms`, ...(known(data.detection.delay_s) ? [`after ${format.span(data.detection.delay_s)}`] : [])] }] : []),
    ]);
  }

  function visits() {
    const list = data.visits || [];
    byId("visits").hidden = list.length < 2;
    byId("visits-facts").textContent = "Each stretch of an environment. “Settling” is the mean reward of its beginning less that of its rest: near 0 where nothing has to be learned anew.";
    const head = ["From", "Environment", "Visit", "Requests", "SLO violations", "p95", "p99", "Cost an hour", "Reward", "Settling", "Safeguarded"];
    const cells = (v) => [labelOf(v.truth), v.first ? "first" : "return", format.count(v.requests), format.exactPercent(v.slo_violation_share),
      format.millis(v.latency_p95_ms), format.millis(v.latency_p99_ms), format.number(v.seconds > 0 ? v.cost * 3600 / v.seconds : null), format.number(v.reward),
      format.number(known(v.reward_settling) && known(v.reward_rest) ? v.reward_settling - v.reward_rest : null), format.exactPercent(v.engaged_share)];
    byId("visits-table").replaceChildren(el("table", {},
      el("thead", {}, el("tr", {}, ...head.map((title, i) => el("th", { scope: "col", class: i < 3 ? "text" : null }, title)))),
      el("tbody", {}, ...list.map((v) => el("tr", {}, el("th", { scope: "row" }, format.clock(v.from_s)),
        ...cells(v).map((text, i) => el("td", { class: i < 2 ? "text" : null }, text)))))));
  }

  function head() {
    byId("page-title").textContent = data.title || data.name || "Adaptation";
    byId("page-facts").textContent = `${learns ? "A policy that learns while it drives" : "A rule"}: ${format.span(whole.seconds)}, ` +
      `${format.count(whole.requests)} requests, ${format.count(labels.length)} environment${labels.length === 1 ? "" : "s"}, seed ${data.seed}`;
    byId("timeline-facts").textContent = `Points are intervals of ${format.span(step)}.`;
    const sections = [...document.querySelectorAll("main > section")].filter((s) => !s.hidden);
    byId("page-nav").replaceChildren(...sections.map((s) => el("a", { href: "#" + s.id }, s.querySelector("h2").textContent)));
  }

  charts.start();
  summary();
  legend();
  bandChart();
  curve("p99 latency", "latency_p99_ms", { log: true, yTick: format.millisTick, yText: format.millis });
  curve("p95 latency", "latency_p95_ms", { log: true, yTick: format.millisTick, yText: format.millis });
  curve("Cost", "cost_per_hour", { yTitle: `${data.cost_unit || ""} an hour` });
  curve("Mean reward", "reward", { loose: true });
  visits();
  head();
  document.documentElement.dataset.ready = "true";
})();
