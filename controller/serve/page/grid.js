// A table of any length that stays fast: only the rows in sight are in the page, and what changes in them
// is their text. Sorts by its headings; with the keys one row at a time.
"use strict";

Reeve.grid = (() => {
  const { sorting } = Reeve;
  const { el, options } = Reeve.dom;
  const spare = 4;  // rows beyond either edge

  // Puts a table into `host`. spec: {label, columns, order: {key, down}, keyOf(row), open(row), empty}.
  // column: {key, title, unit, doc, text, down, width (of CSS grid), of(row), show(value, row), paint(cell,
  // row), wide}. `paint` fills a cell itself; without `show` a value is text. `wide`: left out where the
  // screen is narrow.
  function create(host, spec) {
    let rows = [], shown = [], active = null, height = 34, wantsFocus = false;
    const pool = [];
    const heads = el("div", { role: "row", class: "grid-row", "aria-rowindex": 1 });
    const body = el("div", { role: "rowgroup", class: "grid-body" });
    const table = el("div", { role: "grid", class: "grid-table", "aria-label": spec.label, "aria-colcount": spec.columns.length },
      el("div", { role: "rowgroup", class: "grid-head" }, heads), body);
    const view = el("div", { class: "grid-view", tabindex: "-1" }, table);
    const empty = el("p", { class: "grid-empty" }, spec.empty);
    const sort = el("select", {});
    const picker = el("label", { class: "grid-sort" }, "Sort by ", sort);
    host.classList.add("grid-host");
    host.replaceChildren(picker, view, empty);
    table.style.setProperty("--columns", spec.columns.map((c) => c.width || "minmax(5rem, 1fr)").join(" "));
    options(sort, spec.columns.filter((c) => !c.fixed).map((c) => [c.key, c.title + (c.unit ? `, ${c.unit}` : "")]));
    sort.addEventListener("change", () => {
      const column = spec.columns.find((c) => c.key === sort.value);
      Object.assign(spec.order, { key: column.key, down: !column.text });
      arrange(true);
    });

    const valueOf = (row, column) => (column.of ? column.of(row) : row[column.key]);
    function drawHeads() {
      sort.value = spec.order.key;
      heads.replaceChildren(...spec.columns.map((column, i) => {
        const sorted = spec.order.key === column.key;
        const cell = el("div", { role: "columnheader", "aria-colindex": i + 1, class: "grid-cell" + (column.text ? " text" : "") + (column.wide ? " wide" : ""),
          title: column.doc, "aria-sort": sorted ? (spec.order.down ? "descending" : "ascending") : column.fixed ? null : "none" });
        if (column.fixed) {
          cell.append(column.title);
          return cell;
        }
        const button = el("button", { type: "button", "data-key": column.key }, column.title,
          sorted ? el("span", { class: "arrow", "aria-hidden": "true" }, spec.order.down ? " ▾" : " ▴") : null,
          column.unit ? el("span", { class: "unit" }, " " + column.unit) : null);
        button.addEventListener("click", () => {
          if (sorted) spec.order.down = !spec.order.down;
          else Object.assign(spec.order, { key: column.key, down: !column.text });
          arrange(true);
          const again = [...heads.querySelectorAll("button")].find((b) => b.dataset.key === column.key);
          if (again) again.focus();
        });
        cell.append(button);
        return cell;
      }));
    }

    function newRow() {
      const node = el("div", { role: "row", class: "grid-row" },
        ...spec.columns.map((column, i) => el("div", { role: i ? "gridcell" : "rowheader", "aria-colindex": i + 1, "data-label": column.title,
          class: "grid-cell" + (column.text ? " text" : "") + (column.wide ? " wide" : "") })));
      node.addEventListener("click", (event) => {
        if (event.target.closest("button, a")) return;
        active = spec.keyOf(shown[node.at]);
        if (spec.open) spec.open(shown[node.at]);
      });
      node.addEventListener("focus", () => { active = spec.keyOf(shown[node.at]); });
      body.append(node);
      return node;
    }
    function fill(node, at) {
      const row = shown[at];
      if (node.at !== at) {
        node.at = at;
        node.style.transform = `translateY(${at * height}px)`;
        node.setAttribute("aria-rowindex", at + 2);
      }
      node.tabIndex = spec.keyOf(row) === active ? 0 : -1;
      spec.columns.forEach((column, i) => {
        const cell = node.children[i];
        if (column.paint) {
          column.paint(cell, row);
          // Only the row that the keys are at is stopped at by Tab, and what is in it.
          if (cell.firstChild) cell.firstChild.tabIndex = node.tabIndex;
          return;
        }
        const value = valueOf(row, column);
        const text = column.show ? column.show(value, row) : String(value === null || value === undefined ? "–" : value);
        if (cell.textContent !== text) cell.textContent = text;
        if (column.text) cell.title = text;
        const state = column.state ? column.state(row) : "";
        if ((cell.dataset.state || "") !== state) cell.dataset.state = state;
      });
    }
    // What is in sight.
    function draw() {
      const first = Math.max(0, Math.floor(view.scrollTop / height) - spare);
      const end = Math.min(shown.length, Math.ceil((view.scrollTop + view.clientHeight) / height) + spare);
      const size = Math.max(0, end - first);
      while (pool.length < size) pool.push(newRow());
      const focused = body.contains(document.activeElement) || wantsFocus;
      const inside = focused && document.activeElement.closest("button, a");
      // By place, so that scrolling by one row fills one row.
      pool.forEach((node) => { node.used = false; });
      for (let at = first; at < end; ++at) {
        const node = pool[at % pool.length];
        node.used = true;
        node.hidden = false;
        fill(node, at);
      }
      for (const node of pool) if (!node.used) node.hidden = true;
      let current = pool.find((node) => node.used && spec.keyOf(shown[node.at]) === active);
      // Tab finds a row in sight wherever the one that was chosen last has gone.
      if (!current && !focused && size > 0) {
        const at = Math.min(end - 1, Math.max(first, Math.ceil(view.scrollTop / height)));
        active = spec.keyOf(shown[at]);
        current = pool[at % pool.length];
        fill(current, at);
      }
      if (focused && !inside && current && document.activeElement !== current) current.focus({ preventScroll: true });
      wantsFocus = false;
    }
    // Puts the rows in order. While somebody is among the rows with the keys they stay where they are.
    function arrange(always) {
      if (always) drawHeads();
      const held = !always && body.contains(document.activeElement);
      if (held) {
        const place = new Map(shown.map((row, i) => [spec.keyOf(row), i]));
        shown = rows.map((row, i) => [place.has(spec.keyOf(row)) ? place.get(spec.keyOf(row)) : shown.length + i, row])
          .sort((a, b) => a[0] - b[0]).map(([, row]) => row);
      } else {
        const column = spec.columns.find((c) => c.key === spec.order.key) || spec.columns[0];
        const values = rows.map((row, i) => [valueOf(row, column), i, row]);
        values.sort((a, b) => sorting.compare(a[0], b[0], spec.order.down) || a[1] - b[1]);
        shown = values.map(([, , row]) => row);
      }
      if (!shown.some((row) => spec.keyOf(row) === active)) active = shown.length ? spec.keyOf(shown[0]) : null;
      table.setAttribute("aria-rowcount", shown.length + 1);
      empty.hidden = shown.length > 0;
      view.hidden = shown.length === 0;
      measure();
      draw();
    }
    function measure() {
      const wanted = parseFloat(getComputedStyle(host).getPropertyValue("--row-height")) || 34;
      if (wanted !== height) {
        height = wanted;
        for (const node of pool) node.at = undefined;
      }
      body.style.height = `${shown.length * height}px`;
    }
    function move(to) {
      const at = Math.min(shown.length - 1, Math.max(0, to));
      if (at < 0) return;
      active = spec.keyOf(shown[at]);
      const head = heads.offsetParent ? heads.parentElement.offsetHeight : 0;
      const top = at * height, room = view.clientHeight - head;
      if (top < view.scrollTop) view.scrollTop = top;
      else if (top + height > view.scrollTop + room) view.scrollTop = top + height - room;
      wantsFocus = true;
      draw();
    }
    body.addEventListener("keydown", (event) => {
      if (event.target.getAttribute("role") !== "row") return;
      const at = shown.findIndex((row) => spec.keyOf(row) === active);
      const page = Math.max(1, Math.floor(view.clientHeight / height) - 1);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: shown.length - 1 }[event.key];
      if (to !== undefined) move(to);
      else if ((event.key === "Enter" || event.key === " ") && spec.open && at >= 0) spec.open(shown[at]);
      else return;
      event.preventDefault();
    });
    view.addEventListener("scroll", draw, { passive: true });
    new ResizeObserver(() => { measure(); draw(); }).observe(view);

    drawHeads();
    return {
      // Rows, in any order; those that were there may be the same objects with other values.
      set(next) {
        rows = next;
        arrange(false);
      },
      count: () => shown.length,
    };
  }
  return { create };
})();
