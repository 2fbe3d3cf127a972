"""Drives the page of `reeve serve`, and a report, in headless Chromium; scripts/test-page calls it."""

import argparse
import os
import shutil
import subprocess
import tempfile
import time

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from page_served import Browser, Failure, Served, check, wait_until

VIEWS = ("overview", "function", "cluster", "timeline", "why", "events")
FUNCTIONS = 1000
TOKEN = "a-token-of-this-test"

# A thousand functions in real time, with a tenant whose numbers are missing for a while.
CONFIG = """
platform: sim
sim:
  trace: {trace}
  speed: 1
  own_policy: {{name: kpa}}
  outages: [{{at: 25s, length: 15s, kind: missing, tenant: {tenant}}}]
  cluster:
    nodes: [{{count: 24, cpu: 16, memory: 64Gi}}]
    containers: {{concurrency: 4, request_timeout: 60s}}
    cold_start: {{time_ms: "lognormal(mean=900, sd=500)"}}
loop: {{period: 1s, mode: shadow, numbers: {{hold: 5s, fallback: 60s, sound_for: 5s}}}}
policy:
  name: kpa
  safeguard: {{fallback: kpa, scope: function, queue: {{engage: 5, release: 1}}}}
  bounds: {{max_replicas: 50}}
fallback: {{name: kpa}}
store: {{path: {folder}/reeve.db}}
http: {{listen: "127.0.0.1:{port}", token_file: {folder}/token, history: 128Mi}}
"""


class Test:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.browser = Browser(options.axe, options.screenshots)
        self.served = None
        self.reported = []

    def end(self):
        self.browser.end()
        if self.served:
            self.served.stop()

    def say(self, text):
        print(text, flush=True)

    # ---- helpers

    def find(self, selector):
        return self.browser.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.browser.run("const n = document.querySelector(arguments[0]); return n ? n.textContent : ''", selector)

    def press(self, *keys):
        for key in keys:
            self.browser.driver.switch_to.active_element.send_keys(key)

    def focused(self, script="e.id || e.textContent"):
        return self.browser.run(f"const e = document.activeElement; return {script}")

    def open(self, port, view="overview", ready=True):
        self.browser.driver.get("about:blank")  # another fragment alone would not load it again
        self.browser.complaints()  # of a page whose server has ended
        self.browser.driver.get(f"http://127.0.0.1:{port}/#{view}")
        if ready:
            self.settled(view)

    def settled(self, view):
        wait_until(lambda: self.browser.run(
            "return document.documentElement.dataset.ready === 'true' && document.documentElement.dataset.seq !== undefined"
            " && !document.querySelector('#view-' + arguments[0]).hidden", view), f"view {view}", 30)

    def go(self, view):
        self.browser.run("document.querySelector('#page-nav a[data-view=' + arguments[0] + ']').click()", view)
        self.settled(view)
        if view not in ("overview", "events"):
            wait_until(lambda: self.browser.run(
                "const s = document.querySelector('#view-' + arguments[0]);"
                "return [...s.querySelectorAll('canvas')].some((c) => c.width > 0) || s.querySelectorAll('.steps li').length > 4", view),
                f"something drawn in {view}")
        time.sleep(0.3)

    def no_faults(self, what):
        faults = self.browser.faults()
        check(not faults, f"{what}: axe-core finds\n  " + "\n  ".join(faults))

    def no_complaints(self, what, expected=()):
        lines = self.browser.complaints(expected)
        check(not lines, f"{what}: the console has\n  " + "\n  ".join(lines))

    # ---- what is tested

    def start(self):
        trace = os.path.join(self.folder, "page.rtrace")
        subprocess.run([self.options.reeve, "trace", "generate", "--config", "configs/traces/demo.yaml", "--out", trace,
                        "--set", f"functions={FUNCTIONS}", "--set", "length=60m", "--set", "total_invocations=750000"],
                       check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(self.folder, "token"), "w") as token:
            token.write(TOKEN)
        self.trace = trace
        self.config = os.path.join(self.folder, "serve.yaml")
        self.write_config(port=0)
        self.served = Served(self.options.reeve, self.config, self.folder, "first")

    def write_config(self, port):
        with open(self.config, "w") as config:
            config.write(CONFIG.format(trace=self.trace, folder=self.folder, port=port, tenant=self.options.tenant))

    def every_view(self):
        """By mouse, wide and narrow, light and dark; each without a fault."""
        wait_until(lambda: self.served.get("/api/v1/live").get("ticks", 0) > 30, "half a minute to show", 60)
        looks = (("wide", 1280, 900, False), ("narrow", 400, 800, True), ("dark", 1280, 900, True), ("narrow-light", 400, 800, False))
        for name, width, height, dark in looks:
            self.browser.size(width, height)
            self.browser.scheme(dark)
            for view in VIEWS:
                self.go(view)
                inside = self.browser.run("return document.documentElement.scrollWidth")
                check(inside <= width, f"{view}, {name}: the page is {inside} pixels wide on a screen of {width}")
                self.browser.photograph(f"{view}-{name}")
                self.no_faults(f"{view}, {name}")
        self.browser.size(1280, 900)
        self.browser.scheme(False)
        self.no_complaints("views")
        return f"{len(VIEWS)} views in {len(looks)} looks, no serious fault, no complaint"

    def the_table(self):
        self.go("overview")
        rows = self.browser.run("return document.querySelectorAll('#function-grid .grid-body [role=row]').length")
        check(0 < rows < 100, f"{rows} rows of the table are in the page")
        count = self.browser.run("return document.querySelector('#function-grid [role=grid]').getAttribute('aria-rowcount')")
        check(count == str(FUNCTIONS + 1), f"the table says it has {count} rows")
        search = self.find("#filter-text")
        name = self.browser.run("return Reeve.source.now.rows[500].name")
        search.send_keys(name)
        wait_until(lambda: self.text("#function-count").startswith("1 of"), "a search that finds one")
        check(self.text("#function-grid .grid-body [role=row]:not([hidden]) [role=rowheader]") == name, "the wrong row is found")
        search.clear()
        search.send_keys("x", Keys.BACKSPACE)
        # Sorted by latency, the highest first: the rows in sight go down.
        self.find("#function-grid button[data-key=latency_p99_ms]").click()
        order = self.browser.run("""
            const rows = [...document.querySelectorAll('#function-grid .grid-body [role=row]:not([hidden])')].sort((a, b) => a.at - b.at);
            return rows.map((r) => Reeve.source.now.rows.find((f) => f.name === r.children[0].textContent).latency_p99_ms);""")
        known = [value for value in order if value is not None]
        check(len(known) > 3 and sum(a < b for a, b in zip(known, known[1:])) <= len(known) // 4, f"not in order: {known}")
        return f"{rows} rows in the page for {FUNCTIONS} functions; search and order"

    def keys_only(self):
        """From the first Tab to a function's charts and back, without a mouse."""
        self.open(self.served.port)
        self.press(Keys.TAB)
        check(self.focused() == "Skip to content", f"the first Tab goes to {self.focused()}")
        seen = []
        for _ in range(60):
            self.press(Keys.TAB)
            seen.append(self.focused())
            if self.browser.run("return !!document.activeElement.closest('#function-grid .grid-body')"):
                break
            outline = self.browser.run("const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2")
            check(outline, f"no focus is seen on {seen[-1]}")
        else:
            raise Failure(f"60 times Tab do not reach the table of functions: {seen}")
        check("Cluster" in seen and "filter-text" in seen, f"Tab passes {seen}")
        before = self.focused("e.getAttribute('aria-rowindex')")
        self.press(Keys.DOWN, Keys.DOWN, Keys.DOWN)
        after = self.focused("e.getAttribute('aria-rowindex')")
        check(int(after) == int(before) + 3, f"three times down from row {before} is row {after}")
        self.press(Keys.END)
        check(self.focused("e.getAttribute('aria-rowindex')") == str(FUNCTIONS + 1), "End is not the last row")
        visible = self.focused("(() => { const r = e.getBoundingClientRect(), v = e.closest('.grid-view').getBoundingClientRect(); return r.bottom <= v.bottom + 1 && r.top >= v.top; })()")
        check(visible, "the last row is not in sight")
        # The order stands still while somebody is in the table, tick after tick.
        name = self.focused("e.children[0].textContent")
        wall = self.browser.run("return document.documentElement.dataset.wall")
        wait_until(lambda: float(self.browser.run("return document.documentElement.dataset.wall")) > float(wall) + 2, "three ticks")
        check(self.focused("e.children[0].textContent") == name, "the focus leaves its row")
        self.press(Keys.HOME, Keys.ENTER)
        self.settled("function")
        wait_until(lambda: self.text("#function-title") not in ("", "Function"), "a function's name")
        for view in ("why", "events"):
            for _ in range(40):
                self.press(Keys.TAB)
                if self.focused("(e.dataset || {}).view") == view:
                    break
            self.press(Keys.ENTER)
            self.settled(view)
        self.no_complaints("keys")
        return "Tab, arrows, End, Home, Enter: table, function, why, events"

    def the_token(self):
        """Without it a button says why; with a wrong one nothing happens; with it a tenant is switched."""
        self.open(self.served.port)
        by_name = "document.querySelector('#tenant-grid button[data-key=tenant]').click()"  # so that rows stay where they are
        self.browser.run(by_name)
        tenant = self.browser.run("return document.querySelector('#tenant-grid .grid-body .switch').getAttribute('aria-label').slice(7)")

        def mode():
            return self.browser.run(
                "const b = [...document.querySelectorAll('#tenant-grid .switch')].find((n) => n.getAttribute('aria-label') === 'Switch ' + arguments[0]);"
                "return b ? b.closest('[role=row]').children[1].textContent : ''", tenant)

        check(self.find("#tenant-grid .switch").get_attribute("aria-disabled") == "true", "a switch works without the token")
        check("token" in self.text("#switch-note"), f"the page says: {self.text('#switch-note')}")
        self.find("#tenant-grid .switch").click()
        wait_until(lambda: self.find("#token-dialog").is_displayed(), "the dialog for the token")
        self.browser.photograph("token")
        self.no_faults("token dialog")
        self.press("not-the-token", Keys.ENTER)
        wait_until(lambda: "not the token" in self.text("#token-problem"), "that it is the wrong one")
        check(self.browser.run("return sessionStorage.length") == 0, "a wrong token is kept")
        self.press(TOKEN, Keys.ENTER)
        wait_until(lambda: not self.find("#token-dialog").is_displayed(), "the token is taken")
        check(self.browser.run("return Object.keys(localStorage).length + document.cookie.length") == 0, "the token is kept too well")
        wait_until(lambda: self.find("#tenant-grid .switch").get_attribute("aria-disabled") == "false", "a switch that works")
        self.browser.driver.refresh()  # it is kept for the tab
        self.settled("overview")
        self.browser.run(by_name)
        for want, paused, shown in (("active", False, "active"), ("active", True, "active, paused"), ("shadow", False, "shadow")):
            wait_until(lambda: self.browser.run("return document.querySelector('#tenant-grid .switch').getAttribute('aria-disabled')") == "false", "a switch that works")
            self.browser.run("[...document.querySelectorAll('#tenant-grid .switch')].find((n) => n.getAttribute('aria-label') === 'Switch ' + arguments[0]).click()", tenant)
            wait_until(lambda: self.find("#switch-dialog").is_displayed(), "the dialog that switches")
            self.find(f"input[name=mode][value={want}]").click()
            if self.find("#switch-paused").is_selected() != paused:
                self.find("#switch-paused").click()
            if want == "active" and not paused:
                self.browser.photograph("switch")
                self.no_faults("switch dialog")
            check(self.text("#switch-sentence"), "it does not say what will happen")
            self.find("#switch-confirm").click()
            wait_until(lambda: mode() == shown, f"{tenant} {shown}")
            wait_until(lambda: self.served.get("/api/v1/tenants")[tenant] == {"mode": want, "paused": paused}, "the server's word")
            wait_until(lambda: any(f["mode"] == want for f in self.served.get(f"/api/v1/state?tenant={tenant}")["functions"]), "the loop's word")
        self.go("events")
        wait_until(lambda: tenant in self.text("#events"), "the switches among the events")
        self.no_complaints("token")
        return f"refused without, refused with a wrong one, then {tenant} active, paused, shadow"

    def keeps_up(self):
        """For half a minute: how far behind what is shown is, and what the browser is busy with."""
        self.open(self.served.port)
        self.browser.run("""
            window.measured = {lags: [], tasks: [], frames: 0, begin: performance.now()};
            const root = document.documentElement;
            new MutationObserver(() => window.measured.lags.push(Date.now() / 1000 - Number(root.dataset.wall)))
              .observe(root, {attributeFilter: ['data-seq']});
            new PerformanceObserver((list) => list.getEntries().forEach((e) => window.measured.tasks.push(e.duration))).observe({type: 'longtask'});
            const frame = () => { window.measured.frames += 1; requestAnimationFrame(frame); };
            requestAnimationFrame(frame);""")
        said = []
        for view in ("overview", "function"):
            self.go(view)
            self.browser.run("Object.assign(window.measured, {lags: [], tasks: [], frames: 0, begin: performance.now()})")
            first = self.served.get("/api/v1/live")["ticks"]
            time.sleep(15)
            ticks = self.served.get("/api/v1/live")["ticks"] - first
            m = self.browser.run("return Object.assign({}, window.measured, {seconds: (performance.now() - window.measured.begin) / 1000})")
            lags = sorted(m["lags"])
            check(len(lags) >= 0.8 * ticks, f"{view}: of {ticks} ticks {len(lags)} were shown")
            late = sum(lag > 1 for lag in lags)
            check(late <= 1, f"{view}: {late} of {len(lags)} ticks were shown more than a second late: {lags[-late:]}")
            busy = sum(m["tasks"]) / 1000 / m["seconds"]
            check(busy < 0.25, f"{view}: long tasks take {100 * busy:.0f} % of the time: {m['tasks']}")
            said.append(f"{view}: {len(lags)} of {ticks} ticks shown, behind by {1000 * lags[len(lags) // 2]:.0f} ms (median), {1000 * lags[-1]:.0f} ms (most); "
                        f"{len(m['tasks'])} tasks above 50 ms, the longest {max(m['tasks'], default=0):.0f} ms; {m['frames'] / m['seconds']:.0f} frames a second")
        self.no_complaints("keeping up")
        return "; ".join(said)

    def the_bad_numbers(self):
        """What was missing for a while was held, and it was told."""
        events = self.served.get("/api/v1/events")["events"]
        check(any(e["kind"] == "trust" for e in events), "nothing was told of numbers that went bad")
        columns = self.served.get("/api/v1/history")["columns"]
        check(max(columns["held"]) > 0, "nothing was held")
        return f"{max(columns['held'])} functions held while their numbers were missing"

    def a_restart(self):
        """The page says that nothing comes, finds the next run by itself, and shows what was before it."""
        self.open(self.served.port)
        port, before = self.served.port, self.served.get("/api/v1/live")
        busiest = max(zip(before["functions"]["arrivals"], self.served.get("/api/v1/live")["names"]["id"]))[1]
        self.served.stop()
        wait_until(lambda: "Nothing new comes" in self.text("#notices"), "that nothing comes")
        self.browser.photograph("down")
        self.write_config(port=port)
        self.served = Served(self.options.reeve, self.config, self.folder, "second")
        wait_until(lambda: self.text("#fresh-text") == "live" and not self.text("#notices"), "the next run")
        self.browser.complaints()  # of the time between
        self.go("function")
        self.browser.run("location.hash = 'function=' + encodeURIComponent(arguments[0])", busiest)
        wait_until(lambda: self.browser.run(
            "const f = [...document.querySelectorAll('#function-charts figure')].find((n) => n.dataset.chart === 'Arrivals');"
            "if (!f) return false; const c = Chart.getChart(f.querySelector('canvas')); const o = c.data.datasets[0].data;"
            "return o.length > 10 && o[o.length - 1].x > 10", ), "charts that begin before the restart")
        history = self.served.get(f"/api/v1/history?function={urlquote(busiest)}")["columns"]
        old = sum(wall <= before["wall"] for wall in history["wall"])
        check(old > 20, f"of the run before {old} windows are there")
        self.no_complaints("restart")
        return f"{old} windows of the run before are shown"

    def strangers(self):
        """A page of a stranger whose name leads here is told nothing."""
        self.browser.driver.get(f"http://stranger.test:{self.served.port}/api/v1/state")
        said = self.browser.run("return document.body.textContent")
        check("token" in said and "functions" not in said, f"a stranger is told: {said[:200]}")
        self.browser.complaints()
        return "refused"

    def locked(self):
        """Where others can connect nothing is told without the token."""
        served = Served(self.options.reeve, self.config, self.folder, "locked",
                        ("http.listen=0.0.0.0:0", f"store={self.folder}/locked.db"))
        try:
            self.browser.driver.get(f"http://127.0.0.1:{served.port}/")
            wait_until(lambda: "without its token" in self.text("#notices"), "that a token is needed")
            self.browser.photograph("locked")
            self.no_faults("locked")
            self.find("#notices button").click()
            self.press(TOKEN, Keys.ENTER)
            self.settled("overview")
            wait_until(lambda: not self.text("#notices"), "the page")
            self.no_complaints("locked", expected=("401",))
        finally:
            served.stop()
        return "nothing without the token, everything with it"

    def learning(self):
        """A policy that learns: environments, experts, who decides."""
        trace = os.path.join(self.folder, "demo.rtrace")
        subprocess.run([self.options.reeve, "trace", "generate", "--config", "configs/traces/demo.yaml", "--out", trace],
                       check=True, stdout=subprocess.DEVNULL)
        served = Served(self.options.reeve, "configs/serve/adapt.yaml", self.folder, "adapt", (
            f"sim.trace={trace}", "sim.speed=100", "adapt.learner.online.swap_after=0",
            f"store={self.folder}/adapt.db", "http=127.0.0.1:0"))
        try:
            self.open(served.port, "timeline")
            wait_until(lambda: served.get("/api/v1/live").get("adaptation", {}).get("environments", 0) > 1, "a second environment", 60)
            time.sleep(8)
            self.go("timeline")
            check("expert" in self.text("#timeline-facts"), self.text("#timeline-facts"))
            for name, width, dark in (("learning-wide", 1280, False), ("learning-narrow", 400, True)):
                self.browser.size(width, 900)
                self.browser.scheme(dark)
                time.sleep(0.5)
                self.browser.photograph(name)
                self.no_faults(name)
            self.browser.size(1280, 900)
            self.browser.scheme(False)
            check("no http.token_file" in self.browser.run("return Reeve.access.obstacle()"), "it does not say that no token is configured")
            self.no_complaints("learning")
            return self.text("#timeline-facts")
        finally:
            served.stop()

    def a_report(self):
        """The other life of the viewer: a run's report, from a file."""
        out = os.path.join(self.folder, "run")
        subprocess.run([self.options.reeve, "simulate", "--trace", os.path.join(self.folder, "demo.rtrace"), "--cluster", "configs/clusters/demo.yaml",
                        "--policy", "kpa", "--out", out], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.browser.driver.get("about:blank")
        self.browser.complaints()  # of a page whose server has ended
        self.browser.driver.get(f"file://{out}/report.html")
        wait_until(lambda: self.browser.run("return document.documentElement.dataset.ready") == "true", "the report")
        for name, width, dark in (("report-wide", 1280, False), ("report-narrow", 400, True), ("report-dark", 1280, True)):
            self.browser.size(width, 900)
            self.browser.scheme(dark)
            time.sleep(0.3)
            inside = self.browser.run("return document.documentElement.scrollWidth")
            check(inside <= width, f"{name}: {inside} pixels wide")
            self.browser.photograph(name)
            self.no_faults(name)
        self.browser.size(1280, 900)
        self.browser.scheme(False)
        self.find("#function-table .name, #function-grid [role=row]").click()
        wait_until(lambda: self.find("#detail").is_displayed(), "a function's charts")
        self.browser.photograph("report-function")
        self.no_faults("report, a function")
        self.no_complaints("report")
        return "three looks and a function's charts"


def urlquote(text):
    from urllib.parse import quote
    return quote(text, safe="")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reeve", required=True)
    parser.add_argument("--axe", required=True, help="axe.min.js")
    parser.add_argument("--screenshots", required=True, help="folder")
    parser.add_argument("--only", default="", help="names of tests, with commas")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="reeve-page-")
    options.tenant = "tenant-0000"
    test = Test(options, folder)
    passed = failed = 0
    try:
        test.start()
        test.open(test.served.port)
        for part in (test.every_view, test.the_table, test.keys_only, test.the_token, test.keeps_up, test.the_bad_numbers,
                     test.a_restart, test.strangers, test.locked, test.learning, test.a_report):
            if options.only and part.__name__ not in options.only.split(","):
                continue
            begin = time.monotonic()
            try:
                said = part()
                passed += 1
                test.say(f"  ok    {part.__name__} ({time.monotonic() - begin:.0f} s): {said}")
            except Exception as failure:  # pylint: disable=broad-except
                failed += 1
                test.say(f"  FAIL  {part.__name__} ({time.monotonic() - begin:.0f} s): {type(failure).__name__}: {failure}")
                try:
                    test.browser.photograph(f"failed-{part.__name__}")
                except Exception as also:  # pylint: disable=broad-except
                    test.say(f"        and no screenshot of it: {type(also).__name__}")
    finally:
        test.end()
        if failed == 0:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    if failed:
        print(f"reeve: what was started wrote its logs to {folder}; screenshots are in {options.screenshots}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
