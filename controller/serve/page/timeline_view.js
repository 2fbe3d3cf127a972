// Environments, experts and who decided, over time.
"use strict";

Reeve.timelineView = (() => {
  const { format, charts, source, history, clusterView } = Reeve;
  const { byId, el } = Reeve.dom;
  const { followed } = clusterView;  // the same windows

  const share = (columns, name) => (i) => (columns.functions[i] > 0 ? columns[name][i] / columns.functions[i] : null);

  // Stretches of windows in which nothing of this changed, newest first.
  function periodsOf(columns) {
    const found = [];
    columns.seq.forEach((_, i) => {
      const guarded = columns.safeguarded[i] > 0, held = columns.held[i] > 0;
      const environment = columns.environment ? columns.environment[i] : null;
      const expert = columns.expert ? columns.expert[i] : null;
      const exploring = columns.exploring ? columns.exploring[i] : null;
      const key = [environment, expert, exploring, guarded, held].join();
      const last = found[found.length - 1];
      const most = (name, before) => Math.max(before || 0, columns[name][i] || 0);
      if (last && last.key === key) {
        Object.assign(last, { to: columns.wall[i], guarded: most("safeguarded", last.guarded), held: most("held", last.held) });
      } else {
        found.push({ key, from: last ? last.to : columns.wall[i], to: columns.wall[i], environment, expert, exploring, guarded: columns.safeguarded[i] || 0, held: columns.held[i] || 0 });
      }
    });
    return found.reverse();
  }
  function drawPeriods(columns) {
    const learns = !!columns.environment;
    const heads = ["From", "For", ...(learns ? ["Environment", "Expert"] : []), "Safeguard", "Held or fallen back"];
    const text = (of) => (of === null || of === undefined ? "–" : String(of));
    const rows = periodsOf(columns).slice(0, 100).map((p) => el("tr", {},
      el("th", { scope: "row" }, format.timeOfDay(p.from, true)), el("td", {}, format.span(Math.max(0, p.to - p.from))),
      ...(learns ? [el("td", {}, text(p.environment)), el("td", {}, text(p.expert) + (p.exploring ? ", exploring" : ""))] : []),
      el("td", { class: p.guarded ? "warn" : null }, p.guarded ? `${format.count(p.guarded)} functions` : "off duty"),
      el("td", { class: p.held ? "warn" : null }, p.held ? `${format.count(p.held)} functions` : "none")));
    byId("periods").replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((head, i) => el("th", { scope: "col", class: i ? null : "text" }, head)))), el("tbody", {}, ...rows)));
  }

  async function show() {
    const { live } = source.now;
    if (!live) return;
    await followed.update();
    const all = followed.columns();
    if (!all.seq || !all.seq.length) return;
    const { columns } = history.thin(all, live.period_seconds);
    const guarded = history.periods(columns, share(columns, "safeguarded"));
    const time = { ...history.timeOf(columns, guarded), size: "low" };
    const host = byId("timeline-charts");
    const at = (value) => history.at(columns, time, value);
    const learning = live.adaptation;
    byId("timeline-facts").textContent = learning
      ? `Environment ${learning.environment} (confidence ${format.percent(learning.confidence)}), expert ${learning.expert} in charge${learning.exploring ? ", exploring" : ""}; ${format.count(learning.environments)} environments known, ${format.count(learning.updates)} updates, ${format.count(learning.switches)} switches.`
      : `Policy ${live.policy} does not tell environments apart; who decided is shown below.`;
    if (columns.environment) {
      charts.put(host, { ...time, title: "Environment and expert", yTitle: "number", loose: true, yTick: (v) => (Number.isInteger(v) ? String(v) : ""), note: "Shaded: the safeguard's fallback decided, the darker the more functions.",
        series: [{ label: "environment", data: at((i) => columns.environment[i]), stepped: true, width: 2.4 }, { label: "expert in charge", data: at((i) => columns.expert[i]), colour: "--c1", stepped: true, dash: [4, 3], width: 2 }] });
      charts.put(host, { ...time, title: "Confidence and reward", yTitle: "confidence (0 to 1), reward", loose: true,
        series: [{ label: "confidence", data: at((i) => columns.confidence[i]) }, { label: "mean reward", data: at((i) => columns.mean_reward[i]), colour: "--c2" }] });
    }
    charts.put(host, { ...time, title: "Who does not follow the policy", yTitle: "share of functions", yText: format.percent, yTick: format.percent, note: guarded.length ? "Shaded: the safeguard's fallback decided." : "",
      series: [{ label: "safeguard's fallback", data: at(share(columns, "safeguarded")), colour: "--c4", fill: true, stepped: true }, { label: "held or fallen back, numbers being bad", data: at(share(columns, "held")), colour: "--c1", fill: true, stepped: true }] });
    drawPeriods(all);
  }
  return { show };
})();
