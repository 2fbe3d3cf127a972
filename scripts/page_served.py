"""What scripts/page_test.py starts: programs, and a browser that is watched."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request

from selenium import webdriver
from selenium.webdriver.chrome.service import Service


class Failure(Exception):
    """Something about the page is not as it must be."""


def check(fine, what):
    if not fine:
        raise Failure(what)


def wait_until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"not within {seconds} s: {what}")
        time.sleep(0.05)


class Served:
    """A `reeve serve`, from its start to its orderly end."""

    def __init__(self, reeve, config, folder, name, settings=()):
        self.log = os.path.join(folder, f"{name}.log")
        command = [reeve, "serve", "--config", config]
        for setting in settings:
            command += ["--set", setting]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            self.port = int(wait_until(self._port, f"a port in {self.log}", 60))
        except Failure:
            self.stop()
            raise

    def _port(self):
        with open(self.log) as log:
            text = log.read()
        check(self.process.poll() is None, f"reeve serve ended: {text[-2000:]}")
        found = re.search(r"state on port (\d+)", text)
        return found and found.group(1)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Browser:
    """Headless Chromium. What it complains of is kept until somebody asks."""

    def __init__(self, axe, screenshots):
        with open(axe) as source:
            self.axe = source.read()
        self.screenshots = screenshots
        options = webdriver.ChromeOptions()
        # Reduced motion: a page that scrolls smoothly moves away from under a click.
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--hide-scrollbars", "--force-prefers-reduced-motion",
                         "--host-resolver-rules=MAP stranger.test 127.0.0.1"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_script_timeout(180)  # axe-core on a busy machine

    def end(self):
        self.driver.quit()

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def size(self, width, height):
        """Of the page, not of the window around it; narrower than a window can be, too."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def scheme(self, dark):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def photograph(self, name):
        os.makedirs(self.screenshots, exist_ok=True)
        self.driver.save_screenshot(os.path.join(self.screenshots, f"{name}.png"))

    def complaints(self, expected=()):
        """Lines of the console since the last call, but for those in which one of `expected` stands."""
        lines = [entry["message"] for entry in self.driver.get_log("browser")
                 if entry["level"] in ("SEVERE", "WARNING")]
        return [line for line in lines if not any(text in line for text in expected)]

    def faults(self):
        """What axe-core finds, serious or critical: one line each."""
        self.run(self.axe)
        found = self.driver.execute_async_script("""
            const done = arguments[arguments.length - 1];
            axe.run(document, {resultTypes: ['violations']}).then(
                (result) => done(result.violations), (error) => done([{id: String(error), impact: 'critical', nodes: []}]));""")
        return [f"{fault['id']} ({fault['impact']}): " + "; ".join(
                    f"{' '.join(map(str, node['target']))}: {node['failureSummary'].splitlines()[-1].strip()}" for node in fault["nodes"][:3])
                for fault in found if fault["impact"] in ("serious", "critical")]
