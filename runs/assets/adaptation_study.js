// The page of a study of learning under a changing load: for each problem a table of means with
// intervals, and a bar for each variant in every figure.
"use strict";

(() => {
  const { format, charts, overlay } = Reeve;
  const { byId, el, options } = Reeve.dom;
  const data = JSON.parse(byId("report-data").textContent);
  const rows = data.rows || [], metrics = data.metrics || [];
  const known = (v) => typeof v === "number" && Number.isFinite(v);
  const problems = [...new Set(rows.map((r) => r.problem))];
  const textOf = (metric) => ({ share: format.exactPercent, ms: format.millis, s: format.span })[metric.unit] || format.number;

  const figures = [
    ...(data.reference ? [{ key: "p99_over_reference", title: `p99 over ${data.reference}`, unit: "×", of: (row) => row.p99_over_reference }] : []),
    ...metrics.map((m) => ({ ...m, of: (row) => (row.means || {})[m.key] })),
  ];

  function table(shown) {
    const head = ["Variant", ...figures.map((f) => f.title), "Tuned"];
    const cell = (row, figure) => {
      const mean = figure.of(row), text = textOf(figure);
      return el("td", {}, el("span", { class: "mean" }, mean ? text(mean.value) : "–"),
        el("span", { class: "range" }, mean && mean.low < mean.high ? ` ${text(mean.low)} to ${text(mean.high)}` : ""));
    };
    byId("results-table").replaceChildren(el("table", {},
      el("thead", {}, el("tr", {}, ...head.map((title, i) => el("th", { scope: "col", class: i ? null : "text" }, title)))),
      el("tbody", {}, ...shown.map((row) => el("tr", {}, el("th", { scope: "row" }, row.variant), ...figures.map((f) => cell(row, f)),
        el("td", { class: "text" }, Object.entries(row.parameters || {}).map(([k, v]) => `${k}=${v}`).join(" ")))))));
  }
  function chart(figure, shown) {
    const points = shown.flatMap((row, i) => {
      const mean = figure.of(row);
      return mean && known(mean.value) ? [{ x: mean.value, y: i, xRange: [mean.low, mean.high], text: textOf(figure)(mean.value), name: row.variant }] : [];
    });
    if (!points.length) return;
    const text = textOf(figure);
    charts.add(byId("metric-charts"), {
      title: figure.title, x: "bars", height: 24 * shown.length + 60, padding: { right: 70 }, plugins: [overlay],
      series: [{ label: figure.title, kind: "bar", data: points }],
      xAxis: () => ({ type: "linear", ticks: { callback: (v) => text(v), maxTicksLimit: 5 } }),
      yAxis: () => ({ type: "linear", reverse: true, min: -0.6, max: shown.length - 0.4, grid: { display: false },
        afterBuildTicks: (axis) => { axis.ticks = shown.map((_, i) => ({ value: i })); },
        ticks: { callback: (v) => shown[v]?.variant ?? "", autoSkip: false } }),
      pointLines: (p) => ` ${p.name}: ${text(p.x)}` + (p.xRange[0] < p.xRange[1] ? ` (${text(p.xRange[0])} to ${text(p.xRange[1])})` : ""),
      summary: points.map((p) => `${p.name} ${p.text}`).join("; ") });
  }
  function show(problem) {
    const shown = rows.filter((row) => row.problem === problem);
    table(shown);
    charts.clear(byId("metric-charts"));
    for (const figure of figures) chart(figure, shown);
    const unit = shown[0]?.cost_unit;
    byId("results-facts").textContent = `Means over seeds with ${Math.round(100 * (data.level || 0.95))} % intervals` + (unit ? `; cost in ${unit} an hour.` : ".");
  }

  charts.start();
  byId("page-title").textContent = data.title || data.name || "Study";
  byId("page-facts").textContent = `${problems.length} problem${problems.length === 1 ? "" : "s"}, ${new Set(rows.map((r) => r.variant)).size} variants`;
  options(byId("pick-problem"), problems.map((name) => [name, name]));
  byId("pick-problem").addEventListener("change", (event) => show(event.target.value));
  byId("pickers").hidden = problems.length < 2;
  byId("page-nav").replaceChildren(...[...document.querySelectorAll("main > section")].map((s) => el("a", { href: "#" + s.id }, s.querySelector("h2").textContent)));
  if (problems.length) show(problems[0]);
  document.documentElement.dataset.ready = "true";
})();
