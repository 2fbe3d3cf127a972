// The table of an experiment: mean, interval and ratio to the baseline; and the view of one row.
"use strict";

Reeve.experimentTable = (() => {
  const { format, sorting, experiment } = Reeve;
  const { byId, el } = Reeve.dom;
  const { metrics, mean, interval, stats, show } = experiment;

  const columns = [{ key: "label", title: "Policy", text: true }, ...metrics.map((m) => ({ key: m.key, metric: m, title: m.title, unit: experiment.unit(m),
    down: m.better === "higher", doc: m.better === "higher" ? "More is better" : "Less is better" }))];
  const order = { key: "", down: false };  // as in the results until a heading is used

  function sorted(rows) {
    const column = columns.find((c) => c.key === order.key);
    if (!column) return rows;
    const value = (row) => (column.metric ? mean(row, column.key) : row[column.key]);
    return [...rows].sort((a, b) => sorting.compare(value(a), value(b), order.down) || a.index - b.index);
  }

  function nameCell(row) {
    const button = el("button", { type: "button", class: "name", title: row.label }, String(row.label));
    button.addEventListener("click", () => openDetail(row));
    // What the name leaves open.
    const where = [experiment.workloads.length > 1 ? row.workload : "", experiment.clusters.length > 1 ? row.cluster : ""];
    return el("th", { scope: "row" }, button, el("span", { class: "range" }, where.filter(Boolean).join(", ")));
  }
  const ratioText = (v) => (Math.abs(v) >= 0.095 && Math.abs(v) < 9.995 ? v.toFixed(2) : format.number(v));
  function numberCell(row, m) {
    const range = interval(row, m.key);
    const { ratio, ratio_low: low, ratio_high: high } = stats(row, m.key);
    const verdict = experiment.verdict(row, m.key);
    const isBaseline = row.label === experiment.results.baseline;
    return el("td", { "data-metric": m.key },
      el("span", { class: "mean" }, show(m, mean(row, m.key))),
      el("span", { class: "range" }, range ? `${show(m, range[0])} – ${show(m, range[1])}` : ""),
      el("span", { class: "ratio" + (verdict > 0 ? " better" : verdict < 0 ? " worse" : "") },
        isBaseline || !experiment.known(ratio) ? "" : ratioText(ratio) + "×" +
        (experiment.known(low) && experiment.known(high) ? ` (${ratioText(low)} – ${ratioText(high)})` : "")));
  }

  function draw(shown, update) {
    const host = byId("results-table");
    const body = el("tbody", {}, ...shown.map((row) => el("tr", {}, nameCell(row),
      ...metrics.map((m) => numberCell(row, m)))));
    if (!shown.length) {
      body.append(el("tr", {}, el("td", { class: "empty", colspan: columns.length },
        experiment.rows.length ? "No row matches the filter." : "The experiment holds no rows.")));
    }
    host.replaceChildren(el("table", {}, el("thead", {}, el("tr", {},
      ...columns.map((column) => sorting.heading(host, column, order, update)))), body));
  }

  // Parameters, and what each seed gave.
  function openDetail(row) {
    const table = (head, lines, text) => el("div", { class: "scroll", tabindex: 0 }, el("table", {},
      el("thead", {}, el("tr", {}, ...head.map((title, i) => el("th", { scope: "col", class: i && !text ? null : "text" }, title)))),
      el("tbody", {}, ...lines.map(([first, ...rest]) => el("tr", {}, el("th", { scope: "row" }, first),
        ...rest.map((value) => el("td", { class: text ? "text" : null }, value)))))));
    const parameters = Object.entries(row.parameters || {}).map(([key, value]) => [key, String(value)]);
    const runs = experiment.list(row.runs).map((run) => [String(run.seed), ...metrics.map((m) => show(m, run[m.key]))]);
    sorting.openDetail(row.label, `${row.policy} on ${row.workload}, cluster ${row.cluster}, ` +
      (row.tuned ? "tuned parameters" : "default parameters"),
    el("h3", {}, "Parameters"),
    parameters.length ? table(["Parameter", "Value"], parameters, true) : el("p", { class: "facts" }, "All as the policy's defaults."),
    el("h3", {}, "By seed"),
    table(["Seed", ...metrics.map(experiment.heading)], runs));
  }

  return { sorted, draw };
})();
