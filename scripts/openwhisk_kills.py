#!/usr/bin/env python3
"""`reeve serve` on `reeve openwhisk-server`, killed in the middle of a PUT again and again (scripts/test-openwhisk).

Between the two stands a proxy that holds every PUT back for a moment before the server gets it, and for another before
the controller gets the answer. In one of these moments the controller is killed (SIGKILL); what the server has not got
by then arrives all the same, later, or is lost. After each: every action has the controller's limits and its annotation,
or neither, and whatever else its owner set. A controller that is ended in order leaves nothing of its own.
"""

import argparse
import base64
import http.client
import http.server
import json
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time

KEY = "00000000-0000-4000-8000-000000000001:guest"
AUTHORISED = {"Authorization": "Basic " + base64.b64encode(KEY.encode()).decode(), "Content-Type": "application/json"}
NAMESPACE = "/api/v1/namespaces/_/"
# What is ours on an action: its memory, and this.
ATTACHED = "reeve-attached"


class Proxy(http.server.ThreadingHTTPServer):
    """Passes requests on to `port`. PUTs take their time, and can be watched."""

    daemon_threads = True

    def __init__(self, port, chance):
        super().__init__(("127.0.0.1", 0), Handler)
        self.port, self.chance = port, chance
        self.changed = threading.Condition()
        self.held = self.answering = 0  # PUTs not yet with the server; with it, and not answered
        self.lose = False  # those not yet with it are never there
        self.delivered = self.lost = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def count(self, **changes):
        with self.changed:
            for name, change in changes.items():
                setattr(self, name, getattr(self, name) + change)
            self.changed.notify_all()

    def wait_for(self, condition, seconds, what):
        with self.changed:
            if not self.changed.wait_for(condition, seconds):
                raise SystemExit(f"{what}: not within {seconds} s")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # whoever asked is gone

    def pass_on(self):
        proxy, put = self.server, self.command == "PUT"
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if put:
            proxy.count(held=1)
            time.sleep(proxy.chance.uniform(0.05, 0.4))
            with proxy.changed:
                lose = proxy.lose
            proxy.count(held=-1, **({"lost": 1} if lose else {"answering": 1}))
            if lose:
                self.close_connection = True
                return
        try:
            server = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
            server.request(self.command, self.path, body, {**AUTHORISED, "X-Request-ID": self.headers.get("X-Request-ID", "none")})
            answer = server.getresponse()
            content = answer.read()
            server.close()
            if put:
                proxy.count(delivered=int(answer.status == 200))
                time.sleep(proxy.chance.uniform(0.05, 0.4))
        finally:
            if put:
                proxy.count(answering=-1)
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = pass_on


class Programs:
    """Those that were started; all are gone at the end."""

    def __init__(self, reeve, folder):
        self.reeve, self.folder, self.running = reeve, folder, []

    def start(self, name, *arguments):
        log = open(self.folder / f"{name}.log", "ab")
        process = subprocess.Popen([self.reeve, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.running.append(process)
        return process

    def text(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def end(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, None if body is None else json.dumps(body), AUTHORISED)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{method} {path}: {answer.status} {text[:200]!r}")
    return json.loads(text)


def actions(port):
    return {f"{one['namespace']}/{one['name']}": ask(port, "GET", NAMESPACE + "actions/" + "/".join(
        one["namespace"].split("/")[1:] + [one["name"]])) for one in ask(port, "GET", NAMESPACE + "actions?limit=200")}


def as_owners_left_it(action):
    """What of an action is nothing of ours: all but its memory, its annotation, and what every PUT changes."""
    rest = {key: value for key, value in action.items() if key not in ("version", "updated", "limits", "annotations")}
    rest["limits"] = {name: value for name, value in action["limits"].items() if name != "memory"}
    rest["annotations"] = [one for one in action["annotations"] if one["key"] != ATTACHED]
    return rest


def check(before, now, handed_back=False):
    """Every action has our memory and our annotation, or neither. Returns how many have them."""
    assert before.keys() == now.keys(), (list(before), list(now))
    attached = 0
    for name, action in now.items():
        assert as_owners_left_it(action) == as_owners_left_it(before[name]), (name, action, before[name])
        owners, memory = before[name]["limits"]["memory"], action["limits"]["memory"]
        said = [one["value"] for one in action["annotations"] if one["key"] == ATTACHED]
        expected = [] if memory == owners else [{"before": {"memory": owners}, "set": {"memory": memory}}]
        assert said == expected, f"{name}: {memory} MiB, {owners} were its owner's, and the annotation says {said}"
        assert not (handed_back and said), f"{name} was not handed back: {said}"
        attached += len(said)
    return attached


def versions(now):
    return sum(int(action["version"].split(".")[2]) for action in now.values())


def serve(programs, proxy, *more):
    return programs.start(
        "serve", "serve", "--config", "configs/openwhisk/serve.yaml",
        "--set", f"openwhisk.endpoint=http://127.0.0.1:{proxy.server_port}",
        "--set", f"openwhisk.tenants.guest={programs.folder}/key",
        "--set", "openwhisk.sizes=[128Mi, 192Mi, 256Mi, 320Mi, 384Mi, 448Mi, 512Mi]",
        "--set", "openwhisk.changes={least_interval: 0, least_change: 0, must_pay: false}",
        "--set", "openwhisk.actions_period=1s",
        "--set", "loop={period: 500ms, mode: active, numbers: {sound_for: 0}, writes: {retry: 1s}}",
        "--set", "policy.aimd.period=500ms",
        "--set", f"store.path={programs.folder}/reeve.db", "--set", "http.listen=127.0.0.1:0", *more)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reeve", required=True, help="the program")
    parser.add_argument("--folder", required=True, type=pathlib.Path, help="for logs and the store")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    programs = Programs(options.reeve, options.folder)
    (options.folder / "key").write_text(KEY)
    try:
        run(options, chance, programs)
    finally:
        programs.end()


def run(options, chance, programs):
    programs.start("server", "openwhisk-server", "--config", "configs/openwhisk/server_kills.yaml", "--set", "listen=127.0.0.1:0")
    found, until = None, time.monotonic() + 30
    while not found and time.monotonic() < until:
        time.sleep(0.05)
        found = re.search(r"the API is at http://[^:]*:(\d+)/", programs.text("server"))
    if not found:
        raise SystemExit("the server does not answer: " + programs.text("server"))
    port = int(found.group(1))
    # Owners say what latency they want, and have annotations, parameters and limits of their own.
    for name in ("api", "render", "resize"):
        ask(port, "PUT", NAMESPACE + f"actions/{name}?overwrite=true", {
            "annotations": [{"key": "reeve-slo-latency", "value": "60ms"}, {"key": "owner", "value": {"team": name}}],
            "parameters": [{"key": "colour", "value": "green"}], "limits": {"timeout": 30000, "logs": 3}})
    before = actions(port)
    assert len(before) == 5, list(before)
    assert check(before, before) == 0
    first = versions(before)

    proxy = Proxy(port, random.Random(options.seed + 1))
    seen = {"before the server had it, and it came later": 0, "before the server had it, and it was lost": 0,
            "when the server had it": 0}
    most = 0
    for turn in range(options.kills):
        controller = serve(programs, proxy)
        early, lose = chance.random() < 0.6, chance.random() < 0.5
        # Not always the first PUT: some of this run's own were answered before.
        enough = proxy.delivered + chance.choice((0, 0, 1, 3, 5))
        phase = "held" if early else "answering"
        proxy.wait_for(lambda: proxy.delivered >= enough and getattr(proxy, phase) > 0, 60, f"kill {turn}: a PUT to be killed in")
        with proxy.changed:
            proxy.lose = early and lose
        controller.send_signal(signal.SIGKILL)
        controller.wait()
        where = list(seen)[0 if early and not lose else 1 if early else 2]
        seen[where] += 1
        most = max(most, check(before, actions(port)))
        proxy.wait_for(lambda: proxy.held == 0 and proxy.answering == 0, 10, "the last PUT")
        with proxy.changed:
            proxy.lose = False
        most = max(most, check(before, actions(port)))
    for where, times in seen.items():
        print(f"  killed {where}: {times} times")
        assert times > 0 or options.kills < 15, "one way of dying was never tried: more --kills"
    assert most >= 2, "hardly anything was changed"

    # The next one finds what was left, and goes in order.
    left = check(before, actions(port))
    controller = serve(programs, proxy)
    enough = proxy.delivered + 3
    proxy.wait_for(lambda: proxy.delivered >= enough, 60, "the last run's changes")
    controller.send_signal(signal.SIGINT)
    code = controller.wait(timeout=60)
    assert code in (0, 130), f"exit code {code}: " + programs.text("serve")[-2000:]
    proxy.wait_for(lambda: proxy.held == 0 and proxy.answering == 0, 10, "the last PUT")
    now = actions(port)
    check(before, now, handed_back=True)
    # Each PUT that arrived made a version, and nothing else did.
    assert versions(now) - first == proxy.delivered, (versions(now) - first, proxy.delivered)
    print(f"  {proxy.delivered} PUTs arrived and {proxy.lost} were lost; at most {most} actions were changed at once, "
          f"{left} when the last run began, none when it had ended")


if __name__ == "__main__":
    sys.exit(main())
