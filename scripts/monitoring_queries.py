#!/usr/bin/env python3
"""Asks every query of deploy/monitoring of a Prometheus that scrapes a running `reeve serve`.

Each panel of the dashboard must return data, each rule be evaluated without an error, each metric
that they name be one of the table in docs/serve.md, and each alert have its section there.
Called by scripts/test-monitoring:  scripts/monitoring_queries.py http://127.0.0.1:9090
"""

import json
import pathlib
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
VARIABLES = {"$job": "reeve", "$instance": ".*", "$tenant": ".*", "$__rate_interval": "10s"}
# What is empty in this run, and why. No panel is: an outage is played.
EMPTY_WHEN_WELL = {"Modes, leaders and take-overs": "nobody switches a mode or takes the lead"}


def ask(server, path, **parameters):
    url = f"{server}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise ValueError(json.load(error).get("error", str(error))) from error


def samples(server, query, now):
    """Values that are numbers, of the last half minute."""
    data = ask(server, "query_range", query=query, start=now - 30, end=now, step=1)
    return sum(value != "NaN" for series in data["result"] for _, value in series["values"])


def with_variables(query):
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def documented():
    text = (ROOT / "docs/serve.md").read_text()
    metrics = set(re.findall(r"^\| `((?:reeve|process)_[a-z0-9_]+)", text, re.M))
    anchors = {heading.lower() for heading in re.findall(r"^#+ (\w+)$", text, re.M)}
    return metrics, anchors


def unknown_metrics(query, metrics):
    used = re.findall(r"\b(?:reeve|process)_[a-z0-9_]+", query)
    return [name for name in used
            if name not in metrics and re.sub(r"_(bucket|sum|count)$", "", name) not in metrics]


def main():
    server = sys.argv[1]
    now = time.time()
    metrics, anchors = documented()
    dashboard = json.loads((ROOT / "deploy/monitoring/dashboard.json").read_text())
    complaints = []
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    queries = [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]
    queries += [(note["name"], note["expr"]) for note in dashboard["annotations"]["list"]]
    for title, query in queries:
        complaints += [f"{title}: {name} is not in docs/serve.md"
                       for name in unknown_metrics(query, metrics)]
        try:
            found = samples(server, with_variables(query), now)
        except ValueError as error:
            complaints.append(f"{title}: {error}: {query}")
            continue
        if found == 0 and title not in EMPTY_WHEN_WELL:
            complaints.append(f"{title}: no data: {with_variables(query)}")
    for variable in dashboard["templating"]["list"]:
        selector = re.fullmatch(r"label_values\((.*), (\w+)\)", variable.get("definition", ""))
        if selector is None:
            continue
        series = ask(server, "series", **{"match[]": with_variables(selector[1])})
        if not any(selector[2] in labels for labels in series):
            complaints.append(f"variable {variable['name']}: no values")

    rules = [rule for group in ask(server, "rules")["groups"] for rule in group["rules"]]
    for rule in rules:
        complaints += [f"{rule['name']}: {name} is not in docs/serve.md"
                       for name in unknown_metrics(rule["query"], metrics)]
        if rule["health"] != "ok":
            complaints.append(f"{rule['name']}: {rule['health']} {rule.get('lastError', '')}")
        runbook = rule["annotations"].get("runbook", "")
        if not runbook.startswith("docs/serve.md#") or runbook.split("#")[1] not in anchors:
            complaints.append(f"{rule['name']}: no section {runbook}")
    if not rules:
        complaints.append("Prometheus has read no rules")
    for complaint in complaints:
        print(f"reeve: {complaint}", file=sys.stderr)
    print(f"{len(panels)} panels, {len(queries)} queries, {len(rules)} alerts: "
          f"{len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
