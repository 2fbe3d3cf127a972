// The charts of an experiment: trade-off plots with intervals, front and bound; bars with intervals.
"use strict";

Reeve.experimentCharts = (() => {
  const { charts, experiment, overlay } = Reeve;
  const { mean, interval, show, known } = experiment;

  // "1,234 (1,200 to 1,270)"
  function withInterval(row, m) {
    const range = interval(row, m.key);
    return show(m, mean(row, m.key)) + (range ? ` (${show(m, range[0])} to ${show(m, range[1])})` : "");
  }
  const parameters = (row) => Object.entries(row.parameters || {}).map(([key, value]) => `${key} = ${value}`);
  const about = (row, ...metrics) => [` ${row.label}`, ...metrics.map((m) => `${m.title}: ${withInterval(row, m)}`),
    ...(row.tuned ? parameters(row) : [])];

  // Spread over more than this, positive values read better on a log axis.
  const wide = (values) => values.length > 0 && Math.min(...values) > 0 && Math.max(...values) > 20 * Math.min(...values);
  function axis(m, values) {
    const log = wide(values);
    const made = charts.numberAxis({ log, values, tick: experiment.tick(m), title: experiment.heading(m) + (log ? " (log)" : "") });
    if (!log) {
      // By the points: the bound's curve may go on beyond them.
      const top = Math.max(0, ...values) * 1.05 || 1;
      const step = [1, 2, 2.5, 5, 10].map((head) => head * 10 ** Math.floor(Math.log10(top / 5))).find((s) => top / s <= 6);
      Object.assign(made, { min: 0, max: Math.ceil(top / step) * step });
    }
    return made;
  }

  // Bounds that are as good as one, as clusters often have them, share a line.
  function boundLines(bounds, key, what, dash, top) {
    const lines = [];
    for (const bound of bounds.filter((b) => known(b[key]) && b[key] <= top)) {
      const same = lines.find((line) => Math.abs(line.at - bound[key]) <= 0.005 * line.at);
      if (same) same.of.push(bound);
      else lines.push({ at: bound[key], of: [bound] });
    }
    return lines.map(({ at, of }) => ({
      label: (of.length > 1 && of.length === bounds.length ? "bound" : of.map((b) => b.label).join(", ")) + ", " + what,
      colour: of.length > 1 ? "--c6" : experiment.colourOf(of[0].cluster), kind: "line", data: [], width: 1.4, dash, marks: { at } }));
  }
  // Lines of the bounds where they are a matter of GB-seconds: the least with no cold start, and what
  // requests run in; against cold starts the whole curve.
  function boundSeries(workload, x, y, top) {
    const bounds = experiment.bounds.filter((b) => b.workload === workload);
    const keys = [x.key, y.key];
    if (keys.includes("gb_seconds") && keys.includes("cold_starts")) {
      const flip = x.key === "cold_starts";
      return bounds.map((bound) => ({ label: bound.label, colour: experiment.colourOf(bound.cluster), kind: "line", width: 1.4,
        marks: { parsing: { xAxisKey: "x", yAxisKey: "y" } },
        data: experiment.list(bound.points).filter(([cold, gb]) => known(cold) && known(gb))
          .map(([cold, gb]) => (flip ? { x: cold, y: gb } : { x: gb, y: cold })).sort((a, b) => a.x - b.x) }))
        .filter((s) => s.data.length);
    }
    return x.key !== "gb_seconds" ? [] : [
      ...boundLines(bounds, "warm_gb_seconds", "no cold start", [7, 4], top),
      ...boundLines(bounds, "needed_gb_seconds", "requests alone", [2, 4], top)];
  }

  function pareto(host, workload, shown, x, y, seeds) {
    const placed = shown.filter((row) => known(mean(row, x.key)) && known(mean(row, y.key)));
    const best = experiment.front(placed, x, y);
    const onFront = new Set(best.map((p) => p.row));
    const point = (row) => ({ x: mean(row, x.key), y: mean(row, y.key), xRange: interval(row, x.key),
      yRange: interval(row, y.key), name: row.label, first: Number(onFront.has(row)), row });
    const pairs = experiment.variants(placed);
    const numbers = (m) => placed.flatMap((row) => [mean(row, m.key), ...(interval(row, m.key) || [])]);
    const bounds = boundSeries(workload, x, y, 1.05 * Math.max(0, ...numbers(x)));
    const xValues = [...numbers(x), ...bounds.flatMap((s) => (s.marks.at ? [s.marks.at] : []))];
    const series = [
      ...experiment.groups(placed).map((g) => ({ label: g.label, kind: "scatter",
        // A default that tuning left as it is shows as a ring around its tuned twin.
        radius: g.hollow ? 6.5 : 4.5, order: Number(g.hollow), marks: { clip: 8 }, colour: g.colour, hollow: g.hollow,
        data: g.rows.map(point).sort((a, b) => a.x - b.x) })),
      ...(best.length > 1 ? [{ label: "Pareto front", kind: "line", colour: "--c2", width: 1.8, order: 2,
        stepped: x.better === "higher" ? "after" : "before", marks: { quiet: true },
        data: best.map((p) => ({ x: p.x, y: p.y })).sort((a, b) => a.x - b.x) }] : []),
      ...(pairs.length ? [{ label: "default to tuned", kind: "line", colour: "--c6", data: [], width: 1,
        marks: { from: pairs.map(([a]) => point(a)), to: pairs.map(([, b]) => point(b)) } }] : []),
      ...bounds,
    ];
    const better = (m, low, high) => (m.better === "higher" ? high : low);
    charts.add(host, { x: "value", size: "tallest", series, plugins: [overlay],
      title: `${workload}: ${y.title} against ${x.title}`,
      xAxis: () => axis(x, xValues), yAxis: () => axis(y, numbers(y)),
      pointLines: (raw, set) => (raw.row ? about(raw.row, y, x) : ` ${set.label}: ${show(x, raw.x)}, ${show(y, raw.y)}`),
      note: best.length ? `Towards the ${better(y, "lower", "upper")} ${better(x, "left", "right")} is better. On the front: ` +
        best.map((p) => p.row.label).join(", ") + (seeds > 1 ? ". Whiskers are confidence intervals." : ".")
        : "No row shown has both numbers.",
      summary: placed.map((row) => `${row.label}: ${show(y, mean(row, y.key))}, ${show(x, mean(row, x.key))}`).join("; ") });
  }

  const clip = (name) => (name.length > 24 ? name.slice(0, 23) + "…" : name);
  // Bars from the top in the order of `shown`; `reference` is the x of a line across all.
  function bars(host, workload, shown, m, reference) {
    const placed = shown.filter((row) => known(mean(row, m.key)));
    if (!placed.length) return;
    const place = new Map(placed.map((row, i) => [row, i]));
    const series = experiment.groups(placed).map((g) => ({ label: g.label, kind: "bar", colour: g.colour, hollow: g.hollow,
      data: g.rows.map((row) => ({ x: mean(row, m.key), y: place.get(row), xRange: interval(row, m.key),
        text: show(m, mean(row, m.key)), row })) }));
    if (reference) series.push({ ...reference, kind: "line", colour: "--c2", data: [], width: 1.8 });
    const values = [...placed.flatMap((row) => [mean(row, m.key), ...(interval(row, m.key) || [])]),
      ...(reference ? [reference.marks.at] : [])];
    charts.add(host, { x: "bars", series, plugins: [overlay], height: 70 + 20 * placed.length,
      title: `${workload}: ${m.title}`, padding: { right: 58 },
      xAxis: () => ({ type: "linear", min: 0, suggestedMax: Math.max(...values),
        title: { display: true, text: experiment.heading(m) }, ticks: { callback: experiment.tick(m), maxTicksLimit: 6, maxRotation: 0 } }),
      yAxis: () => ({ type: "category", labels: placed.map((row) => clip(row.label)), offset: true, ticks: { autoSkip: false } }),
      pointLines: (raw) => about(raw.row, m),
      summary: placed.map((row) => `${row.label}: ${withInterval(row, m)}`).join("; ") });
  }
  return { pareto, bars };
})();
