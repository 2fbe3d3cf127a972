// Which view is seen, by the address; and what is the same in all of them.
"use strict";

(() => {
  const { format, source, access, charts } = Reeve;
  const { byId, el, options } = Reeve.dom;
  const views = { overview: Reeve.overview, function: Reeve.functionView, cluster: Reeve.clusterView, timeline: Reeve.timelineView, why: Reeve.whyView, events: Reeve.eventsView };
  let view = "", subject = "", lastFunction = "";

  function route() {
    const [name, ...rest] = location.hash.slice(1).split("=");
    const next = views[name] ? name : "overview";
    let id = "";
    try {
      id = decodeURIComponent(rest.join("="));
    } catch (error) {
      id = "";
    }
    if (id) lastFunction = id;
    const moved = view && view !== next;
    [view, subject] = [next, id || lastFunction];
    for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== "view-" + view;
    for (const link of document.querySelectorAll("#page-nav a")) {
      if (link.dataset.view === view) {
        link.setAttribute("aria-current", "page");
        link.parentElement.scrollLeft = link.offsetLeft - link.parentElement.offsetLeft - 40;  // where they do not fit
      } else {
        link.removeAttribute("aria-current");
      }
    }
    document.title = `${document.querySelector(`#page-nav a[data-view=${view}]`).textContent} - Reeve`;
    if (moved) {
      scrollTo(0, 0);
      byId("main").focus({ preventScroll: true });
    }
    show();
  }

  // One drawing at a time; what came meanwhile is drawn after it.
  let drawing = false, dirty = false;
  async function show() {
    if (drawing) {
      dirty = true;
      return;
    }
    drawing = true;
    do {
      dirty = false;
      const { live } = source.now;
      if (live) {
        if (!subject && (view === "function" || view === "why") && source.now.rows.length) subject = busiest();
        await views[view].show(subject);
        choices();
        document.documentElement.dataset.seq = live.seq;
        document.documentElement.dataset.wall = live.wall;
      }
    } while (dirty);
    drawing = false;
    document.documentElement.dataset.ready = "true";
  }
  // Whom the views of one function show before one is chosen.
  function busiest() {
    return source.now.rows.reduce((a, b) => (b.arrivals > a.arrivals ? b : a)).id;
  }

  // Functions to choose from, by name, or by name and tenant where a name is there more than once.
  let offered = null, byLabel = new Map();
  function choices() {
    const { rows } = source.now;
    if (offered !== source.now.byId) {
      offered = source.now.byId;
      const times = new Map();
      for (const row of rows) times.set(row.name, (times.get(row.name) || 0) + 1);
      byLabel = new Map(rows.map((row) => [times.get(row.name) > 1 ? `${row.name} (${row.tenant}, ${row.id})` : row.name, row.id]));
      byId("function-names").replaceChildren(...[...byLabel.keys()].map((label) => el("option", { value: label })));
    }
    for (const input of document.querySelectorAll(".function-choice")) {
      if (document.activeElement === input) continue;
      const label = [...byLabel].find(([, id]) => id === subject);
      if (label && input.value !== label[0]) input.value = label[0];
    }
  }

  function notices() {
    const { live, trouble, locked } = source.now;
    const said = [];
    if (trouble) said.push(locked ? "This server tells nothing without its token." : `Nothing new comes: ${trouble}.`);
    if (live && !live.cluster.observed) said.push("The platform does not answer: what is shown is older.");
    if (live && !live.policy_decides && live.cluster.functions > 0) said.push("The policy does not decide.");
    if (live && !live.leading) said.push("Another instance leads: this one observes and decides, and applies nothing.");
    const host = byId("notices");
    if (host.textContent === said.join("")) return;
    host.replaceChildren(...said.map((text) => el("p", { class: "notice", role: "status" }, text)));
    if (locked) {
      const button = el("button", { type: "button" }, "Enter token");
      button.addEventListener("click", () => byId("token-button").click());
      host.lastChild.append(" ", button);
    }
  }
  function freshness() {
    const { live, trouble, arrived } = source.now;
    const node = byId("fresh");
    if (!live) {
      byId("fresh-text").textContent = trouble ? "not connected" : "connecting";
      node.dataset.state = trouble ? "bad" : "";
      return;
    }
    const age = Math.max(0, (performance.now() - arrived) / 1000);
    const old = age > Math.max(5, 3 * live.period_seconds);
    const text = trouble || old ? `${age < 60 ? `${Math.round(age)} s` : format.span(age)} old` : "live";
    if (byId("fresh-text").textContent !== text) byId("fresh-text").textContent = text;
    node.dataset.state = trouble || old ? "bad" : "good";
  }
  function head() {
    const { live } = source.now;
    if (live) byId("page-facts").textContent = `${live.policy} on ${live.platform}, every ${Number(live.period_seconds.toPrecision(3))} s, tick ${format.count(live.ticks)}`;
    notices();
    freshness();
  }

  charts.start();
  for (const part of [access, Reeve.overview, Reeve.functionView, Reeve.eventsView]) part.start();
  for (const input of document.querySelectorAll(".function-choice")) {
    const choose = () => {
      const id = byLabel.get(input.value.trim());
      if (id) location.hash = `${view}=${encodeURIComponent(id)}`;
    };
    input.addEventListener("change", choose);
    input.addEventListener("focus", () => input.select());
  }
  addEventListener("hashchange", route);
  source.onChange(head);
  source.onChange(show);
  setInterval(freshness, 1000);
  route();
  source.start();
})();
