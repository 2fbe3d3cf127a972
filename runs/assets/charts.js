// Charts: one look for all of them, axes with units, a legend made of buttons, a shared cursor.
"use strict";

Reeve.charts = (() => {
  const { format } = Reeve;
  const { el, svg } = Reeve.dom;
  const alive = new Map();  // figure -> {chart, spec}; redrawn when the colour scheme changes
  let cursorX = null;       // in seconds, shared by the charts over time

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const series = (i) => "--c" + (i % 7);
  function faded(hex, alpha) {
    const n = parseInt(hex.slice(1), 16);
    return `rgba(${n >> 16}, ${(n >> 8) & 255}, ${n & 255}, ${alpha})`;
  }

  // A vertical line at the time under the pointer, in every chart over time.
  const cursor = {
    id: "cursor",
    afterEvent(chart, { event }) {
      if (!chart.options.plugins.cursor.on) return;
      const inside = event.type !== "mouseout" && event.x >= chart.chartArea.left &&
        event.x <= chart.chartArea.right;
      const x = inside ? chart.scales.x.getValueForPixel(event.x) : null;
      if (x === cursorX) return;
      cursorX = x;
      for (const { chart: other } of alive.values()) if (other.options.plugins.cursor.on) other.draw();
    },
    afterDraw(chart) {
      if (!chart.options.plugins.cursor.on || cursorX === null) return;
      const { ctx, chartArea: area, scales } = chart;
      if (cursorX < scales.x.min || cursorX > scales.x.max) return;
      const x = scales.x.getPixelForValue(cursorX);
      ctx.save();
      ctx.strokeStyle = colour("--soft");
      ctx.setLineDash([3, 3]);
      ctx.beginPath();
      ctx.moveTo(x, area.top);
      ctx.lineTo(x, area.bottom);
      ctx.stroke();
      ctx.restore();
    },
  };

  // Periods [{from, to, share}] of charts over time, as a ground behind the curves: the more of
  // a period, the darker.
  const shade = {
    id: "shade",
    beforeDatasetsDraw(chart) {
      const periods = chart.options.plugins.shade.periods || [];
      if (!periods.length) return;
      const { ctx, chartArea: area, scales: { x } } = chart;
      ctx.save();
      for (const { from, to, share } of periods) {
        const left = Math.max(area.left, x.getPixelForValue(from));
        const right = Math.min(area.right, Math.max(x.getPixelForValue(to), left + 1.5));
        if (right <= left) continue;
        ctx.fillStyle = faded(colour("--c4"), 0.1 + 0.22 * share);
        ctx.fillRect(left, area.top, right - left, area.bottom - area.top);
      }
      ctx.restore();
    },
  };

  // Writes each point's name beside it (scatter charts), where it covers no point and no other name.
  // Among many points, a name that finds no room is left out: the tooltip has it.
  const crowded = 12;
  const pointNames = {
    id: "pointNames",
    afterDatasetsDraw(chart) {
      if (!chart.options.plugins.pointNames.on) return;
      const { ctx, chartArea: area } = chart;
      ctx.save();
      ctx.font = `12px ${Chart.defaults.font.family}`;
      ctx.fillStyle = colour("--ink");
      ctx.textBaseline = "middle";
      // A point's box takes in its interval, where it has one.
      const boxOf = ({ x, y }, { xRange }) => {
        const [low, high] = (xRange || []).map((v) => chart.scales.x.getPixelForValue(v));
        return { left: Math.min(x - 5, low ?? x), right: Math.max(x + 5, high ?? x), x, y };
      };
      const points = chart.data.datasets.flatMap((set, i) => (set.type === "scatter" && chart.isDatasetVisible(i)
        ? chart.getDatasetMeta(i).data.map((at, k) => ({ ...boxOf(at, set.data[k]), raw: set.data[k], label: set.data[k].name || set.label })) : []));
      points.sort((a, b) => (b.raw.first || 0) - (a.raw.first || 0));
      const taken = points.map(({ left, right, y }) => [left, y - 8, right, y + 8]);  // [left, top, right, bottom]
      chart.data.datasets.forEach((set, i) => {
        if (set.stepped !== "before" || !chart.isDatasetVisible(i)) return;
        chart.getDatasetMeta(i).data.forEach((b, k, all) => {  // the steps of a front
          if (k) taken.push([all[k - 1].x, all[k - 1].y, b.x, all[k - 1].y], [b.x, Math.min(all[k - 1].y, b.y), b.x, Math.max(all[k - 1].y, b.y)]);
        });
      });
      const free = (a) => a[0] >= area.left && a[2] <= area.right && a[1] >= area.top && a[3] <= area.bottom &&
        taken.every((b) => a[2] + 6 < b[0] || b[2] + 6 < a[0] || a[3] < b[1] || b[3] < a[1]);
      for (const { left: l, right: r, x, y, label } of points) {
        const width = ctx.measureText(label).width;
        const places = [[r + 7, y], [l - 7 - width, y], [x - width / 2, y - 18], [x - width / 2, y + 18],
          [x + 8, y - 18], [x + 8, y + 18], [x - 8 - width, y - 18], [x - 8 - width, y + 18]].map(([left, middle]) => [left, middle - 6, left + width, middle + 6]);
        const place = places.find(free) || (points.length < crowded ? places[0] : null);
        if (!place) continue;
        taken.push(place);
        ctx.fillText(label, place[0], place[1] + 6);
      }
      ctx.restore();
    },
  };

  // Steps that people count time in.
  function timeStep(range, ticks) {
    const steps = [1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200,
      86400, 172800, 604800];
    return steps.find((step) => range / step <= ticks) || 604800;
  }
  function timeAxis(spec) {
    if (spec.origin !== undefined) return clockAxis(spec);
    return {
      type: "linear", min: 0, max: spec.endS,
      title: { display: true, text: "time since start (h:mm)" },
      afterBuildTicks(axis) {
        const step = timeStep(axis.max - axis.min, Math.max(2, axis.chart.width / 80));
        axis.ticks = [];
        for (let v = 0; v <= axis.max + 1e-9; v += step) axis.ticks.push({ value: v });
      },
      ticks: { callback: (v) => format.clock(v), maxRotation: 0, autoSkip: false },
    };
  }
  // Of what goes on: `origin` is the instant of x = 0, in seconds since 1970 UTC; marks stand at round
  // times of day.
  function clockAxis(spec) {
    const shift = spec.origin - new Date(spec.origin * 1000).getTimezoneOffset() * 60;
    return {
      type: "linear", min: spec.startS || 0, max: spec.endS,
      title: { display: true, text: "time of day" },
      afterBuildTicks(axis) {
        const step = timeStep(axis.max - axis.min, Math.max(2, axis.chart.width / 90));
        axis.ticks = [];
        for (let v = Math.ceil((axis.min + shift) / step) * step - shift; v <= axis.max + 1e-9; v += step) axis.ticks.push({ value: v });
      },
      ticks: { callback: (v) => format.timeOfDay(spec.origin + v, timeStep(spec.endS - (spec.startS || 0), 8) < 60), maxRotation: 0, autoSkip: false },
    };
  }
  function stepAxis(spec) {
    return {
      type: "linear", min: 0, max: spec.endX, title: { display: true, text: "environment steps" },
      ticks: { callback: (v) => format.short(v), maxRotation: 0, maxTicksLimit: 7 },
    };
  }
  // Share of requests, stretched towards 1 as in "nines": x = -log10(1 - q).
  const nines = (q) => -Math.log10(1 - q);
  function nineAxis(spec) {
    const marks = [[0.5, "50 %"], [0.9, "90 %"], [0.99, "99 %"], [0.999, "99.9 %"],
      [0.9999, "99.99 %"], [0.99999, "99.999 %"]];
    return {
      type: "linear", min: 0, max: spec.endX,
      title: { display: true, text: "share of requests at or below" },
      afterBuildTicks(axis) {
        const perUnit = axis.width / (axis.max - axis.min);
        axis.ticks = [];
        for (const [q] of marks) {
          const last = axis.ticks.at(-1);
          const room = !last || (nines(q) - last.value) * perUnit > 52;
          if (nines(q) <= axis.max && room) axis.ticks.push({ value: nines(q) });
        }
      },
      ticks: { callback: (v) => (marks.find(([q]) => nines(q) === v) || ["", ""])[1], maxRotation: 0, autoSkip: true },
    };
  }
  // An axis of numbers, from zero (unless `loose`) or (log) around `values`.
  function numberAxis({ log, title, tick, values, loose }) {
    const axis = {
      type: log ? "logarithmic" : "linear", title: { display: !!title, text: title },
      ticks: { callback: tick || ((v) => format.short(v)), maxTicksLimit: 7 },
    };
    if (!log) {
      axis.beginAtZero = !loose;
      return axis;
    }
    const known = values.filter((v) => v > 0);
    if (known.length) {
      // Room above and below, and never so close that the axis has a single label.
      axis.min = known.reduce((a, b) => Math.min(a, b)) / 1.4;
      axis.max = Math.max(known.reduce((a, b) => Math.max(a, b)) * 1.4, axis.min * 5);
    }
    axis.afterBuildTicks = (scale) => {
      const decades = Math.log10(scale.max / scale.min);
      const heads = decades > 2.5 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 5];
      scale.ticks = [];
      for (let e = Math.floor(Math.log10(scale.min)); 10 ** e <= scale.max; ++e) {
        for (const head of heads) {
          const value = head * 10 ** e;
          if (value >= scale.min && value <= scale.max) scale.ticks.push({ value });
        }
      }
    };
    return axis;
  }
  const valueAxis = (spec) => numberAxis({ log: spec.log, title: spec.yTitle, tick: spec.yTick, loose: spec.loose,
    values: spec.log ? spec.series.flatMap((s) => s.data.map((p) => p.y)) : [] });

  function dataset(item, i, spec) {
    const ink = colour(item.colour || series(i));
    const bar = item.kind === "bar";
    const thickness = spec.x === "bars" ? 0.8 : spec.grouped ? 0.86 : 1;
    return {
      clip: item.dots ? 4 : undefined,  // a dot on the edge is seen whole
      ...item.marks,
      type: bar ? "bar" : item.kind === "scatter" ? "scatter" : "line",
      label: item.label, data: item.data, borderColor: ink, order: item.order || 0,
      backgroundColor: bar ? (item.hollow ? faded(ink, 0.3) : ink) : item.fill ? faded(ink, 0.16) : ink,
      fill: item.fill ? "origin" : false, stepped: item.stepped || false,
      borderDash: item.dash || [], borderWidth: bar ? Number(!!item.hollow) : item.width || 1.6,
      pointRadius: item.kind === "scatter" ? item.radius || 7 : item.points ? 4.5 : item.dots ? 1.8 : 0,
      pointHoverRadius: item.kind === "scatter" ? 8 : item.points ? 5.5 : 3,
      pointStyle: item.pointStyle || "circle", pointHitRadius: 6, showLine: !item.points && item.kind !== "scatter",
      pointBackgroundColor: item.hollow ? colour("--panel") : ink, barPercentage: thickness, categoryPercentage: thickness,
      barThickness: bar ? item.barThickness : undefined, spanGaps: false,
      grouped: spec.grouped || false, minBarLength: bar ? 1 : undefined,
      hidden: item.hidden || false, tension: 0, stack: spec.stack, owner: i,
    };
  }
  // A series with a band (points {x, y, low, high}) is three: its line, and below all lines the edges
  // of the band, filled from one to the other.
  function datasets(item, i, spec) {
    const line = dataset(item, i, spec);
    if (!item.band) return [line];
    const edge = (of) => ({ ...line, data: item.data.filter((p) => p.low !== null && p.high !== null).map((p) => ({ x: p.x, y: p[of] })),
      quiet: true, borderWidth: 0, pointRadius: 0, pointHoverRadius: 0, pointHitRadius: 0, order: line.order + 1, fill: false });
    return [line, edge("low"), { ...edge("high"), fill: "-1", backgroundColor: faded(line.borderColor, 0.15) }];
  }
  function show(chart, i, shown) {
    chart.data.datasets.forEach((set, k) => { if (set.owner === i) chart.setDatasetVisibility(k, shown); });
    chart.update();
  }

  function configuration(spec) {
    const overTime = spec.x === "time", overSteps = spec.x === "steps";
    const bars = spec.x === "bars", values = spec.x === "value";
    const value = spec.yText || ((v) => format.number(v));
    return {
      type: "line",
      data: { datasets: spec.series.flatMap((item, i) => datasets(item, i, spec)) },
      plugins: [shade, cursor, pointNames, ...(spec.plugins || [])],
      options: {
        animation: false, parsing: false, normalized: true, responsive: true,
        maintainAspectRatio: false, color: colour("--soft"),
        indexAxis: bars ? "y" : "x", layout: { padding: spec.padding || 0 },
        // Curves over steps need not share their points.
        interaction: { mode: values || bars || overSteps ? "nearest" : "index", axis: values ? "xy" : bars ? "y" : "x", intersect: false },
        scales: {
          x: styled(overTime ? timeAxis(spec) : overSteps ? stepAxis(spec) : spec.x === "nines" ? nineAxis(spec) : spec.xAxis()),
          y: styled(spec.yAxis ? spec.yAxis() : valueAxis(spec)),
        },
        plugins: {
          cursor: { on: overTime || overSteps }, pointNames: { on: values }, shade: { periods: spec.shade },
          legend: { display: false },
          tooltip: {
            backgroundColor: colour("--ink"), titleColor: colour("--paper"),
            bodyColor: colour("--paper"), padding: 9, boxPadding: 4, usePointStyle: true,
            filter: (item) => item.parsed.y !== null && !Number.isNaN(item.parsed.y) && !item.dataset.quiet,
            callbacks: {
              title: (items) => (items.length && spec.xText ? spec.xText(items[0].parsed.x)
                : items.length && overTime ? "at " + (spec.origin === undefined ? format.clock(items[0].parsed.x) : format.timeOfDay(spec.origin + items[0].parsed.x, true))
                : items.length && overSteps ? format.count(items[0].parsed.x) + " steps" : ""),
              label: (item) => (spec.pointLines ? spec.pointLines(item.raw, item.dataset) : ` ${item.dataset.label}: ` +
                (spec.pointText ? spec.pointText(item.parsed) : value(item.parsed.y))),
            },
          },
        },
      },
    };
  }
  function styled(axis) {
    axis.grid = { color: colour("--grid"), borderColor: colour("--line"), tickLength: 4 };
    axis.ticks = { ...axis.ticks, color: colour("--soft"), font: { size: 11 } };
    axis.title = { ...axis.title, color: colour("--soft"), font: { size: 11 } };
    return axis;
  }

  function swatch(item, i) {
    const stroke = `var(${item.colour || series(i)})`;
    const box = { width: 16, height: 10, viewBox: "0 0 16 10", "aria-hidden": "true" };
    if (item.kind === "bar") {
      return svg("svg", box, svg("rect", { x: 2.5, y: 0.5, width: 11, height: 9, fill: stroke, stroke, "fill-opacity": item.hollow ? 0.3 : 1 }));
    }
    if (item.points) return svg("svg", box, svg("path", { d: "M8 1 L12.5 9 L3.5 9 Z", fill: stroke }));
    if (item.kind === "scatter") {
      return svg("svg", box, svg("circle", { cx: 8, cy: 5, r: 3.8, fill: item.hollow ? "none" : stroke, stroke, "stroke-width": 1.6 }));
    }
    const filled = item.fill || item.band;
    const parts = filled ? [svg("rect", { y: 2, width: 16, height: 8, fill: stroke, opacity: 0.2 })] : [];
    parts.push(svg("line", { x1: 0, x2: 16, y1: item.fill ? 2 : 5, y2: item.fill ? 2 : 5, stroke,
      "stroke-width": 2, "stroke-dasharray": (item.dash || []).join(" ") || "none" }));
    return svg("svg", box, ...parts);
  }

  // A button for each series, which calls toggle(index, shown).
  function legend(title, items, toggle) {
    return el("div", { class: "legend", role: "group", "aria-label": "Series of " + title },
      ...items.map((item, i) => {
        const button = el("button", { type: "button", "aria-pressed": String(!item.hidden) },
          swatch(item, i), item.label);
        button.addEventListener("click", () => {
          const shown = button.getAttribute("aria-pressed") !== "true";
          button.setAttribute("aria-pressed", String(shown));
          toggle(i, shown);
        });
        return button;
      }));
  }
  // One legend for all charts in `host` that leave out their own; series are told by their labels.
  function sharedLegend(host, title, items) {
    return legend(title, items, (index, shown) => {
      for (const [figure, { chart, spec }] of alive) {
        if (!host.contains(figure)) continue;
        spec.series.forEach((item, i) => {
          if (item.label !== items[index].label) return;
          item.hidden = !shown;
          show(chart, i, shown);
        });
      }
    });
  }

  // Adds a figure with a chart to `host`. spec: {title, origin, startS (both of what goes on), x: "time" | "steps" | "nines" | "value", series:
  // [{label, data: [{x, y}], …}], shade (over time), yTitle, log, loose, yTick, yText, note, size, summary, sharesLegend, grouped}. x may also be "bars":
  // lying bars, y being the place from the top, with axes by xAxis() and yAxis() and a `height`.
  function add(host, spec) {
    const canvas = el("canvas", { role: "img", "aria-label": spec.title + ". " + (spec.summary || "") });
    const toggle = (i, shown) => {
      spec.series[i].hidden = !shown;
      show(alive.get(figure).chart, i, shown);
    };
    const figure = el("figure", { "data-chart": spec.title },
      el("figcaption", {}, el("h3", {}, spec.title),
        spec.series.length > 1 && !spec.sharesLegend ? legend(spec.title, spec.series, toggle) : null),
      el("div", { class: "plot " + (spec.size || ""), style: spec.height ? `flex-basis: ${spec.height}px` : null }, canvas),
      spec.note ? el("p", { class: "chart-note" }, spec.note) : null);
    host.append(figure);
    alive.set(figure, { chart: new Chart(canvas, configuration(spec)), spec, canvas });
    return figure;
  }
  // As `add`, or the chart of that title in `host` goes on with other data: what can differ is the points,
  // the time and the range. A chart whose series differ takes the old one's place.
  function put(host, spec) {
    const old = [...host.children].find((figure) => figure.dataset.chart === spec.title);
    const entry = alive.get(old);
    const labels = (of) => of.series.map((item) => item.label).join("\n");
    if (!entry || labels(entry.spec) !== labels(spec)) {
      const figure = add(host, spec);
      sight.observe(figure);
      if (!old) return figure;
      if (entry) entry.chart.destroy();
      alive.delete(old);
      old.replaceWith(figure);
      return figure;
    }
    spec.series.forEach((item, i) => { item.hidden = entry.spec.series[i].hidden; });
    Object.assign(entry.spec, spec);
    entry.canvas.setAttribute("aria-label", spec.title + ". " + (spec.summary || ""));
    const note = old.querySelector(".chart-note");
    if (note && spec.note) note.textContent = spec.note;
    // What nobody sees is drawn when it is scrolled to.
    if (entry.away) entry.old = true;
    else goOn(entry);
    return old;
  }
  function goOn(entry) {
    const { chart, spec } = entry;
    entry.old = false;
    const next = configuration(spec);
    chart.data.datasets.forEach((set, i) => { set.data = next.data.datasets[i].data; });
    chart.options.scales = next.options.scales;
    chart.options.plugins.shade.periods = spec.shade;
    chart.update("none");
  }
  const sight = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      const entry = alive.get(target);
      if (!entry) continue;
      entry.away = !isIntersecting;
      if (isIntersecting && entry.old) goOn(entry);
    }
  }, { rootMargin: "100px" });
  function clear(host) {
    for (const [figure, { chart }] of alive) {
      if (!host.contains(figure)) continue;
      chart.destroy();
      alive.delete(figure);
    }
    host.replaceChildren();
  }
  function redrawAll() {
    for (const entry of alive.values()) {
      entry.chart.destroy();
      entry.chart = new Chart(entry.canvas, configuration(entry.spec));
    }
  }

  function start() {
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
  }

  // A line of 0..1-scaled bars as inline SVG, for tables: values over `points` slots.
  function spark(values, first, points, label) {
    const width = 96, height = 22;
    const top = Math.max(1e-12, ...values.map((v) => v || 0));
    let path = `M0 ${height}`;
    const slot = width / Math.max(1, points);
    values.forEach((v, i) => {
      const x = (first + i) * slot, y = height - (height - 2) * ((v || 0) / top);
      if (i === 0) path += `H${x.toFixed(1)}`;
      path += `V${y.toFixed(1)}H${(x + slot).toFixed(1)}`;
    });
    path += `V${height}`;
    return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
      svg("path", { d: path + "Z", fill: "var(--c0)", opacity: 0.75 }),
      svg("line", { x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5, stroke: "var(--line)" }));
  }
  return { add, put, clear, start, sharedLegend, spark, nines, colour, numberAxis };
})();
