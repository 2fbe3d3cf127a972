// The whole cluster: load against capacity, latency, and how the loop keeps time. The charts are those of a
// run's report.
"use strict";

Reeve.clusterView = (() => {
  const { format, charts, source, history, runView } = Reeve;
  const { byId, cards } = Reeve.dom;
  const followed = history.follow("");

  // As a run that a report shows.
  function asRun(columns, merged) {
    const time = history.timeOf(columns, history.periods(columns, (i) => (columns.functions[i] > 0 ? columns.safeguarded[i] / columns.functions[i] : 0)));
    return {
      time, summary: {},
      series: { ...columns, merged, time_s: columns.wall.map((wall) => wall - time.origin), window_s: columns.window_seconds },
    };
  }
  function headline(c) {
    const share = (part, whole) => (whole > 0 ? part / whole : null);
    cards(byId("cluster-cards"), [
      { title: "CPU", value: format.percent(share(c.cpu_used_cores, c.cpu_capacity_cores)), more: [`${format.number(c.cpu_used_cores)} of ${format.number(c.cpu_capacity_cores)} cores`] },
      { title: "Memory held", value: format.percent(share(c.memory_held_gib, c.memory_capacity_gib)), more: [`${format.number(c.memory_held_gib)} of ${format.number(c.memory_capacity_gib)} GiB`] },
      { title: "Nodes ready", value: format.count(c.nodes_ready), more: [`${format.count(c.containers_ready)} containers, ${format.count(c.containers_starting)} starting`] },
      { title: "p99 latency", value: format.millis(c.latency_p99_ms === null ? c.slowest_p99_ms : c.latency_p99_ms), more: [c.latency_p99_ms === null ? "of the slowest function" : `of all requests; p50 ${format.millis(c.latency_p50_ms)}`] },
    ]);
  }
  async function show() {
    const { live } = source.now;
    if (!live) return;
    headline(live.cluster);
    await followed.update();
    const { columns, merged } = history.thin(followed.columns(), live.period_seconds);
    if (!columns.seq || !columns.seq.length) return;
    const run = asRun(columns, merged);
    // One after the other, so that keys and clicks come in between.
    const steps = [() => runView.load(run), () => runView.latency(run), () => {
      const column = (name) => history.at(columns, run.time, (i) => columns[name][i]);
      charts.put(byId("loop-charts"), { ...run.time, title: "Length of a tick", size: "low", yTitle: "milliseconds", yText: format.millis,
        series: [{ label: "observe, decide, apply", data: column("tick_ms"), fill: true }, { label: "began late by", data: column("lateness_ms"), colour: "--c1" }] });
      charts.put(byId("loop-charts"), { ...run.time, title: "Functions above their objective", size: "low", yTitle: "functions",
        series: [{ label: "p99 above the objective", data: column("over_objective"), colour: "--c1", stepped: true, fill: true }] });
    }];
    for (const step of steps) {
      step();
      await new Promise((done) => { setTimeout(done); });
    }
  }
  return { show, followed };
})();
