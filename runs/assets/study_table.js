// The table of a study: mean and range over seeds of each variant; and the view of one variant.
"use strict";

Reeve.studyTable = (() => {
  const { sorting, study } = Reeve;
  const { byId, el } = Reeve.dom;
  const { metrics, stats, known } = study;

  const columns = [{ key: "variant", title: "Variant", text: true }, ...metrics.map((m) => ({ key: m.key, title: m.title, down: m.down, doc: m.doc, metric: m }))];
  const order = { key: "", down: false };  // as in the results until a heading is used

  function sorted(rows) {
    const column = columns.find((c) => c.key === order.key);
    if (!column) return rows;
    const value = (row) => (column.metric ? stats(row, column.key).mean : row.variant);
    return [...rows].sort((a, b) => sorting.compare(value(a), value(b), order.down) || a.index - b.index);
  }
  function nameCell(row) {
    const button = el("button", { type: "button", class: "name", title: row.variant }, row.variant || "(unnamed)");
    button.addEventListener("click", () => openDetail(row));
    return el("th", { scope: "row" }, button);
  }
  function numberCell(row, m) {
    const { mean, low, high } = stats(row, m.key);
    const ends = known(low) && low < high ? [m.text(low), m.text(high)] : [];
    return el("td", { "data-metric": m.key }, el("span", { class: "mean" }, m.text(mean)),
      el("span", { class: "range" }, ends.join(" to ")));
  }
  function draw(shown, update) {
    const host = byId("results-table");
    const body = el("tbody", {}, ...sorted(shown).map((row) => el("tr", {}, nameCell(row), ...metrics.map((m) => numberCell(row, m)))));
    if (!shown.length) body.append(el("tr", {}, el("td", { class: "empty", colspan: columns.length }, "The study holds no results.")));
    host.replaceChildren(el("table", {}, el("thead", {}, el("tr", {},
      ...columns.map((column) => sorting.heading(host, column, order, update)))), body));
  }

  // What each seed gave, and each function over the seeds.
  function openDetail(row) {
    const table = (head, lines) => el("div", { class: "scroll", tabindex: 0 }, el("table", {},
      el("thead", {}, el("tr", {}, ...head.map((title, i) => el("th", { scope: "col", class: i ? null : "text" }, title)))),
      el("tbody", {}, ...lines.map(([first, ...rest]) => el("tr", {}, el("th", { scope: "row" }, first), ...rest.map((value) => el("td", {}, value)))))));
    const names = study.functionsOf([row]);
    sorting.openDetail(row.variant, row.scenario ? `Scenario ${row.scenario}` : "",
      el("h3", {}, "By seed"),
      table(["Seed", ...metrics.map((m) => m.title)], row.runs.map((run) => [String(run.seed ?? "–"), ...metrics.map((m) => m.text(known(run[m.key]) ? run[m.key] : null))])),
      el("h3", {}, "By function, mean over the seeds"),
      table(["Function", ...study.functionMetrics.map((m) => m.title)], names.map((name) => [name, ...study.functionMetrics.map((m) => m.text(study.functionStats(row, name, m.key).mean))])));
  }
  return { draw };
})();
