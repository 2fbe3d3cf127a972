// Numbers as people read them, and small helpers for the DOM. Everything from the run's data goes
// into the page as text nodes or attribute values, never as markup.
"use strict";
const Reeve = {};

Reeve.format = (() => {
  const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

  // Three digits, or the whole part: 0.0123, 1.23, 12.3, 1,234.
  function number(v) {
    if (v === null || v === undefined || !Number.isFinite(v)) return "–";
    const a = Math.abs(v);
    if (a === 0) return "0";
    if (a >= 99.95) return grouped.format(v);
    if (a >= 9.995) return v.toFixed(1);
    if (a >= 0.9995) return v.toFixed(2);
    return String(Number(v.toPrecision(3)));
  }
  const count = (v) => (v === null || v === undefined ? "–" : grouped.format(v));

  // 1.2M, 34k: for axes, where room is short.
  function short(v) {
    if (v === null || v === undefined || !Number.isFinite(v)) return "–";
    const a = Math.abs(v);
    for (const [limit, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
      if (a >= limit) {
        const scale = unit === "k" ? 1e3 : limit;
        return String(Number((v / scale).toPrecision(3))) + unit;
      }
    }
    return String(Number(v.toPrecision(3)));
  }
  function millis(v) {
    if (v === null || v === undefined || !Number.isFinite(v)) return "–";
    if (v < 999.5) return number(v) + " ms";
    if (v < 99950) return number(v / 1000) + " s";
    return number(v / 60000) + " min";
  }
  const factor = (v) => (v === null || v === undefined ? "–" : number(v) + "×");
  const percent = (v) => (v === null || v === undefined ? "–"
    : v > 0 && v < 1e-4 ? "<0.01 %" : number(100 * v) + " %");
  const exactPercent = (v) => (v === null || v === undefined ? "–" : number(100 * v) + " %");
  // The same for axes: "3 s", not "3.00 s".
  const plain = (text) => text.replace(/\.0+(?=\D|$)/, "").replace(/(\.\d*?[1-9])0+(?=\D|$)/, "$1");
  const millisTick = (v) => plain(millis(v));
  const factorTick = (v) => plain(factor(v));

  // A span: "8 h", "1 d 3 h", "45 min", "12.5 s".
  function span(seconds) {
    if (!Number.isFinite(seconds)) return "–";
    if (seconds < 60) return number(seconds) + " s";
    const m = Math.round(seconds / 60);
    if (m < 60) return m + " min";
    const h = Math.floor(m / 60);
    if (h < 24) return h + " h" + (m % 60 ? " " + (m % 60) + " min" : "");
    return Math.floor(h / 24) + " d" + (h % 24 ? " " + (h % 24) + " h" : "");
  }
  // An instant since the start: "7:30" is hours and minutes, "0:45.5" with seconds below a minute.
  function clock(seconds) {
    const total = Math.round(seconds);
    const days = Math.floor(total / 86400);
    const hours = Math.floor((total % 86400) / 3600);
    const minutes = String(Math.floor((total % 3600) / 60)).padStart(2, "0");
    const rest = total % 60 ? ":" + String(total % 60).padStart(2, "0") : "";
    return (days ? days + " d " : "") + hours + ":" + minutes + rest;
  }
  // An instant, in seconds since 1970 UTC, by the clock of who looks: "14:05", "14:05:32".
  const minuteOfDay = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
  const secondOfDay = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const timeOfDay = (wall, seconds) => (seconds ? secondOfDay : minuteOfDay).format(new Date(wall * 1000));
  // A value against a reference: "+12 %", "3.4×".
  function relative(value, reference) {
    if (!(reference > 0) || value === null || value === undefined) return "";
    const ratio = value / reference;
    if (ratio >= 2) return number(ratio) + "×";
    const percentage = 100 * (ratio - 1);
    if (Math.abs(percentage) < 0.05) return "±0 %";
    return (percentage > 0 ? "+" : "−") + Math.abs(percentage).toFixed(1) + " %";
  }
  return { number, count, short, millis, millisTick, factor, factorTick, percent, exactPercent, span, clock, timeOfDay, relative };
})();

Reeve.dom = (() => {
  const byId = (id) => document.getElementById(id);

  // el("td", {class: "text"}, "text or node", …)
  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
    }
    node.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
    return node;
  }
  function svg(tag, attributes, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }
  // [{title, value, unit, more: [line]}] into a <dl class="cards">.
  function cards(host, items) {
    host.replaceChildren(...items.map((item) => el("div", {},
      el("dt", {}, item.title),
      el("dd", { class: "value" }, item.value,
        item.unit ? el("span", { class: "unit" }, " " + item.unit) : null),
      ...(item.more || []).map((line) => el("dd", { class: "more" }, line)))));
  }
  function options(select, entries) {
    select.replaceChildren(...entries.map(([value, text]) => el("option", { value }, text)));
  }
  return { byId, el, svg, cards, options };
})();
