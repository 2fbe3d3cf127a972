// The table of functions: sorts by any column, filters, pages; and the view of one function.
"use strict";

Reeve.functions = (() => {
  const { format, charts, sorting } = Reeve;
  const { byId, el, cards, options } = Reeve.dom;

  // Columns shown unless all are asked for. `of` computes from a row read by name.
  const ratio = (a, b) => (row) => (row[b] > 0 ? row[a] / row[b] : null);
  const usual = [
    { key: "name", title: "Function", text: true },
    { key: "trigger", title: "Trigger", text: true },
    { key: "spark", title: "Over time", sort: "arrivals", spark: true, text: true },
    { key: "arrivals", title: "Arrivals", show: format.count },
    { key: "latency_p50_ms", title: "p50", unit: "latency", show: format.millis },
    { key: "latency_p99_ms", title: "p99", unit: "latency", show: format.millis },
    { key: "slowdown_p99", title: "p99", unit: "slowdown", show: format.factor },
    { key: "slo_share", title: "SLO missed", unit: "of arrivals", of: ratio("slo_violations", "arrivals"), show: format.percent },
    { key: "cold_starts", title: "Cold starts", show: format.count },
    { key: "cold_share", title: "Cold", unit: "of arrivals", of: ratio("cold_starts", "arrivals"), show: format.percent },
    { key: "gb_seconds", title: "GB s", show: format.short },
    { key: "busy_share", title: "Busy", unit: "of lifetime", show: format.percent },
  ];
  function everything(fields) {
    const show = (f) => (f.unit === "share" ? format.percent : f.unit === "x" ? format.factor
      : f.unit === "ms" ? format.millis : format.number);
    return fields.map((f) => ({ key: f.name, title: f.name.replace(/_(ms|mib)$/, "").replaceAll("_", " "),
      unit: ["share", "x", "ms"].includes(f.unit) ? "" : f.unit, doc: f.doc, text: !f.number,
      show: f.number ? show(f) : null }));
  }

  let fields = [];
  let run = null;
  let rows = [];     // [{index, name, …, search}]
  let matching = [];
  let page = 0;
  const order = { key: "arrivals", down: true };

  const columns = () => (byId("all-columns").checked ? everything(fields) : usual);
  const valueOf = (row, key) => {
    const column = usual.find((c) => c.key === key);
    if (column && column.of) return column.of(row);
    return row[column && column.sort ? column.sort : key];
  };

  function load(nextRun, nextFields) {
    run = nextRun;
    fields = nextFields;
    const names = run.functions.columns;
    rows = run.functions.rows.map((values, index) => {
      const row = { index };
      names.forEach((name, i) => { row[name] = values[i]; });
      row.search = `${row.name}\n${row.app}\n${row.tenant}`.toLowerCase();
      return row;
    });
    const counted = (key) => {
      const counts = new Map();
      for (const row of rows) counts.set(row[key], (counts.get(row[key]) || 0) + 1);
      return [["", "all"], ...[...counts].sort((a, b) => b[1] - a[1] || sorting.collator.compare(a[0], b[0]))
        .map(([value, n]) => [value, `${value || "(none)"} (${n})`])];
    };
    options(byId("filter-trigger"), counted("trigger"));
    options(byId("filter-tenant"), counted("tenant"));
    update();
  }

  const compare = (a, b) =>
    sorting.compare(valueOf(a, order.key), valueOf(b, order.key), order.down) || a.index - b.index;

  function update() {
    const text = byId("filter-text").value.trim().toLowerCase();
    const trigger = byId("filter-trigger").value, tenant = byId("filter-tenant").value;
    matching = rows.filter((row) => (!text || row.search.includes(text)) &&
      (!trigger || row.trigger === trigger) && (!tenant || row.tenant === tenant)).sort(compare);
    page = 0;
    draw();
  }

  const headCell = (column) => sorting.heading(byId("function-table"),
    { ...column, down: !column.text || !!column.spark,
      doc: column.doc || (fields.find((f) => f.name === column.key) || {}).doc }, order, update);

  function bodyCell(row, column) {
    if (column.key === "name") {
      return el("th", { scope: "row" }, el("button", { type: "button", class: "name", title: row.name }, row.name));
    }
    if (column.spark) {
      const series = run.functions.series.rows[row.index];
      const points = run.functions.series.points;
      return el("td", { class: "text" }, series && points > 1
        ? charts.spark(series.arrivals, series.first, points, "arrivals over time") : "");
    }
    const value = column.of ? column.of(row) : row[column.key];
    if (column.text) {
      const long = String(value).length > 16;
      return el("td", { class: "text" + (long ? " ident" : ""), title: long ? value : null }, String(value));
    }
    return el("td", {}, column.show(value));
  }

  function draw() {
    const size = Number(byId("page-size").value);
    const pages = Math.max(1, Math.ceil(matching.length / size));
    page = Math.min(page, pages - 1);
    const shown = matching.slice(page * size, (page + 1) * size);
    const cols = columns();
    const body = el("tbody", {}, ...shown.map((row) => {
      const tr = el("tr", {}, ...cols.map((column) => bodyCell(row, column)));
      tr.addEventListener("click", () => openDetail(row));
      return tr;
    }));
    if (!shown.length) {
      body.append(el("tr", {}, el("td", { class: "empty", colspan: cols.length },
        rows.length ? "No function matches the filter." : "The run holds no functions.")));
    }
    byId("function-table").replaceChildren(el("table", {},
      el("thead", {}, el("tr", {}, ...cols.map(headCell))), body));
    const from = page * size;
    byId("page-count").textContent = matching.length
      ? `${from + 1}–${from + shown.length} of ${format.count(matching.length)}` +
        (matching.length < rows.length ? ` (${format.count(rows.length)} in all)` : "")
      : `0 of ${format.count(rows.length)}`;
    byId("page-back").disabled = page === 0;
    byId("page-on").disabled = page >= pages - 1;
  }

  function detailCharts(host, row) {
    const all = run.functions.series;
    const series = all.rows[row.index];
    if (!series) {
      host.append(el("p", { class: "facts" }, "This run recorded no intervals for single functions, or nothing happened to this one."));
      return;
    }
    const at = (name, scale) => Array.from({ length: all.points }, (_, p) => {
      const i = p - series.first;
      const inside = i >= 0 && i < series.arrivals.length;
      const value = inside ? series[name][i] : name === "p99" ? null : 0;
      return { x: p * all.step_s, y: value === null ? NaN : value * scale };
    });
    const perMinute = 60 / all.step_s;
    Reeve.functionCharts.show(host, {
      time: { x: "time", endS: run.summary.simulated_seconds },
      note: `A point covers ${format.span(all.step_s)}` + (all.merged > 1 ? "; latency is its worst interval's." : "."),
      arrivals: at("arrivals", perMinute), p99: at("p99", 1), ready: at("containers", 1), cold: at("cold_starts", perMinute),
    });
  }

  function openDetail(row) {
    const facts =
      `${row.trigger || "no"} trigger, app ${row.app || "–"}, tenant ${row.tenant || "–"}, ` +
      `${format.number(row.memory_mib)} MiB` + (row.slo_ms ? `, objective ${format.millis(row.slo_ms)}` : ", no objective");
    const lost = row.rejections + row.timeouts + row.failures;
    const numbers = el("dl", { class: "cards small" });
    const host = el("div", { class: "grid two" });
    cards(numbers, [
      { title: "Arrivals", value: format.count(row.arrivals), more: [lost ? format.count(lost) + " lost" : "none lost"] },
      { title: "p99 latency", value: format.millis(row.latency_p99_ms), more: ["p50 " + format.millis(row.latency_p50_ms)] },
      { title: "p99 execution", value: format.millis(row.execution_p99_ms), more: ["p50 " + format.millis(row.execution_p50_ms)] },
      { title: "p99 waiting", value: format.millis(row.wait_p99_ms) },
      { title: "p99 slowdown", value: format.factor(row.slowdown_p99), more: ["p50 " + format.factor(row.slowdown_p50)] },
      { title: "SLO violations", value: format.count(row.slo_violations), more: [format.percent(ratio("slo_violations", "arrivals")(row))] },
      { title: "Cold starts", value: format.count(row.cold_starts), more: [format.percent(ratio("cold_starts", "arrivals")(row))] },
      { title: "Memory held", value: format.short(row.gb_seconds), unit: "GB s", more: [format.percent(row.busy_share) + " busy"] },
    ]);
    // Charts take their size from the page, so the dialog opens first.
    sorting.openDetail(row.name, facts, numbers, host);
    detailCharts(host, row);
  }

  function start() {
    byId("filter-text").addEventListener("input", update);
    for (const id of ["filter-trigger", "filter-tenant"]) byId(id).addEventListener("change", update);
    for (const id of ["page-size", "all-columns"]) byId(id).addEventListener("change", () => { page = 0; draw(); });
    byId("page-back").addEventListener("click", () => { page -= 1; draw(); });
    byId("page-on").addEventListener("click", () => { page += 1; draw(); });
    sorting.startDetail(() => charts.clear(byId("detail-body")));
  }
  return { start, load };
})();
