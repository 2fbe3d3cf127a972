// Puts the page together.
"use strict";

(() => {
  const { runView, charts, functions, compare } = Reeve;
  const { byId, el, options } = Reeve.dom;
  const { runs, fields } = JSON.parse(byId("report-data").textContent);

  function head() {
    const names = runs.map(runView.nameOf);
    byId("page-title").textContent = runs.length > 1 ? names.join(" vs ") : names[0];
    const first = runs[0].summary;
    const same = runs.every((r) => r.summary.trace === first.trace && r.summary.cluster === first.cluster);
    byId("page-facts").textContent = runs.length === 1
      ? `${first.policy === names[0] ? "" : `Policy ${first.policy}, `}${runView.facts(runs[0])}`
      : same ? `${runs.length} runs: ${runView.facts(runs[0])}` : `${runs.length} runs on different workloads or clusters`;
    const sections = [...document.querySelectorAll("main > section")].filter((s) => !s.hidden);
    byId("page-nav").replaceChildren(...sections.map((s) => el("a", { href: "#" + s.id }, s.querySelector("h2").textContent)));
    runView.notices(runs);
  }
  function showRun(index) {
    runView.show(runs[index]);
    functions.load(runs[index], fields.functions);
    if (runs.length > 1) byId("headline-title").textContent = "Summary of " + runView.nameOf(runs[index]);
  }

  charts.start();
  functions.start();
  if (runs.length > 1) {
    compare.show(runs, fields.summary);
    options(byId("run-picker"), runs.map((run, i) => [i, runView.nameOf(run)]));
    byId("run-picker").addEventListener("change", (event) => showRun(Number(event.target.value)));
  }
  head();
  showRun(0);
  document.documentElement.dataset.ready = "true";
})();
