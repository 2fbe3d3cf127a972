// Returns while learning: mean over seeds with the band from the least to the most; one panel over
// all agents and one for each, every variant in all of them.
"use strict";

Reeve.studyCurves = (() => {
  const { charts, format, study } = Reeve;
  const { byId } = Reeve.dom;

  function panel(host, title, rows, curveOf, look) {
    const series = rows.map((row) => ({ label: row.variant, colour: study.colourOf(row.variant), dash: study.dashOf(row.variant),
      width: 1.8, band: true, data: curveOf(row) })).filter((s) => s.data.length);
    if (!series.length) return;
    for (const item of series) item.dots = item.data.length <= 30;
    charts.add(host, { x: "steps", endX: Math.max(...series.map((s) => s.data.at(-1).x)), loose: true, yTitle: "return", title, series,
      sharesLegend: true, ...look,
      pointLines: (p, set) => ` ${set.label}: ${format.number(p.y)}` + (p.low < p.high ? ` (${format.number(p.low)} to ${format.number(p.high)})` : ""),
      summary: series.map((s) => `${s.label}: ${format.number(s.data.at(-1).y)} at the end`).join("; ") });
  }

  // `first`, `end`: of the agents shown.
  function draw(rows, first, end) {
    const section = byId("curves"), mean = byId("mean-curves"), agents = byId("agent-curves");
    charts.clear(mean);
    charts.clear(agents);
    const trained = rows.filter((row) => study.agentsOf([row]) > 0);
    const count = study.agentsOf(trained), names = study.functionsOf(rows);
    if (count > 1) panel(mean, "Mean over agents", trained, study.meanCurve, { size: "tall" });
    for (let n = first; n < Math.min(end, count); ++n) {
      panel(agents, study.agentName(names, count, n), trained, (row) => study.agentCurve(row, n), {});
    }
    const drawn = trained.filter((row) => study.meanCurve(row).length);
    section.hidden = !drawn.length;
    const legend = byId("curve-legend");
    legend.replaceChildren(...(drawn.length > 1 ? [charts.sharedLegend(section, "returns", drawn.map((row) => ({ label: row.variant, band: true,
      colour: study.colourOf(row.variant), dash: study.dashOf(row.variant) })))] : []));
    legend.hidden = drawn.length < 2;
  }
  return { draw };
})();
