// The results of a study of learning: rows, their numbers over seeds and how to write them, curves.
"use strict";

Reeve.study = (() => {
  const { format } = Reeve;
  const { byId } = Reeve.dom;
  const results = JSON.parse(byId("report-data").textContent) || {};
  const list = (value) => (Array.isArray(value) ? value : []);
  const known = (v) => typeof v === "number" && Number.isFinite(v);
  const distinct = (values) => [...new Set(values)];
  const objects = (value) => list(value).filter((v) => v && typeof v === "object");

  const rows = objects(results.rows).map((row, index) => ({ ...row, index, scenario: String(row.scenario ?? ""),
    variant: String(row.variant ?? ""), runs: objects(row.runs) }));
  const ratios = objects(results.ratios).map((ratio) => ({ ...ratio, scenario: String(ratio.scenario ?? ""),
    ratio: String(ratio.ratio ?? ""), function: String(ratio.function ?? "") }));
  const scenarios = distinct([...rows, ...ratios].map((row) => row.scenario));
  const variants = distinct(rows.map((row) => row.variant));
  const seeds = distinct(rows.flatMap((row) => row.runs.map((run) => run.seed)));

  const share = { text: format.exactPercent, tick: (v) => `${Number((100 * v).toPrecision(3))} %` };
  const plain = { text: format.number, tick: (v) => format.short(v) };
  const millis = { text: format.millis, tick: format.millisTick };
  // Of runs; `down`: more is better.
  const metrics = [
    { key: "final_return", title: "Return", down: true, doc: "Mean of an episode over agents and the last tenth of the training; more is better", ...plain },
    { key: "latency_p99_ms", title: "p99 latency", doc: "Of all requests of the evaluation; less is better", ...millis },
    { key: "slo_violation_share", title: "SLO violations", doc: "Less is better", ...share },
    { key: "gb_seconds", title: "GB-seconds", doc: "Less is better", ...plain },
    { key: "replica_changes_per_hour", title: "Replica changes per hour", doc: "Less is better", ...plain },
    { key: "actor_parameters", title: "Actor's parameters", doc: "Of one actor", ...plain }];
  // Of functions.
  const functionMetrics = [
    { key: "latency_p99_ms", title: "p99 latency", ...millis },
    { key: "slo_violation_share", title: "SLO violations", ...share },
    { key: "gb_seconds", title: "GB-seconds", ...plain },
    { key: "cold_start_share", title: "Cold starts", ...share }];

  // {mean, low, high} of what is known, over seeds: low and high are the least and the most.
  function spread(values) {
    const all = values.filter(known);
    if (!all.length) return { mean: null, low: null, high: null };
    return { mean: all.reduce((a, b) => a + b, 0) / all.length, low: Math.min(...all), high: Math.max(...all), values: all };
  }
  const stats = (row, key) => spread(row.runs.map((run) => run[key]));

  const functionsOf = (its) => distinct(its.flatMap((row) => row.runs.flatMap((run) => objects(run.functions).map((f) => String(f.name)))));
  const functionStats = (row, name, key) => spread(row.runs.map((run) => (objects(run.functions).find((f) => String(f.name) === name) || {})[key]));
  const agentsOf = (its) => Math.max(0, ...its.flatMap((row) => row.runs.map((run) => list(run.returns).length)));
  // An agent is called after its function where there are as many.
  const agentName = (names, agents, n) => (names.length === agents ? names[n] : `agent ${n + 1}`);

  // [{x, y, low, high}]: over seeds, at each step, of what `pick(run)` gives as a curve over run.steps.
  function curve(row, pick) {
    const at = new Map();
    for (const run of row.runs) {
      const values = pick(run);
      list(run.steps).forEach((x, i) => {
        if (known(x) && known(values[i])) at.set(x, [...(at.get(x) || []), values[i]]);
      });
    }
    return [...at].sort((a, b) => a[0] - b[0]).map(([x, values]) => {
      const { mean, low, high } = spread(values);
      return { x, y: mean, low, high };
    });
  }
  const agentCurve = (row, n) => curve(row, (run) => list(list(run.returns)[n]));
  const meanCurve = (row) => curve(row, (run) => list(run.steps).map((_, i) => spread(list(run.returns).map((r) => list(r)[i])).mean));

  // Colours stand for variants, the same in all charts; those that come round again are dashed.
  const place = (variant) => Math.max(0, variants.indexOf(variant));
  const colourOf = (variant) => "--c" + (place(variant) % 7);
  const dashOf = (variant) => [[], [6, 3], [2, 3]][Math.floor(place(variant) / 7) % 3];
  const clip = (name, most) => (name.length > most ? name.slice(0, most - 1) + "…" : name);

  return { results, rows, ratios, scenarios, variants, seeds, metrics, functionMetrics, list, known, distinct, stats,
    functionsOf, functionStats, agentsOf, agentName, agentCurve, meanCurve, colourOf, dashOf, clip };
})();
