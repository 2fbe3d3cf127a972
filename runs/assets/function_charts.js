// Charts of one function over time, of a run and of what goes on: load, latency, containers, cold starts.
"use strict";

Reeve.functionCharts = (() => {
  const { format, charts } = Reeve;
  const positive = (data) => data.map((p) => ({ x: p.x, y: p.y > 0 ? p.y : NaN }));

  // of: {time: what every chart is given, note, arrivals and cold ([{x, y}] per minute), p99, ready; and where
  // they are known: p50, objective (ms), asked, wished, queued}. Charts that are there already go on.
  function show(host, of) {
    const time = { ...of.time, size: "low" };
    const perMinute = (v) => format.number(v) + " per minute";
    charts.put(host, { ...time, title: "Arrivals", yTitle: "requests per minute", yText: perMinute,
      series: [{ label: "arrivals", data: of.arrivals, fill: true, stepped: true }], note: of.note });
    const dots = of.p99.length < 150;  // alone, a point between two gaps would not be seen
    const ends = of.objective > 0 ? [of.time.startS || 0, of.time.endS] : [];
    charts.put(host, { ...time, title: "Latency p99 over time", yTitle: "latency (log)", log: true,
      yTick: format.millisTick, yText: format.millis, note: of.note,
      series: [
        { label: "p99", data: positive(of.p99), colour: "--c1", dots },
        ...(of.p50 ? [{ label: "p50", data: positive(of.p50), colour: "--c2", dots }] : []),
        ...(ends.length ? [{ label: "objective", data: ends.map((x) => ({ x, y: of.objective })), colour: "--c6", dash: [6, 3] }] : []),
      ] });
    charts.put(host, { ...time, title: "Containers", yTitle: of.wished ? "containers" : "ready containers",
      series: [
        { label: of.wished ? "ready" : "containers ready", data: of.ready, colour: "--c2", fill: true, stepped: true },
        ...(of.asked ? [{ label: "asked for", data: of.asked, colour: "--c4", dash: [4, 3], stepped: true }] : []),
        ...(of.wished ? [{ label: "wished by the policy", data: of.wished, colour: "--c0", dash: [2, 2], stepped: true }] : []),
        ...(of.queued ? [{ label: "requests waiting", data: of.queued, colour: "--c1" }] : []),
      ] });
    charts.put(host, { ...time, title: "Cold starts of this function", yTitle: "per minute", yText: perMinute,
      series: [{ label: "cold starts", data: of.cold, colour: "--c3", fill: true, stepped: true }] });
  }
  return { show };
})();
