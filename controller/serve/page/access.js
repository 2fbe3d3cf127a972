// Who may switch: the token, and the dialog that switches a tenant after saying what will happen.
"use strict";

Reeve.access = (() => {
  const { source } = Reeve;
  const { byId, el } = Reeve.dom;

  const announce = (text) => { byId("announce").textContent = text; };

  // Why switching is not possible now; empty when it is.
  function obstacle() {
    const access = source.now.access;
    if (access.may_switch) return "";
    if (access.needs_token && !source.token()) return "Switching needs the token.";
    if (access.needs_token) return access.needs_certificate ? "The token, or the certificate, is not the right one." : "This token is not the right one.";
    if (access.needs_certificate) return "Switching needs a client certificate that this server knows.";
    return "Switching is refused here: no http.token_file is configured.";
  }

  // ---- the token

  let said = "";  // what the token dialog waits to know
  function openToken() {
    byId("token-input").value = "";
    byId("token-problem").textContent = "";
    byId("token-forget").hidden = !source.token();
    byId("token-dialog").showModal();
    byId("token-input").focus();
  }
  async function useToken() {
    const text = byId("token-input").value.trim();
    if (!text) {
      byId("token-problem").textContent = "Type the token first.";
      return;
    }
    if (!/^[\x21-\x7e]+$/.test(text)) {
      byId("token-problem").textContent = "A token has no blanks and no letters outside ASCII.";
      return;
    }
    source.setToken(text);
    said = text;
    const { status, body } = await source.ask("api/v1/live");
    if (said !== text) return;
    if (status === 200 && body.access.may_switch) {
      byId("token-dialog").close();
      announce("The token is right.");
    } else {
      source.setToken("");
      byId("token-problem").textContent = status === 0 ? "The server does not answer." : status === 200 && !body.access.needs_token
        ? "This server has no token configured." : "This is not the token of this server.";
      byId("token-input").select();
    }
  }

  // ---- switching

  let chosen = null;  // {tenant, mode, paused}: as it is
  const kept = new Map();  // tenant -> what was answered, until a tick says the same
  const wanted = () => ({ mode: (document.querySelector("input[name=mode]:checked") || {}).value, paused: byId("switch-paused").checked });
  function consequence() {
    const to = wanted();
    const said = [];
    if (to.mode !== chosen.mode) {
      if (chosen.mode === "active") said.push(`${chosen.functions} functions are handed back to the platform's own autoscaler at the next tick.`);
      else if (to.mode === "active") said.push(`${chosen.functions} functions are taken over at the next tick${to.paused ? ", once it is not paused any more" : ""}.`);
      else said.push(to.mode === "shadow" ? "Decisions are made and told; nothing is touched." : "Nothing is decided for these functions any more.");
    }
    if (to.paused !== chosen.paused && to.mode === "active") said.push(to.paused ? "Until it goes on nothing is changed." : "Decisions are applied again.");
    const same = to.mode === chosen.mode && to.paused === chosen.paused;
    byId("switch-sentence").textContent = same ? "Nothing would change." : said.join(" ") || "The pause is kept for when it is active.";
    byId("switch-confirm").disabled = same;
    byId("switch-confirm").textContent = same ? "Switch" : `Switch to ${to.mode}${to.paused ? ", paused" : ""}`;
  }
  function openSwitch(tenant) {
    const problem = obstacle();
    if (problem) {
      announce(problem);
      if (source.now.access.needs_token) openToken();
      return;
    }
    const rows = source.now.rows.filter((row) => row.tenant === tenant);
    if (!rows.length) return;
    chosen = { tenant, functions: rows.length, ...modeOf(tenant, rows[0]) };
    byId("switch-title").textContent = `Switch ${tenant}`;
    byId("switch-facts").textContent = `${rows.length} ${rows.length === 1 ? "function" : "functions"}; now ${chosen.mode}${chosen.paused ? ", paused" : ""}.`;
    document.querySelector(`input[name=mode][value=${chosen.mode}]`).checked = true;
    byId("switch-paused").checked = chosen.paused;
    byId("switch-problem").textContent = "";
    consequence();
    byId("switch-dialog").showModal();
  }
  async function confirmSwitch() {
    const to = wanted();
    byId("switch-confirm").disabled = true;
    const { status, body } = await source.ask("api/v1/tenants", { tenant: chosen.tenant, mode: to.mode, paused: to.paused });
    if (status === 200) {
      kept.set(chosen.tenant, body);
      byId("switch-dialog").close();
      announce(`${chosen.tenant} is ${body.mode}${body.paused ? ", paused" : ""} from the next tick on.`);
      source.poll();
      return;
    }
    byId("switch-problem").textContent = `Not switched: ${body.error || "the server does not answer"}`;
    byId("switch-confirm").disabled = false;
  }
  // The mode of a tenant, as its functions or a switch since have it.
  function modeOf(tenant, row) {
    const now = { mode: row.mode, paused: row.paused };
    const answered = kept.get(tenant);
    if (!answered) return now;
    if (answered.mode === now.mode && answered.paused === now.paused) kept.delete(tenant);
    return answered;
  }

  // A button that switches; it tells why it does not.
  function button(tenant) {
    const node = el("button", { type: "button", class: "switch" }, "Switch");
    node.addEventListener("click", () => openSwitch(tenant()));
    return node;
  }
  function paint(node, name) {
    const problem = obstacle();
    const disabled = String(!!problem);
    if (node.getAttribute("aria-disabled") !== disabled) node.setAttribute("aria-disabled", disabled);
    node.title = problem;
    const label = `Switch ${name}`;
    if (node.getAttribute("aria-label") !== label) node.setAttribute("aria-label", label);
    if (problem) node.setAttribute("aria-describedby", "switch-note");
    else node.removeAttribute("aria-describedby");
  }

  function show() {
    const { access } = source.now;
    byId("token-button").hidden = !access.needs_token && !source.now.locked;
    byId("token-button").textContent = source.token() ? (access.may_switch ? "Token: right" : "Token: wrong") : "Enter token";
    byId("switch-note").textContent = obstacle() || "Switches hold from the next tick on.";
  }
  function start() {
    byId("token-button").addEventListener("click", openToken);
    byId("token-use").addEventListener("click", useToken);
    byId("token-input").addEventListener("keydown", (event) => { if (event.key === "Enter") useToken(); });
    byId("token-cancel").addEventListener("click", () => byId("token-dialog").close());
    byId("token-forget").addEventListener("click", () => {
      source.setToken("");
      byId("token-dialog").close();
      announce("The token is forgotten.");
    });
    byId("token-dialog").addEventListener("close", () => { byId("token-input").value = ""; });
    byId("switch-dialog").addEventListener("change", consequence);
    byId("switch-cancel").addEventListener("click", () => byId("switch-dialog").close());
    byId("switch-confirm").addEventListener("click", confirmSwitch);
    source.onChange(show);
  }
  return { start, button, paint, openSwitch, modeOf, obstacle, announce };
})();
