// The results of an experiment: rows, their numbers and how to write them, groups, the Pareto front.
"use strict";

Reeve.experiment = (() => {
  const { format } = Reeve;
  const { byId } = Reeve.dom;
  const results = JSON.parse(byId("report-data").textContent) || {};
  const list = (value) => (Array.isArray(value) ? value : []);
  const known = (v) => typeof v === "number" && Number.isFinite(v);

  const metrics = list(results.metrics);
  const bounds = list(results.bounds);
  const rows = list(results.rows).map((row, index) => ({ ...row, index, search:
    [row.label, row.policy, row.cluster, ...Object.keys(row.parameters || {})].join("\n").toLowerCase() }));
  const distinct = (values) => [...new Set(values)];
  const workloads = distinct(rows.map((row) => row.workload));
  const clusters = distinct(rows.map((row) => row.cluster));
  const metric = (key) => metrics.find((m) => m.key === key);

  // A number of a row: its mean over the seeds, null where there is none.
  const stats = (row, key) => (row.stats && row.stats[key]) || {};
  const mean = (row, key) => (known(stats(row, key).mean) ? stats(row, key).mean : null);
  // [low, high] of its confidence interval, null where there is none.
  function interval(row, key) {
    const { low, high } = stats(row, key);
    return known(low) && known(high) ? [low, high] : null;
  }
  // How a row's ratio to the baseline counts: 1 surely better, -1 surely worse, 0 undecided.
  function verdict(row, key) {
    const { ratio_low: low, ratio_high: high } = stats(row, key);
    if (!known(low) || !known(high) || (low <= 1 && high >= 1)) return 0;
    return (high < 1) === (metric(key).better !== "higher") ? 1 : -1;
  }

  const isShare = (m) => m.unit === "share" || m.key.endsWith("_share");
  function show(m, v) {
    if (!known(v)) return "–";
    if (isShare(m)) return format.exactPercent(v);
    return m.unit === "x" ? format.factor(v) : m.unit === "ms" ? format.millis(v) : format.number(v);
  }
  const tick = (m) => (m.unit === "x" ? format.factorTick : m.unit === "ms" ? format.millisTick
    : isShare(m) ? (v) => `${Number((100 * v).toPrecision(3))} %` : (v) => format.short(v));
  // Units that neither the numbers nor the title carry.
  const unit = (m) => (isShare(m) || ["x", "ms"].includes(m.unit) || /seconds| per /.test(m.title) ? "" : m.unit || "");
  const heading = (m) => m.title + (unit(m) ? ` (${unit(m)})` : "");

  // The groups that colour and fill stand for: cluster, and whether tuned.
  function groups(shown) {
    return clusters.flatMap((cluster, i) => [false, true].map((tuned) => ({
      label: [clusters.length > 1 ? cluster : "", tuned ? "tuned" : "default"].filter(Boolean).join(", "),
      colour: "--c" + (i % 7), hollow: !tuned,
      rows: shown.filter((row) => row.cluster === cluster && !!row.tuned === tuned) })))
      .filter((group) => group.rows.length > 0);
  }
  const colourOf = (cluster) => "--c" + (Math.max(0, clusters.indexOf(cluster)) % 7);

  // The rows that no other row beats, those that know the future left out: none is as good in both metrics and better in one. In the order
  // of `x`, from its better end.
  function front(shown, x, y) {
    const sign = (m) => (m.better === "higher" ? -1 : 1);
    const points = shown.filter((row) => !row.clairvoyant).map((row) => ({ row, x: mean(row, x.key), y: mean(row, y.key) }))
      .filter((p) => known(p.x) && known(p.y))
      .map((p) => ({ ...p, u: sign(x) * p.x, v: sign(y) * p.y }));
    return points.filter((p) => !points.some((q) => q.u <= p.u && q.v <= p.v && (q.u < p.u || q.v < p.v)))
      .sort((a, b) => a.u - b.u);
  }
  // [default, tuned] rows of the same rule.
  const variants = (shown) => shown.filter((row) => row.tuned).flatMap((tuned) => shown
    .filter((row) => !row.tuned && ["workload", "cluster", "policy"].every((key) => row[key] === tuned[key]))
    .map((row) => [row, tuned]));

  return { results, metrics, bounds, rows, workloads, clusters, metric, list, known, stats, mean, interval, verdict,
    show, tick, unit, heading, groups, colourOf, front, variants };
})();
