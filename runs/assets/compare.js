// Several runs side by side: summary with the best of each row, cost against latency, overlays.
"use strict";

Reeve.compare = (() => {
  const { format, charts, runView } = Reeve;
  const { byId, el, options } = Reeve.dom;

  const groups = [
    ["Requests", [["arrivals", "Arrived", format.count], ["rejections", "Rejected", format.count],
      ["timeouts", "Timed out", format.count], ["failures", "Failed", format.count],
      ["slo_violation_share", "SLO violations", format.exactPercent]]],
    ["Latency", [["latency_p50_ms", "p50", format.millis], ["latency_p95_ms", "p95", format.millis],
      ["latency_p99_ms", "p99", format.millis]]],
    ["Slowdown", [["slowdown_p50", "p50", format.factor], ["slowdown_p99", "p99", format.factor],
      ["slowdown_p99_geomean", "p99, mean of functions", format.factor]]],
    ["Containers and cost", [["cold_starts", "Cold starts", format.count],
      ["container_seconds", "Container-seconds", format.number], ["gb_seconds", "GB-seconds", format.number],
      ["gb_seconds_over_bound", "GB-seconds over the bound", format.factor],
      ["container_utilisation", "Containers busy", format.exactPercent], ["cpu_utilisation", "CPU used", format.exactPercent],
      ["replica_changes_per_hour", "Replica changes per hour", format.number]]],
  ];

  // Index of the only best value, -1 when there is none: what is within 0.05 % of it is as good.
  function bestOf(values, better) {
    const known = values.filter((v) => v !== null && v !== undefined);
    if (!better || known.length < 2) return -1;
    const best = better < 0 ? Math.min(...known) : Math.max(...known);
    return known.filter((v) => Math.abs(v - best) <= 5e-4 * best).length === 1 ? values.indexOf(best) : -1;
  }

  function table(runs, fields) {
    const body = el("tbody", {});
    for (const [title, metrics] of groups) {
      body.append(el("tr", { class: "group" }, el("th", { scope: "rowgroup", colspan: runs.length + 1 }, title)));
      for (const [key, label, show] of metrics) {
        const field = fields.find((f) => f.name === key);
        const values = runs.map((run) => run.summary[key]);
        const best = bestOf(values, field.better);
        body.append(el("tr", { "data-metric": key }, el("th", { scope: "row", title: field.doc }, label),
          ...values.map((value, i) => el("td", { class: i === best ? "best" : null },
            show(value), " ", el("span", { class: "delta" },
              i === best ? "best" : best >= 0 ? format.relative(value, values[best]) : "")))));
      }
    }
    byId("comparison-table").replaceChildren(el("table", {},
      el("thead", {}, el("tr", {}, el("th", { class: "text", scope: "col" }, "Metric"),
        ...runs.map((run) => el("th", { scope: "col" }, runView.nameOf(run), " ", el("span", { class: "delta" }, ""))))), body));
  }

  function scatter(host, runs) {
    const nice = (values) => ({ min: 0, suggestedMax: Math.max(...values) * 1.15 || 1 });
    const points = runs.map((run) => ({ x: run.summary.gb_seconds, y: run.summary.slowdown_p99 }));
    charts.add(host, { title: "Cost against slowdown", x: "value", yTitle: "p99 slowdown (×)", size: "tall",
      yText: format.factor, pointText: (p) => `${format.number(p.x)} GB s, ${format.factor(p.y)}`,
      note: "Towards the lower left is better: less memory held, less slowdown.",
      summary: runs.map((run, i) => `${runView.nameOf(run)}: ${format.number(points[i].x)} GB s, ${format.factor(points[i].y)}`).join("; "),
      xAxis: () => ({ type: "linear", ...nice(points.map((p) => p.x)),
        title: { display: true, text: "memory held (GB s)" }, ticks: { callback: (v) => format.short(v), maxTicksLimit: 6 } }),
      series: runs.map((run, i) => ({ label: runView.nameOf(run), data: [points[i]], kind: "scatter" })) });
  }

  const perSecond = (name) => (run) => runView.rate(run, name);
  const asIs = (name) => (run) => runView.column(run, name);
  const logged = (name) => (run) => runView.positive(runView.column(run, name));
  const metrics = [
    { title: "p99 latency", data: logged("latency_p99_ms"), yTitle: "arrival to answer (log)", log: true, yTick: format.millisTick, yText: format.millis },
    { title: "p50 latency", data: logged("latency_p50_ms"), yTitle: "arrival to answer (log)", log: true, yTick: format.millisTick, yText: format.millis },
    { title: "Containers ready", data: asIs("containers_ready"), yTitle: "containers" },
    { title: "Cold starts", data: perSecond("cold_starts"), yTitle: "per second" },
    { title: "SLO violations", data: perSecond("slo_violations"), yTitle: "requests per second" },
    { title: "Queued requests", data: asIs("mean_queued"), yTitle: "requests" },
    { title: "CPU used", data: asIs("cpu_used_cores"), yTitle: "cores" },
    { title: "Memory held", data: asIs("memory_held_gib"), yTitle: "GiB" },
    { title: "Rejections", data: perSecond("rejections"), yTitle: "requests per second" },
  ];

  function overlay(runs) {
    const host = byId("comparison-series");
    charts.clear(host);
    const { data, ...spec } = metrics[Number(byId("comparison-metric").value)];
    charts.add(host, { ...spec, title: spec.title + ", all runs", x: "time", size: "tall",
      endS: Math.max(...runs.map((run) => run.summary.simulated_seconds)),
      series: runs.map((run) => ({ label: runView.nameOf(run), data: data(run) })) });
  }

  function show(runs, fields) {
    byId("comparison").hidden = false;
    table(runs, fields);
    const host = byId("comparison-charts");
    charts.clear(host);
    scatter(host, runs);
    runView.nineChart(host, "Slowdown distribution, all runs", "latency over ideal (log)", format.factor, format.factorTick,
      runs.map((run) => ({ label: runView.nameOf(run), data: runView.curve(run, "slowdown") })));
    host.lastElementChild.querySelector(".plot").classList.add("tall");
    options(byId("comparison-metric"), metrics.map((m, i) => [i, m.title]));
    byId("comparison-metric").addEventListener("change", () => overlay(runs));
    overlay(runs);
  }
  return { show };
})();
