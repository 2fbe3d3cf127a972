// One run: headline numbers, load against capacity, latency, cold starts, distributions. What goes on
// is shown by the same charts: its `series` has a time (time_s) and a length (window_s) for each point,
// and the run a `time` that charts are given.
"use strict";

Reeve.runView = (() => {
  const { format, charts } = Reeve;
  const { byId, cards, el } = Reeve.dom;

  const nameOf = (run) => run.summary.name || run.summary.policy;
  const share = (part, whole) => (whole > 0 ? part / whole : null);

  // Points of a series: y from the named columns, at the start of each step.
  function points(run, value) {
    const { step_s: step, time_s: times, arrivals } = run.series;
    return (arrivals || []).map((_, i) => {
      const y = value(i);
      return { x: times ? times[i] : i * step, y: y === null || y === undefined ? NaN : y };
    });
  }
  const column = (run, name) => points(run, (i) => run.series[name][i]);
  // A count as a rate: the last step may be cut short by the run's end.
  function rate(run, name) {
    const { step_s: step, window_s: lengths } = run.series;
    if (lengths) return points(run, (i) => (lengths[i] > 0 ? run.series[name][i] / lengths[i] : null));
    const end = run.summary.simulated_seconds;
    return points(run, (i) => run.series[name][i] / Math.max(1e-9, Math.min(step, end - i * step)));
  }
  const positive = (data) => data.map((p) => ({ x: p.x, y: p.y > 0 ? p.y : NaN }));
  const has = (data) => data.some((p) => p.y > 0);
  const peak = (data) => data.reduce((m, p) => (p.y > m ? p.y : m), 0);

  function stepNote(run) {
    const { step_s: step, merged } = run.series;
    if (run.time) return merged > 1 ? `A point covers ${merged} windows: counts and means over them, percentiles are the worst.` : "A point is a window.";
    return merged > 1 ? `A point covers ${format.span(step)}: counts and means over it, percentiles are its worst interval's.`
      : `A point covers ${format.span(step)}.`;
  }

  // Where the safeguard's fallback drove: [{from, to, share of the functions}], equal neighbours joined.
  function engagedPeriods(run) {
    const { step_s: step, safeguard_engaged: engaged } = run.series;
    const periods = [];
    (engaged || []).forEach((share, i) => {
      if (!(share > 0)) return;
      const from = i * step, to = Math.min(from + step, run.summary.simulated_seconds);
      const last = periods[periods.length - 1];
      if (last && last.to === from && last.share === share) last.to = to;
      else periods.push({ from, to, share });
    });
    return periods;
  }
  const over = (run) => run.time || { x: "time", endS: run.summary.simulated_seconds, shade: engagedPeriods(run) };
  const shadeNote = (run) => (over(run).shade.length
    ? "Shaded: the safeguard's fallback drove, the darker the more functions." : "");

  function safeguardCard(run) {
    const g = run.summary.safeguard;
    if (!g) return [];
    const by = Object.entries(g).filter(([name, times]) => name.startsWith("engagements_") && times > 0)
      .map(([name, times]) => `${format.count(times)} by ${name.slice(12).replaceAll("_", " ").replace("slo", "SLO")}`);
    return [{ title: "Safeguard", value: format.percent(g.engaged_share),
      more: ["of decisions were the fallback's", `took over ${format.count(g.engagements)} times${by.length ? ": " + by.join(", ") : ""}`,
        ...(g.budget_granted === null ? [] : [`${format.number(g.budget_charged)} of ${format.number(g.budget_granted)} violations charged`])] }];
  }

  function headline(run) {
    const s = run.summary;
    const lost = s.rejections + s.timeouts + s.failures;
    cards(byId("cards"), [
      { title: "Requests", value: format.count(s.arrivals),
        more: [format.count(s.completions) + " completed", lost > 0
          ? `${format.count(s.rejections)} rejected, ${format.count(s.timeouts)} timed out, ${format.count(s.failures)} failed`
          : "none rejected, timed out or failed"] },
      { title: "p99 latency", value: format.millis(s.latency_p99_ms),
        more: ["p50 " + format.millis(s.latency_p50_ms), "p95 " + format.millis(s.latency_p95_ms)] },
      { title: "p99 slowdown", value: format.factor(s.slowdown_p99),
        more: [`p50 ${format.factor(s.slowdown_p50)}, p95 ${format.factor(s.slowdown_p95)}`,
          format.factor(s.slowdown_p99_geomean) + " mean of functions"] },
      { title: "SLO violations", value: format.percent(s.slo_violation_share),
        more: [format.count(s.slo_violations) + " requests"] },
      { title: "Cold starts", value: format.count(s.cold_starts),
        more: [format.percent(s.cold_start_share) + " of requests"] },
      { title: "Memory held", value: format.short(s.gb_seconds), unit: "GB s",
        more: [format.short(s.container_seconds) + " container-seconds",
          ...(s.gb_seconds_over_bound ? [format.factor(s.gb_seconds_over_bound) + " the clairvoyant bound"] : [])] },
      { title: "Containers busy", value: format.percent(s.container_utilisation),
        more: ["of their lifetime", "CPU used " + format.percent(s.cpu_utilisation)] },
      { title: "Replica changes", value: format.number(s.replica_changes_per_hour), unit: "per hour",
        more: ["over all functions"] },
      ...safeguardCard(run),
    ]);
  }

  function load(run) {
    const host = byId("load-charts");
    const time = over(run);
    const arrivals = rate(run, "arrivals");
    const refused = run.series.rejections ? rate(run, "rejections") : [];
    charts.put(host, { ...time, title: "Requests", yTitle: "requests per second", note: shadeNote(run),
      yText: (v) => format.number(v) + " /s", summary: `Peak ${format.number(peak(arrivals))} requests per second.`,
      series: [
        { label: "arriving", data: arrivals, fill: true },
        ...(has(refused) ? [{ label: "rejected", data: refused, colour: "--c1" }] : []),
      ] });

    const demand = points(run, (i) => run.series.mean_in_flight[i] + run.series.mean_queued[i]);
    const slots = run.series.slots_ready ? column(run, "slots_ready") : [];
    const ready = column(run, "containers_ready");
    const asked = column(run, "replicas_asked");
    const sameAsReady = slots.every((p, i) => !(Math.abs(p.y - ready[i].y) > 0.01 * ready[i].y));
    charts.put(host, { ...time, title: "Concurrency against capacity", yTitle: "requests, containers",
      summary: `Peak demand ${format.number(peak(demand))} requests at once, at most ${format.number(peak(ready))} containers ready.`,
      series: [
        { label: "in flight and queued", data: demand, fill: true },
        { label: "containers ready", data: ready, colour: "--c2", stepped: true },
        ...(has(asked) ? [{ label: "asked for", data: asked, colour: "--c4", dash: [4, 3], stepped: true, hidden: !run.time }] : []),
        ...(has(slots) && !sameAsReady ? [{ label: "slots in ready containers", data: slots, colour: "--c3", stepped: true,
          // Where a container takes a hundred requests, its slots would press all else flat.
          hidden: peak(slots) > 3 * Math.max(peak(ready), peak(demand)) }] : []),
      ] });

    const resource = (title, used, capacity, unit, usedLabel) => {
      const u = column(run, used), c = column(run, capacity);
      charts.put(host, { ...time, title, yTitle: unit, yText: (v) => format.number(v) + " " + unit,
        summary: `Peak ${format.number(peak(u))} of ${format.number(peak(c))} ${unit}.`,
        series: [
          { label: usedLabel, data: u, fill: true },
          { label: "capacity", data: c, colour: "--c1", stepped: true, dash: [6, 3] },
        ] });
    };
    resource("CPU", "cpu_used_cores", "cpu_capacity_cores", "cores", "used");
    resource("Memory", "memory_held_gib", "memory_capacity_gib", "GiB", "held by containers");
  }

  // The intervals with the most cold starts: at most one in twenty, none when there is no cold start.
  function coldPeaks(run) {
    const cold = run.series.cold_starts || [];
    const sorted = cold.filter((v) => v > 0).sort((a, b) => b - a);
    if (!sorted.length) return [];
    const limit = sorted[Math.min(sorted.length - 1, Math.ceil(cold.length / 20) - 1)];
    return points(run, (i) => (cold[i] >= limit ? run.series.latency_p99_ms[i] : null))
      .filter((p) => p.y > 0);
  }

  function latency(run) {
    const host = byId("latency-charts");
    const time = over(run);
    const marks = run.time ? [] : coldPeaks(run);
    const percentile = (p, colour, width) => ({ label: p, colour, width,
      data: positive(column(run, `latency_${p}_ms`)) });
    const slowest = run.series.slowest_p99_ms ? positive(column(run, "slowest_p99_ms")) : [];
    const all = ["p50", "p95", "p99"].map((p) => run.series[`latency_${p}_ms`]).some((values) => (values || []).some((v) => v > 0));
    charts.put(host, { ...time, title: "Latency percentiles", size: "tall", log: true,
      yTitle: "arrival to answer (log)", yTick: format.millisTick, yText: format.millis,
      summary: run.time ? "" : `Over the run p50 ${format.millis(run.summary.latency_p50_ms)}, p99 ${format.millis(run.summary.latency_p99_ms)}.`,
      note: stepNote(run) + (marks.length ? " Triangles mark the intervals with the most cold starts." : "") +
        (shadeNote(run) ? " " + shadeNote(run) : ""),
      series: [
        ...(all || !slowest.length ? [percentile("p50", "--c2", 1.8), percentile("p95", "--c0", 1.5), percentile("p99", "--c1", 1.5)] : []),
        ...(slowest.length ? [{ label: "p99 of the slowest function", data: slowest, colour: "--c3", dash: [4, 3], hidden: all }] : []),
        ...(marks.length ? [{ label: "most cold starts", data: marks, colour: "--c3", points: true,
          pointStyle: "triangle", order: -1 }] : []),
      ] });

    const minute = (name) => rate(run, name).map((p) => ({ x: p.x, y: 60 * p.y }));
    const cold = minute("cold_starts");
    charts.put(host, { ...time, title: "Cold starts", size: "low", yTitle: "per minute",
      yText: (v) => format.number(v) + " per minute",
      summary: `${run.time ? "" : format.count(run.summary.cold_starts) + " in all, "}peak ${format.number(peak(cold))} per minute.`,
      series: [{ label: "cold starts", data: cold, colour: "--c3", fill: true, stepped: true }] });

    const bad = ["slo_violations", ...["lost", "rejections", "timeouts", "failures"].filter((name) => run.series[name])];
    const shown = bad.map((name, i) => ({ label: name.replace("slo_violations", "SLO violations"),
      data: minute(name), colour: ["--c1", "--c0", "--c4", "--c6", "--c3"][i], stepped: true, fill: i === 0 }))
      .filter((item, i) => i === 0 || has(item.data));
    charts.put(host, { ...time, title: "SLO violations and losses", size: "low",
      yTitle: "requests per minute", yText: (v) => format.number(v) + " per minute", series: shown,
      summary: run.time ? "" : `${format.percent(run.summary.slo_violation_share)} of requests over the run.` });
  }

  // [{x: nines, y}] of a quantile column; values of 0 have no place on a log axis.
  const curve = (run, name) => run.quantiles.quantile.map((q, i) =>
    ({ x: charts.nines(q), y: run.quantiles[name][i] > 0 ? run.quantiles[name][i] : NaN }));

  function nineChart(host, title, yTitle, show, tick, series) {
    const end = Math.max(1, ...series.flatMap((s) => s.data.map((p) => p.x)));
    charts.add(host, { title, x: "nines", endX: end, log: true, yTitle, yTick: tick, yText: show, series,
      xText: (x) => `${Number((100 * (1 - 10 ** -x)).toPrecision(7))} % of requests`,
      summary: "Value below which a share of the requests stays." });
  }
  function distributions(run) {
    const host = byId("distribution-charts");
    charts.clear(host);
    if (!run.quantiles.quantile.length) return;
    nineChart(host, "Latency distribution", "time (log)", format.millis, format.millisTick, [
      { label: "latency", data: curve(run, "latency_ms") },
      { label: "execution", data: curve(run, "execution_ms"), colour: "--c2" },
      { label: "waiting", data: curve(run, "wait_ms"), colour: "--c4" },
    ].filter((s) => has(s.data)));
    nineChart(host, "Slowdown distribution", "latency over ideal (log)", format.factor, format.factorTick, [
      { label: "slowdown", data: curve(run, "slowdown"), colour: "--c3" }]);
  }

  function configuration(run) {
    byId("config").textContent = run.config;
    const h = run.summary.host;
    byId("host-facts").textContent = `Reeve ${h.version}, started ${h.started_at}, took ${format.span(h.wall_seconds)} on ` +
      `${h.threads} ${h.threads === 1 ? "thread" : "threads"}: ${format.number(h.invocations_per_second)} invocations per second, ` +
      `${format.number(h.peak_memory_mb)} MB at most.`;
  }

  function facts(run) {
    const s = run.summary;
    return `${s.trace} on ${s.cluster}, ${format.span(s.simulated_seconds)}, ` +
      `${format.count(s.functions)} functions, seed ${s.seed}`;
  }
  function notices(runs) {
    byId("notices").replaceChildren(...runs.filter((r) => !r.summary.complete).map((r) =>
      el("p", { class: "notice", role: "status" },
        `${nameOf(r)} was interrupted after ${format.span(r.summary.simulated_seconds)}: its numbers cover that time only.`)));
  }

  function show(run) {
    for (const id of ["load-charts", "latency-charts"]) charts.clear(byId(id));
    headline(run);
    load(run);
    latency(run);
    distributions(run);
    configuration(run);
  }
  return { show, load, latency, nameOf, facts, notices, points, column, rate, positive, curve, nineChart, share };
})();
