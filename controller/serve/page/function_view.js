// One function: now, and over the recent past.
"use strict";

Reeve.functionView = (() => {
  const { format, charts, source, history, access, functionCharts } = Reeve;
  const { byId, cards } = Reeve.dom;
  let followed = null;

  // Of charts over time: counts per minute.
  const perMinute = (columns, name) => (i) => (columns.window_seconds[i] > 0 ? 60 * columns[name][i] / columns.window_seconds[i] : null);

  function headline(row) {
    cards(byId("function-cards"), [
      { title: "Requests", value: format.number(row.rate), unit: "per second", more: [`${format.number(row.mean_in_flight)} at once, ${format.count(row.queued)} waiting`] },
      { title: "Containers ready", value: format.count(row.containers_ready), more: [`${format.count(row.replicas_asked)} asked for, ${format.count(row.containers_starting)} starting`] },
      { title: "p99 latency", value: format.millis(row.latency_p99_ms), more: [row.slo_ms ? `objective ${format.millis(row.slo_ms)}` : "no objective", `p50 ${format.millis(row.latency_p50_ms)}`] },
      { title: "Decided by", value: Reeve.overview.deciders[row.decided_by] || "–", more: [row.replicas_wished === null ? "containers left as they are" : `wished ${format.count(row.replicas_wished)} replicas`, ...(row.why ? [`not simply applied: ${row.why.replaceAll("_", " ")}`] : [])] },
    ]);
  }
  function draw(row) {
    const { columns, merged } = history.thin(followed.columns(), source.now.live.period_seconds);
    if (!columns.seq || !columns.seq.length) return;
    const guarded = history.periods(columns, (i) => (columns.decided_by[i] === "safeguard" ? 1 : 0));
    const time = history.timeOf(columns, guarded);
    const at = (value) => history.at(columns, time, value);
    const plain = (name) => at((i) => columns[name][i]);
    functionCharts.show(byId("function-charts"), {
      time, objective: row.slo_ms,
      note: (merged > 1 ? `A point covers ${merged} windows; latency is the worst of them.` : "A point is a window.") + (guarded.length ? " Shaded: the safeguard's fallback decided." : ""),
      arrivals: at(perMinute(columns, "arrivals")), cold: at(perMinute(columns, "cold_starts")),
      p99: plain("latency_p99_ms"), p50: plain("latency_p50_ms"), ready: plain("containers_ready"), asked: plain("replicas_asked"),
      wished: plain("replicas_wished"), queued: plain("mean_queued"),
    });
  }

  async function show(id) {
    const row = source.now.byId.get(id);
    byId("function-switch").hidden = byId("function-why").hidden = byId("function-cards").hidden = !row;
    if (!row) {
      byId("function-title").textContent = id ? id : "Function";
      byId("function-facts").textContent = id ? "There is no function of this id now." : "Choose a function.";
      charts.clear(byId("function-charts"));
      followed = null;
      return;
    }
    byId("function-title").textContent = row.name;
    byId("function-facts").textContent = `Tenant ${row.tenant}, mode ${row.mode}${row.paused ? ", paused" : ""}` + (row.sound ? "" : `; its numbers are bad: ${row.why.replaceAll("_", " ")}`);
    byId("function-why").href = `#why=${encodeURIComponent(id)}`;
    byId("function-switch").tenant = row.tenant;
    byId("function-switch").textContent = `Switch ${row.tenant}`;
    access.paint(byId("function-switch"), row.tenant);
    headline(row);
    if (!followed || followed.id !== id) {
      charts.clear(byId("function-charts"));
      followed = history.follow(id);
    }
    const mine = followed;
    await mine.update();
    if (mine === followed) draw(row);
  }
  function start() {
    byId("function-switch").addEventListener("click", (event) => access.openSwitch(event.target.tenant));
  }
  return { start, show };
})();
