// Puts the page of an experiment together.
"use strict";

(() => {
  const { charts, sorting, experiment, experimentCharts, experimentTable } = Reeve;
  const { byId, el, options } = Reeve.dom;
  const { results, metrics, metric, rows, workloads, clusters, list } = experiment;
  const seeds = list(results.seeds);

  // Metrics with bars, and a line to hold them against.
  const barred = [["cold_starts"], ["replica_changes_per_hour"], ["slo_violation_share"],
    ["gb_seconds_over_bound", { label: "bound with as many cold starts", marks: { at: 1 } }]];

  function shownRows() {
    const text = byId("filter-text").value.trim().toLowerCase();
    const picked = (id, value) => byId(id).value === "" || byId(id).value === value;
    return experimentTable.sorted(rows.filter((row) => (!text || row.search.includes(text)) &&
      picked("filter-workload", "=" + row.workload) && picked("filter-cluster", "=" + row.cluster) &&
      picked("filter-tuned", "=" + !!row.tuned)));
  }
  function ofWorkloads(shown, draw) {
    for (const workload of workloads) {
      const its = shown.filter((row) => row.workload === workload);
      if (its.length) draw(String(workload), its);
    }
  }

  function drawTradeOff(shown) {
    const host = byId("pareto-charts");
    charts.clear(host);
    const x = metric(byId("axis-x").value), y = metric(byId("axis-y").value);
    if (x && y) ofWorkloads(shown, (workload, its) => experimentCharts.pareto(host, workload, its, x, y, seeds.length));
  }
  function drawBars(shown) {
    const host = byId("bar-charts");
    charts.clear(host);
    ofWorkloads(shown, (workload, its) => {
      for (const [key, reference] of barred) if (metric(key)) experimentCharts.bars(host, workload, its, metric(key), reference);
    });
  }
  function update() {
    const shown = shownRows();
    drawTradeOff(shown);
    drawBars(shown);
    experimentTable.draw(shown, update);
    byId("row-count").textContent = shown.length < rows.length ? `${shown.length} of ${rows.length} rows shown` : "";
  }

  function head() {
    byId("page-title").textContent = results.name || "Experiment";
    const policies = new Set(rows.map((row) => row.policy)).size;
    const counted = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
    const title = results.title ? results.title + ". " : "";
    byId("page-facts").textContent = title + `${policies} ${policies === 1 ? "policy" : "policies"} in ${counted(rows.length, "row")}, ` +
      `${counted(workloads.length, "workload")}, ${counted(seeds.length, "seed")} (${seeds.join(", ")})`;
    byId("results-facts").textContent =
      `Mean over the seeds, its ${Number((100 * results.level).toPrecision(4))} % confidence interval, and the ratio to ` +
      `${results.baseline} of the same workload, seed by seed, with its interval. A ratio is coloured when its interval ` +
      "leaves out 1. A policy's name opens its parameters and what each seed gave.";
    const sections = [...document.querySelectorAll("main > section")];
    byId("page-nav").replaceChildren(...sections.map((s) => el("a", { href: "#" + s.id }, s.querySelector("h2").textContent)));
  }

  function controls() {
    const pick = (id, values, all) => {
      options(byId(id), [["", all], ...values]);
      byId(id).addEventListener("change", update);
      byId(id).parentElement.hidden = values.length < 2;
    };
    pick("filter-workload", workloads.map((w) => ["=" + w, String(w)]), "all");
    pick("filter-cluster", clusters.map((c) => ["=" + c, String(c)]), "all");
    pick("filter-tuned", [...new Set(rows.map((row) => !!row.tuned))].sort().map((t) => ["=" + t, t ? "tuned" : "default"]), "default and tuned");
    byId("filter-text").addEventListener("input", update);
    for (const [id, usual] of [["axis-x", "gb_seconds"], ["axis-y", "slowdown_p99"]]) {
      options(byId(id), metrics.map((m) => [m.key, m.title]));
      if (metric(usual)) byId(id).value = usual;
      byId(id).addEventListener("change", () => drawTradeOff(shownRows()));
    }
  }

  charts.start();
  sorting.startDetail(() => byId("detail-body").replaceChildren());
  controls();
  head();
  update();
  document.documentElement.dataset.ready = "true";
})();
