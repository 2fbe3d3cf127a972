// Puts the page of a study of learning together.
"use strict";

(() => {
  const { charts, sorting, study, studyTable, studyCharts, studyCurves } = Reeve;
  const { byId, el, options } = Reeve.dom;
  const { results, rows, ratios, scenarios, variants, seeds, distinct, functionMetrics } = study;
  const PAGE = 12;  // functions shown at a time

  const scenario = () => scenarios[Number(byId("pick-scenario").value)] ?? "";
  const shownRows = () => rows.filter((row) => row.scenario === scenario());
  // The functions of the scenario, as pages.
  const first = () => Number(byId("pick-functions").value) || 0;

  function drawFunctions() {
    const host = byId("function-charts");
    charts.clear(host);
    const names = study.functionsOf(shownRows()).slice(first(), first() + PAGE);
    studyCharts.byFunction(host, shownRows(), names, functionMetrics[Number(byId("pick-metric").value)]);
  }
  function drawRatios() {
    const host = byId("ratio-charts");
    charts.clear(host);
    const its = ratios.filter((r) => r.scenario === scenario());
    const shown = new Set(["", ...study.functionsOf(shownRows()).slice(first(), first() + PAGE)]);
    for (const name of distinct(its.map((r) => r.ratio))) {
      studyCharts.ratio(host, name, its.filter((r) => r.ratio === name && shown.has(r.function)));
    }
    byId("ratios").hidden = !host.children.length;
  }
  function drawTable() {
    studyTable.draw(shownRows(), drawTable);
  }
  function drawByFunction() {
    drawRatios();
    studyCurves.draw(shownRows(), first(), first() + PAGE);
    byId("by-function").hidden = !study.functionsOf(shownRows()).length;
    drawFunctions();
    const sections = [...document.querySelectorAll("main > section")].filter((s) => !s.hidden);
    byId("page-nav").replaceChildren(...sections.map((s) => el("a", { href: "#" + s.id }, s.querySelector("h2").textContent)));
  }
  function drawScenario() {
    const count = Math.max(study.functionsOf(shownRows()).length, study.agentsOf(shownRows()));
    const starts = Array.from({ length: Math.ceil(count / PAGE) }, (_, i) => i * PAGE);
    options(byId("pick-functions"), starts.map((s) => [s, `${s + 1} to ${Math.min(s + PAGE, count)} of ${count}`]));
    byId("pick-functions").parentElement.hidden = starts.length < 2;
    byId("pickers").hidden = scenarios.length < 2 && starts.length < 2;
    drawTable();
    drawByFunction();
  }

  function head() {
    byId("page-title").textContent = results.name || "Study of learning";
    const counted = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
    byId("page-facts").textContent = (results.title ? results.title + ". " : "") +
      `${counted(variants.length, "variant")}, ${counted(scenarios.length, "scenario")}, ${counted(seeds.length, "seed")}`;
    byId("results-facts").textContent = (seeds.length > 1 ? "Mean over the seeds, and the range from the least to the most. "
      : "") + "A variant's name opens what each seed and each function gave.";
    byId("ratios-facts").textContent = study.known(results.level)
      ? `Whiskers are ${Number((100 * results.level).toPrecision(4))} % confidence intervals over seeds, paired.` : "";
    byId("curves-facts").textContent = seeds.length > 1 ? "Lines are means over the seeds; bands reach from the least to the most." : "";
  }

  charts.start();
  sorting.startDetail(() => byId("detail-body").replaceChildren());
  options(byId("pick-scenario"), scenarios.map((name, i) => [i, name || "(the training's own)"]));
  byId("pick-scenario").parentElement.hidden = scenarios.length < 2;
  byId("pick-scenario").addEventListener("change", drawScenario);
  byId("pick-functions").addEventListener("change", drawByFunction);
  options(byId("pick-metric"), functionMetrics.map((m, i) => [i, m.title]));
  byId("pick-metric").addEventListener("change", drawFunctions);
  head();
  drawScenario();
  document.documentElement.dataset.ready = "true";
})();
