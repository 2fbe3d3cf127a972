// What the page's tables share: headings that sort, an order with unset values last, and the dialog
// that opens on a row.
"use strict";

Reeve.sorting = (() => {
  const { byId, el } = Reeve.dom;
  const collator = new Intl.Collator("en", { numeric: true });

  // Unset values come last, whichever the direction; 0 where neither comes first.
  function compare(x, y, down) {
    const none = (v) => v === null || v === undefined || v === "";
    if (none(x) || none(y)) return none(x) - none(y);
    const difference = typeof x === "string" ? collator.compare(x, y) : x - y;
    return down ? -difference : difference;
  }

  // A heading of `table` that sorts. column: {key, title, unit, text, doc}; order: {key, down}, which
  // a click changes before it calls `update`: the other way round, or the new column from
  // its interesting end. The heading keeps the focus.
  function heading(table, column, order, update) {
    const sorted = order.key === column.key;
    const button = el("button", { type: "button", "data-key": column.key },
      el("span", { class: "heading" }, column.title,
        sorted ? el("span", { class: "arrow", "aria-hidden": "true" }, order.down ? "▾" : "▴") : null),
      column.unit ? el("span", { class: "unit" }, column.unit) : null);
    button.addEventListener("click", () => {
      if (sorted) order.down = !order.down;
      else Object.assign(order, { key: column.key, down: column.down });
      update();
      const again = [...table.querySelectorAll("button[data-key]")].find((b) => b.dataset.key === column.key);
      if (again) again.focus();
    });
    return el("th", { scope: "col", class: "sortable" + (column.text ? " text" : ""), title: column.doc,
      "aria-sort": sorted ? (order.down ? "descending" : "ascending") : null }, button);
  }

  // Opens the dialog; what it holds is `...body`.
  function openDetail(title, facts, ...body) {
    byId("detail-title").textContent = title;
    byId("detail-facts").textContent = facts;
    byId("detail-body").replaceChildren(...body);
    byId("detail").showModal();
  }
  function startDetail(onClose) {
    byId("detail-close").addEventListener("click", () => byId("detail").close());
    byId("detail").addEventListener("close", onClose);
    byId("detail").addEventListener("click", (event) => {
      if (event.target === byId("detail")) byId("detail").close();  // on the backdrop
    });
  }
  return { collator, compare, heading, openDetail, startDetail };
})();
