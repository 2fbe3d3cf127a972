// What the loop told: starts and stops, modes, trust, failures.
"use strict";

Reeve.eventsView = (() => {
  const { format, source } = Reeve;
  const { byId, el, options } = Reeve.dom;
  const most = 300;
  let events = [], next = 0, instance = "", kinds = "", drawn = "", busy = false;

  const day = new Intl.DateTimeFormat("en-CA");
  async function fetchMore() {
    const { status, body } = await source.ask(`api/v1/events?since=${next}`);
    if (status !== 200) return;
    if (instance && body.instance !== instance && next > 0) {
      [events, next, instance] = [[], 0, ""];
      await fetchMore();
      return;
    }
    instance = body.instance;
    next = body.next;
    events = events.concat(body.events.map((e) => ({ ...e, search: `${e.message}\n${e.tenant}\n${e.function}`.toLowerCase() }))).slice(-1000);
  }
  function draw() {
    const text = byId("event-text").value.trim().toLowerCase(), kind = byId("event-kind").value, warnings = byId("event-warnings").checked;
    const found = events.filter((e) => (!text || e.search.includes(text)) && (!kind || e.kind === kind) && (!warnings || e.warning)).reverse();
    const key = [instance, next, text, kind, warnings].join("\n");
    if (key === drawn) return;
    drawn = key;
    byId("event-count").textContent = found.length > most ? `newest ${most} of ${format.count(found.length)}` : format.count(found.length);
    const rows = found.slice(0, most).map((e) => el("tr", { class: e.warning ? "warn" : null },
      el("th", { scope: "row" }, el("span", { class: "day" }, day.format(new Date(e.wall * 1000)) + " "), format.timeOfDay(e.wall, true)), el("td", { class: "text" }, e.warning ? "warning" : "info"), el("td", { class: "text" }, e.kind.replaceAll("_", " ")),
      el("td", { class: "text" }, e.tenant), el("td", { class: "text" }, e.function && source.now.byId.has(e.function_id) ? el("a", { href: `#function=${encodeURIComponent(e.function_id)}` }, e.function) : e.function), el("td", { class: "text message" }, e.message)));
    byId("events").replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, ...["Time", "Level", "Kind", "Tenant", "Function", "Message"].map((head) => el("th", { scope: "col", class: "text" }, head)))),
      el("tbody", {}, ...(rows.length ? rows : [el("tr", {}, el("td", { class: "empty", colspan: 6 }, "Nothing like that was told."))]))));
  }
  async function show() {
    if (busy) return;
    busy = true;
    await fetchMore();
    busy = false;
    const found = [...new Set(events.map((e) => e.kind))].sort();
    if (found.join() !== kinds) {
      kinds = found.join();
      const before = byId("event-kind").value;
      options(byId("event-kind"), [["", "all"], ...found.map((kind) => [kind, kind.replaceAll("_", " ")])]);
      byId("event-kind").value = before;
    }
    draw();
  }
  function start() {
    byId("event-text").addEventListener("input", draw);
    for (const id of ["event-kind", "event-warnings"]) byId(id).addEventListener("change", draw);
  }
  return { start, show };
})();
