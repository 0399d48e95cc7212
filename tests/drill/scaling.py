"""Rules and routes as they are committed, with time running faster: windows, waits and thresholds that are times."""

import copy
import re
from pathlib import Path
from typing import Any

import yaml

INFRA = Path(__file__).parents[2] / "infra"
RULES = (INFRA / "prometheus" / "rules.yml", INFRA / "prometheus" / "slo.yml")
ROUTES = INFRA / "alertmanager" / "alertmanager.yml"
UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
WINDOW = re.compile(r"(?<=\[)(\d+)([smhd])(?=\])|(?<=offset )(\d+)([smhd])")
THRESHOLD = re.compile(r"(?<=[<>] )(\d+)\b")
OF_INCIDENTS = ("leadstream_consumer_lag_seconds",)  # what grows while a fault lasts: its limits shrink too
LATER = {'le="2.0"': 'le="10.0"', 'le="5.0"': 'le="30.0"', 'le="10.0"': 'le="60.0"'}  # latencies: all shares few cores
SLOW = re.compile(r"(?<=\)\)\) > )2(?=\s*$)")
WAITS = ("group_wait", "group_interval", "repeat_interval")


def rules(scale: float) -> dict[str, Any]:
    """Return all groups of rules, `scale` times as fast.

    A latency's threshold grows: the machine is no faster than ever, and runs the brokers and the drill besides.
    """
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return {"groups": [{**group, "rules": [_rule(rule, scale) for rule in group["rules"]]} for group in groups]}


def routes(scale: float, page_url: str, ticket_url: str) -> dict[str, Any]:
    """Return Alertmanager's configuration, `scale` times as fast, with our own receivers in the place of the user's."""
    config = copy.deepcopy(yaml.safe_load(ROUTES.read_text()))
    for route in (config["route"], *config["route"]["routes"]):
        route.update({name: span(route[name], scale) for name in WAITS if name in route})
    urls = {"page": page_url, "ticket": ticket_url}
    config["receivers"] = [
        {"name": it["name"], "webhook_configs": [{"url": urls[it["name"]], "send_resolved": False}]}
        for it in config["receivers"]
    ]
    return dict(config)


def span(text: str, scale: float) -> str:
    """Return a duration, shrunk.

    >>> span("5m", 20)
    '15000ms'
    """
    return f"{seconds(text) * 1000 / scale:.0f}ms"


def seconds(text: str) -> int:
    """Return a duration of one unit in seconds.

    >>> seconds("1h")
    3600
    """
    return int(text[:-1]) * UNITS_S[text[-1]]


def _rule(rule: dict[str, Any], scale: float) -> dict[str, Any]:
    expr = WINDOW.sub(lambda found: span(found[0], scale), str(rule["expr"]))
    if any(name in expr for name in OF_INCIDENTS):
        expr = THRESHOLD.sub(lambda found: f"{int(found[0]) / scale:g}", expr)
    if scale > 1:
        expr = re.sub("|".join(LATER), lambda found: LATER[found[0]], SLOW.sub("10", expr))
    changed = {**rule, "expr": expr}
    if "for" in rule:
        changed["for"] = span(rule["for"], scale)
    return changed
