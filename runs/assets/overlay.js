// What charts draw over their points: whiskers, the value at the end of a bar, straight lines.
"use strict";

Reeve.overlay = (() => {
  const { charts } = Reeve;
  const known = (v) => typeof v === "number" && Number.isFinite(v);

  // Datasets may have: `from` and `to` ([{x, y}], joined one by one), `at` (x of a vertical line);
  // points may have: xRange, yRange ([low, high]), text, and standing bars seeds ([y], a ring each).
  const overlay = {
    id: "overlay",
    beforeDatasetsDraw(chart) {
      paint(chart, lines);
      if (chart.options.indexAxis === "x") paint(chart, whiskers);  // under the points, over bars
    },
    afterDatasetsDraw(chart) {
      if (chart.options.indexAxis === "x") return void paint(chart, rings);
      paint(chart, whiskers);
      paint(chart, texts, false);
    },
  };
  function paint(chart, draw, clipped = true) {
    const { ctx, chartArea: area } = chart;
    ctx.save();
    if (clipped) {
      ctx.beginPath();
      ctx.rect(area.left - 4, area.top - 4, area.right - area.left + 8, area.bottom - area.top + 8);
      ctx.clip();
    }
    chart.data.datasets.forEach((set, i) => { if (chart.isDatasetVisible(i)) draw(chart, set, chart.getDatasetMeta(i)); });
    ctx.restore();
  }
  function stroke(ctx, points) {
    ctx.beginPath();
    points.forEach(([x, y], i) => (i ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
    ctx.stroke();
  }
  // Log axes have no place for 0: their edge stands for it.
  const pixel = (scale, v) => scale.getPixelForValue(scale.type === "logarithmic" ? Math.max(v, scale.min) : v);

  function lines({ ctx, scales, chartArea: area }, set) {
    ctx.strokeStyle = set.borderColor;
    ctx.lineWidth = set.borderWidth;
    ctx.setLineDash(set.borderDash);
    if (known(set.at)) {
      const x = pixel(scales.x, set.at);
      stroke(ctx, [[x, area.top], [x, area.bottom]]);
    }
    (set.from || []).forEach((a, i) => stroke(ctx, [a, set.to[i]].map((p) => [pixel(scales.x, p.x), pixel(scales.y, p.y)])));
  }
  function whiskers({ ctx, scales, options }, set, meta) {
    const lying = options.indexAxis === "y";
    ctx.strokeStyle = lying ? charts.colour("--ink") : set.borderColor;
    ctx.lineWidth = 1.3;
    ctx.setLineDash([]);
    set.data.forEach((point, i) => {
      const { x, y } = meta.data[i];
      if (point.xRange) {
        const [low, high] = point.xRange.map((v) => pixel(scales.x, v));
        stroke(ctx, [[low, y], [high, y]]);
        for (const end of [low, high]) stroke(ctx, [[end, y - 3], [end, y + 3]]);
      }
      if (point.yRange) {
        const [low, high] = point.yRange.map((v) => pixel(scales.y, v));
        stroke(ctx, [[x, low], [x, high]]);
        for (const end of [low, high]) stroke(ctx, [[x - 3, end], [x + 3, end]]);
      }
    });
  }
  function rings({ ctx, scales }, set, meta) {
    ctx.strokeStyle = charts.colour("--ink");
    ctx.fillStyle = charts.colour("--panel");
    ctx.lineWidth = 1;
    ctx.setLineDash([]);
    set.data.forEach((point, i) => (point.seeds || []).forEach((v) => {
      ctx.beginPath();
      ctx.arc(meta.data[i].x, pixel(scales.y, v), 2.2, 0, 2 * Math.PI);
      ctx.fill();
      ctx.stroke();
    }));
  }
  function texts({ ctx, scales }, set, meta) {
    ctx.font = `11px ${Chart.defaults.font.family}`;
    ctx.fillStyle = charts.colour("--soft");
    ctx.textBaseline = "middle";
    set.data.forEach((point, i) => {
      const end = Math.max(0, point.x, point.xRange ? point.xRange[1] : 0);
      ctx.fillText(point.text, pixel(scales.x, end) + 6, meta.data[i].y);
    });
  }

  return overlay;
})();
