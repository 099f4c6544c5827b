"""The Grafana board and the alert rules speak of metrics, labels and values that exist."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from jobs import enqueue, schedules
from jobs.claims import Claims
from jobs.running import Finished
from jobs.schedules.leases import Lease
from jobs.settings import Settings
from jobs.stats import OUTCOMES
from jobs.vitals import STATES
from tasks.maintenance import check
from web import create_app

ROOT = Path(__file__).resolve().parent.parent
BOARD = json.loads((ROOT / "deploy/grafana/nightshift.json").read_text())
ALERTS = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
OF_PROMETHEUS = {"up": {"job", "instance"}}
WORDS = {"outcome": set(OUTCOMES), "state": {*STATES, "busy", "idle"}, "status": {f"{n}xx" for n in range(1, 6)}}
TEMPLATE = re.compile(r"\$labels\.(\w+)|\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Used:
    """What an expression speaks of."""

    selected: list[tuple[str, str]] = field(default_factory=list)  # a metric and a label of it, or ''
    grouped: set[str] = field(default_factory=set)
    words: list[tuple[str, str]] = field(default_factory=list)


def expressions() -> Iterator[tuple[str, str, str]]:
    """A title, an expression and the texts that show its labels."""
    for panel in BOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"], target["legendFormat"]
    for rule in RULES:
        yield rule["alert"], rule["expr"], rule["annotations"]["summary"]


EXPRESSIONS = list(expressions())


@pytest.fixture
def exported(settings: Settings, redis: Redis) -> Mapping[str, set[str]]:
    """Every name in /metrics of a service where something happened, with its labels."""
    claims, execution = Claims(redis, "a worker"), "an execution"
    enqueue(check)
    claim = claims.claim(["default", "low"], execution, time.time())
    assert claim
    claims.settle(claim, Finished(b"null"), at=time.time(), peak_kb=1, queues=(), execution="")
    schedules.create({"id": "often", "task": "maintenance.check", "every": 60}, actor="a test")
    redis.hset("ns:schedule:often", "last_tick", 1)
    assert Lease(redis, "dev", "a clock").hold()
    client = create_app(settings).test_client()
    assert settings.api_token
    token = {"Authorization": f"Bearer {settings.api_token.get_secret_value()}"}
    client.get("/api/v1/stats", headers=token)
    found: dict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(client.get("/metrics", headers=token).text):
        for sample in family.samples:
            found[sample.name] |= sample.labels.keys()
    return found | OF_PROMETHEUS


def used(expression: str) -> Used:
    """Parse it as Prometheus would; raises ValueError when it is not PromQL."""
    found = Used()

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            name = str(node.name)
            found.selected.append((name, ""))
            for matcher in node.matchers.matchers:
                found.selected.append((name, matcher.name))
                found.words.extend((matcher.name, word) for word in matcher.value.split("|"))
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            found.grouped.update(node.modifier.labels)
        elif isinstance(node, promql_parser.BinaryExpr) and node.modifier and node.modifier.matching:
            found.grouped.update(node.modifier.matching.labels)

    promql_parser.walk(promql_parser.parse(expression.replace("$__rate_interval", "5m")), pre_visit=visit)
    return found


@pytest.mark.parametrize(("title", "expression", "shown"), EXPRESSIONS, ids=[title for title, _, _ in EXPRESSIONS])
def test_words_are_ours_and_labels_that_are_shown_are_kept(title: str, expression: str, shown: str) -> None:
    seen = used(expression)
    assert seen.selected
    for label, word in seen.words:
        assert word.startswith("$") or word in WORDS.get(label, {word}), title
    labels = {first or second for first, second in TEMPLATE.findall(shown)}
    assert labels <= seen.grouped or not seen.grouped, title


def test_every_metric_and_label_that_is_spoken_of_is_exported(exported: Mapping[str, set[str]]) -> None:
    for title, expression, shown in EXPRESSIONS:
        seen = used(expression)
        names = {name for name, _ in seen.selected}
        assert names <= exported.keys(), title
        assert [(name, label) for name, label in seen.selected if label and label not in exported[name]] == [], title
        known = set[str]().union(*(exported[name] for name in names))
        assert seen.grouped | {first or second for first, second in TEMPLATE.findall(shown)} <= known, title


def test_the_variables_of_the_board_ask_for_labels_that_exist(exported: Mapping[str, set[str]]) -> None:
    queries = [variable["definition"] for variable in BOARD["templating"]["list"] if variable["type"] == "query"]
    asked = [re.fullmatch(r"label_values\((\w+), (\w+)\)", query) for query in queries]
    assert [match.group(2) in exported[match.group(1)] for match in asked if match] == [True, True]


def test_an_expression_with_a_wrong_name_or_without_sense_would_be_noticed(exported: Mapping[str, set[str]]) -> None:
    assert used('sum(rate(nightshift_jobs_total{quue="a"}[5m]))').selected == [
        ("nightshift_jobs_total", ""),
        ("nightshift_jobs_total", "quue"),
    ]
    assert "nightshift_jobs_total" not in exported
    with pytest.raises(ValueError, match=r"."):
        used("sum(rate(nightshift_attempts_total))")


def test_every_rule_and_panel_is_whole() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    assert {rule["labels"]["severity"] for rule in RULES} == {"warning", "critical"}
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    sample = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    (scrape,) = sample["scrape_configs"]
    assert (scrape["metrics_path"], scrape["authorization"]["type"]) == ("/metrics", "Bearer")
    assert sample["rule_files"] == ["alerts.yml"]
