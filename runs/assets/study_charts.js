// The bars of a study: ratios with their intervals, and functions by variant with their seeds.
"use strict";

Reeve.studyCharts = (() => {
  const { charts, format, overlay, study } = Reeve;
  const { known, clip } = study;

  // A ratio of three digits needs no more; an excess over 1 keeps its sign.
  const written = (v) => String(Number(v.toPrecision(3)));
  const ratioText = (r) => written(r.value) + (known(r.low) && known(r.high) ? ` (${written(r.low)} to ${written(r.high)})` : "");
  const ofRatio = (r) => r.function || "all (geometric mean)";

  // Lying bars of one ratio: over all functions first, then one by one.
  function ratio(host, name, its) {
    const placed = its.filter((r) => known(r.value)).sort((a, b) => Number(a.function !== "") - Number(b.function !== ""));
    if (!placed.length) return;
    const reference = known(placed[0].reference) ? placed[0].reference : 1;
    const bar = (r) => ({ x: r.value, y: placed.indexOf(r), text: written(r.value), of: r,
      xRange: known(r.low) && known(r.high) ? [r.low, r.high] : null });
    const series = [[(r) => r.function === "", "over all", "--c1"], [(r) => r.function !== "", "by function", "--c0"]]
      .map(([of, label, colour]) => ({ label, kind: "bar", colour, data: placed.filter(of).map(bar) })).filter((s) => s.data.length);
    series.push({ label: `no difference (${reference})`, kind: "line", colour: "--c2", data: [], width: 1.8, marks: { at: reference } });
    const ends = placed.flatMap((r) => [r.value, ...(known(r.low) && known(r.high) ? [r.low, r.high] : [])]);
    charts.add(host, { x: "bars", series, plugins: [overlay], height: 76 + 22 * placed.length, title: name, padding: { right: 44 },
      xAxis: () => ({ type: "linear", suggestedMin: Math.min(0, ...ends), suggestedMax: Math.max(reference, ...ends), title: { display: false },
        ticks: { callback: (v) => format.short(v), maxTicksLimit: 6, maxRotation: 0 } }),
      yAxis: () => ({ type: "category", labels: placed.map((r) => clip(ofRatio(r), 24)), offset: true, ticks: { autoSkip: false } }),
      pointLines: (raw) => [` ${ofRatio(raw.of)}`, ratioText(raw.of)],
      summary: placed.map((r) => `${ofRatio(r)}: ${ratioText(r)}`).join("; ") });
  }

  // Standing bars: a group for each function, a bar for each variant, a ring for each seed.
  function byFunction(host, rows, names, m) {
    const of = (row, name) => study.functionStats(row, name, m.key);
    const series = rows.map((row) => ({ label: row.variant, kind: "bar", colour: study.colourOf(row.variant),
      data: names.flatMap((name, i) => {
        const { mean, values, low, high } = of(row, name);
        return known(mean) ? [{ x: i, y: mean, low, high, seeds: values.length > 1 ? values : [], name }] : [];
      }) })).filter((s) => s.data.length);
    const all = series.flatMap((s) => s.data.flatMap((p) => [p.y, p.low, p.high]));
    if (!all.length) return;
    const log = Math.min(...all) > 0 && Math.max(...all) > 50 * Math.min(...all);
    charts.add(host, { x: "value", grouped: true, series, plugins: [overlay], size: "tall", title: `${m.title} by function`,
      xAxis: () => ({ type: "category", labels: names.map((name) => clip(name, 18)), offset: true, ticks: { autoSkip: false }, title: { display: false } }),
      yAxis: () => ({ ...charts.numberAxis({ log, values: all, tick: m.tick, title: m.title + (log ? " (log)" : "") }), suggestedMax: Math.max(...all) }),
      pointLines: (p, set) => [` ${set.label}, ${p.name}`, m.text(p.y) + (p.low < p.high ? ` (${m.text(p.low)} to ${m.text(p.high)})` : "")],
      note: series.some((s) => s.data.some((p) => p.seeds.length)) ? "Bars are means over the seeds; a ring is a seed." : "",
      summary: series.map((s) => `${s.label}: ${s.data.map((p) => `${p.name} ${m.text(p.y)}`).join(", ")}`).join("; ") });
  }
  return { ratio, byFunction };
})();
