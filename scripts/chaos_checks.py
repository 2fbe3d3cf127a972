"""What scripts/chaos holds a run against: the history of objects, the store, the logs, the recoveries."""

import collections
import http.client
import json
import math
import sqlite3
import ssl
import subprocess
import threading
import time


class ScaleWatcher:
    """Every spec.replicas that the Deployments of a namespace ever have, from the API server itself."""

    def __init__(self, port, pki, namespace):
        self.context = ssl.create_default_context(cafile=f"{pki}/ca.crt")
        self.context.load_cert_chain(f"{pki}/admin.crt", f"{pki}/admin.key")
        self.port = port
        self.path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        self.history = []  # (time, name, replicas), changes only
        self.now = {}
        self.gaps = 0  # how often a list had to make up for a watch
        self.ended = False
        threading.Thread(target=self.run, daemon=True).start()

    def note(self, item):
        name, replicas = item["metadata"]["name"], item["spec"].get("replicas", 1)
        if self.now.get(name) != replicas:
            self.now[name] = replicas
            self.history.append((time.monotonic(), name, replicas))

    def run(self):
        version = None
        while not self.ended:
            try:
                server = http.client.HTTPSConnection(
                    "127.0.0.1", self.port, context=self.context, timeout=120)
                if version is None:
                    server.request("GET", self.path)
                    answer = json.loads(server.getresponse().read())
                    for item in answer["items"]:
                        self.note(item)
                    version = answer["metadata"]["resourceVersion"]
                    self.gaps += 1
                server.request("GET", f"{self.path}?watch=1&resourceVersion={version}&timeoutSeconds=60")
                response = server.getresponse()
                while line := response.readline():
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        version = None
                        break
                    version = event["object"]["metadata"]["resourceVersion"]
                    self.note(event["object"])
                server.close()
            except (OSError, ValueError, KeyError, http.client.HTTPException):
                time.sleep(0.2)  # the server is gone: the watch goes on from where it was


def integrity(store):
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as db:
        return db.execute("PRAGMA integrity_check").fetchone()[0]


def stored_ticks(store):
    """[(wall seconds, tick, rows)] in the order in which they were written."""
    ticks = []
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as db:
        for wall_us, tick in db.execute("SELECT wall_us, tick FROM decisions ORDER BY rowid"):
            if ticks and ticks[-1][1] == tick and ticks[-1][0] == wall_us / 1e6:
                ticks[-1][2] += 1
            else:
                ticks.append([wall_us / 1e6, tick, 1])
    return ticks


def check_store(store, reeve, told, functions):
    """`told`: (wall seconds, tick, functions, life, whether it was the life's last one) of each line of the
    logs. Returns complaints, and figures for the report."""
    complaints = []
    if (said := integrity(store)) != "ok":
        complaints.append(f"the store is damaged: {said}")
    ticks = stored_ticks(store)
    torn = [t for t in ticks if t[2] not in (functions, 0)]
    by_tick = collections.defaultdict(list)
    for at, (wall, tick, _) in enumerate(ticks):
        by_tick[tick].append((wall, at))
    lost, last_lost, before = 0, 0, -1
    for wall, tick, count, life, last in told:
        if count == 0:
            continue  # before the functions were known there is nothing to store
        at = next((at for stored, at in by_tick[tick] if abs(stored - wall) < 1.5), None)
        # The clock may jump between the record and the line of the log: then it is what comes next.
        if at is None and before + 1 < len(ticks) and ticks[before + 1][1] == tick:
            at = before + 1
        if at is not None:
            before = at
            continue
        if last:
            last_lost += 1  # the process was killed before its writer had it
        else:
            lost += 1
            complaints.append(f"tick {tick} of life {life} is not in the store")
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as db:
        windows = db.execute("SELECT count(*) FROM windows").fetchone()[0]
        bounds = db.execute("SELECT min(applied_replicas), max(applied_replicas) FROM decisions").fetchone()
        held = db.execute("SELECT count(*) FROM decisions WHERE decider = 'hold'").fetchone()[0]
        moved = db.execute("SELECT count(*) FROM decisions WHERE decider IN ('hold', 'platform') AND "
                           "applied_replicas IS NOT NULL").fetchone()[0]
        fallen = db.execute("SELECT count(*) FROM decisions WHERE decider = 'fallback'").fetchone()[0]
    if moved:
        complaints.append(f"{moved} decisions were applied while nobody was to decide")
    read = subprocess.run([reeve, "log", store, "--kind", "windows", "--limit", "0", "-o", "csv"],
                          capture_output=True, text=True, check=False)
    readable = max(0, len(read.stdout.splitlines()) - 1)
    # What was learned: versions written through every kill, each whole or not there.
    experts = subprocess.run([reeve, "experts", "list", store], capture_output=True, text=True, check=False)
    if experts.returncode != 0 or experts.stderr:
        complaints.append(f"experts in the store: {experts.stderr.strip()}")
    partial = [t for t in torn if t[2] > functions or t[2] < functions]
    return complaints, {
        "ticks told": len(told), "ticks stored": len(ticks), "lost": lost, "last lost": last_lost,
        "torn": partial, "windows": windows, "window lines read": readable, "applied": bounds,
        "held": held, "fallen back": fallen}


def quantile(values, q):
    values = sorted(values)
    return values[max(0, math.ceil(q * len(values)) - 1)]


def table(recoveries, period):
    """Recoveries in seconds, by kind of fault, as lines."""
    rows = [("fault", "faults", "median", "p99", "worst")]
    everything = [one for many in recoveries.values() for one in many]
    for kind, times in [*sorted(recoveries.items()), ("all", everything)]:
        if times:
            rows.append((kind, str(len(times)), *(f"{quantile(times, q) / period:.2f}"
                                                  for q in (0.5, 0.99, 1))))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = []
    for number, row in enumerate(rows):
        lines.append("| " + " | ".join(
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths))) + " |")
        if number == 0:
            lines.append("|" + "|".join(
                "-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|")
    return "\n".join(lines)
