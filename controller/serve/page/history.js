// Recent windows of the cluster, or of one function: fetched once, then what came since; and thinned to what
// a chart can show.
"use strict";

Reeve.history = (() => {
  const { source } = Reeve;
  const kept = 1800, points = 360;
  const kinds = {
    sum: new Set(["arrivals", "completions", "lost", "cold_starts", "slo_violations", "window_seconds"]),
    highest: new Set(["latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "slowest_p99_ms", "over_objective", "lateness_ms", "tick_ms"]),
    last: new Set(["seq", "wall", "tick", "decided_by", "why", "environment", "expert", "environments"]),
  };

  // A growing table of columns. `id` empty: the cluster.
  function follow(id) {
    let instance = "", next = 0, columns = {};
    let busy = null;
    async function fetchMore() {
      const query = (id ? `function=${encodeURIComponent(id)}&` : "") + `since=${next}`;
      const { status, body } = await source.ask(`api/v1/history?${query}`);
      if (status !== 200) return;
      if (instance && body.instance !== instance && next > 0) {
        [instance, next, columns] = ["", 0, {}];
        await fetchMore();
        return;
      }
      instance = body.instance;
      next = body.next;
      const before = (columns.seq || []).length, more = body.columns.seq.length;
      for (const name of new Set([...Object.keys(columns), ...Object.keys(body.columns)])) {
        const old = columns[name] || new Array(before).fill(null);
        const all = old.concat(body.columns[name] || new Array(more).fill(null));
        columns[name] = all.length > kept ? all.slice(all.length - kept) : all;
      }
    }
    return {
      id,
      // Resolves when what there is now is there.
      update() {
        busy = busy || fetchMore().finally(() => { busy = null; });
        return busy;
      },
      columns: () => columns,
    };
  }

  function merge(name, values) {
    if (kinds.last.has(name)) return values[values.length - 1];
    const numbers = values.filter((v) => typeof v === "number");
    if (!numbers.length) return typeof values[0] === "boolean" ? values.some(Boolean) : null;
    if (kinds.highest.has(name)) return Math.max(...numbers);
    const sum = numbers.reduce((a, b) => a + b, 0);
    return kinds.sum.has(name) ? sum : sum / numbers.length;
  }
  // The columns with at most `points` rows: neighbours are merged. Where windows are missing for long (the
  // program was down) a row without values keeps charts from joining what lies on both sides.
  function thin(columns, period) {
    const names = Object.keys(columns), length = (columns.seq || []).length;
    const merged = Math.max(1, Math.ceil(length / points));
    const out = Object.fromEntries(names.map((name) => [name, []]));
    let from = 0;
    for (let i = 1; i <= length; ++i) {
      const gap = i < length && columns.wall[i] - columns.wall[i - 1] > 10 * Math.max(period, 1);
      const whole = i === length || Math.floor(columns.seq[i] / merged) !== Math.floor(columns.seq[from] / merged);
      if (!gap && !whole) continue;
      for (const name of names) out[name].push(merge(name, columns[name].slice(from, i)));
      if (gap) for (const name of names) out[name].push(name === "wall" ? columns.wall[i - 1] + period : null);
      from = i;
    }
    return { columns: out, merged };
  }

  // What charts over time are given: x = 0 at the first row.
  function timeOf(columns, shade) {
    const walls = columns.wall || [];
    const origin = walls.length ? walls[0] : Date.now() / 1000;
    const end = walls.length ? walls[walls.length - 1] - origin : 60;
    return { x: "time", origin, startS: 0, endS: Math.max(end, 20), shade: shade || [] };
  }
  const at = (columns, time, value) => (columns.wall || []).map((wall, i) => {
    const y = value(i);
    return { x: wall - time.origin, y: y === null || y === undefined ? NaN : y };
  });
  // Periods of rows for which share(i) > 0: [{from, to, share}], in seconds from the first row.
  function periods(columns, share) {
    const walls = columns.wall || [], found = [];
    walls.forEach((wall, i) => {
      const value = share(i);
      if (!(value > 0)) return;
      const to = wall - walls[0], from = i ? walls[i - 1] - walls[0] : 0;
      const last = found[found.length - 1];
      if (last && last.to === from && Math.abs(last.share - value) < 0.02) last.to = to;
      else found.push({ from, to, share: value });
    });
    return found;
  }
  return { follow, thin, timeOf, at, periods };
})();
