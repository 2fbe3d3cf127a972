// What the page knows: the last tick of every function, fetched as soon as there is another one.
"use strict";

Reeve.source = (() => {
  const kToken = "reeve-token";
  const listeners = new Set();   // called with nothing after each change
  const now = {
    live: null,        // the last answer that had a tick
    access: { may_switch: false, needs_token: false, needs_certificate: false },
    rows: [],          // functions, in the order of the loop
    byId: new Map(),
    trouble: "",       // why nothing comes; empty: it comes
    locked: false,     // nothing is told without a token
    arrived: 0,        // performance.now() when the last tick began
  };
  let timer = 0, asking = false, again = false;
  let known = "";            // names_key
  let names = null;
  let between = 0;           // milliseconds between two ticks, as they came

  const token = () => sessionStorage.getItem(kToken) || "";
  function setToken(text) {
    if (text) sessionStorage.setItem(kToken, text);
    else sessionStorage.removeItem(kToken);
    poll();
  }

  // {status, body}: the answer's JSON, or {error}. Status 0: the server was not reached.
  async function ask(path, body) {
    const headers = {};
    if (token()) headers.Authorization = "Bearer " + token();
    if (body) headers["Content-Type"] = "application/json";
    try {
      const answer = await fetch(path, { method: body ? "POST" : "GET", headers, body: body ? JSON.stringify(body) : undefined,
        cache: "no-store", credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(10000) });
      return { status: answer.status, body: await answer.json() };
    } catch (error) {
      return { status: 0, body: { error: "the server does not answer" } };
    }
  }

  function takeRows(live) {
    if (live.names) {
      names = live.names;
      known = live.names_key;
      const before = now.byId;
      now.byId = new Map();
      now.rows = names.id.map((id, i) => {
        const row = before.get(id) || { id };
        Object.assign(row, { name: names.name[i], tenant: names.tenant[i], slo_ms: names.slo_ms[i],
          search: `${names.name[i]}\n${names.tenant[i]}\n${id}`.toLowerCase() });
        now.byId.set(id, row);
        return row;
      });
    }
    for (const [key, column] of Object.entries(live.functions)) {
      for (let i = 0; i < now.rows.length; ++i) now.rows[i][key] = column[i];
    }
    const seconds = live.cluster.window_seconds;
    for (const row of now.rows) row.rate = seconds > 0 ? row.arrivals / seconds : null;
  }

  function take(live) {
    now.access = live.access;
    now.locked = false;
    now.trouble = live.seq === undefined ? "the loop has not begun yet" : "";
    if (live.functions === undefined) return;
    const at = performance.now() - 1000 * (live.age_seconds || 0);  // when the tick began
    if (now.live && live.instance === now.live.instance && live.ticks > now.live.ticks) {
      const one = (at - now.arrived) / (live.ticks - now.live.ticks);
      between = between ? 0.7 * between + 0.3 * one : one;
    }
    now.arrived = at;
    takeRows(live);
    now.live = live;
  }

  async function poll() {
    clearTimeout(timer);
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    const seen = now.live ? `seen=${now.live.seq}&names=${encodeURIComponent(known)}` : "";
    const { status, body } = await ask(`api/v1/live?${seen}`);
    asking = false;
    if (status === 200 && now.live && body.instance !== now.live.instance && body.functions === undefined) {
      now.live = null;  // started anew: what was seen is not of this run
      again = true;
    } else if (status === 200) {
      take(body);
    } else if (status === 401 || status === 403) {
      now.locked = status === 401;
      now.trouble = body.error || "the server refuses to tell";
    } else {
      now.trouble = body.error || "the server does not answer";
    }
    for (const tell of listeners) tell();
    // When the next tick is due, and then a few times a second until it is there.
    const due = between ? now.arrived + between + 30 - performance.now() : 250;
    const wait = again ? 0 : status !== 200 ? 2000 : document.hidden ? 2000 : Math.min(1000, Math.max(150, due));
    again = false;
    timer = setTimeout(poll, wait);
  }

  function start() {
    document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
    poll();
  }
  return { now, ask, token, setToken, start, poll, onChange: (tell) => listeners.add(tell) };
})();
