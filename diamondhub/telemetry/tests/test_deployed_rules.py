"""Dashboards and rules under `deploy/`: every metric and label that they name exists, and rules fire when they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from diamondhub.telemetry import process_metrics, state_metrics

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
PROMTOOL = shutil.which("promtool") or ""
#: Words of PromQL that the files use, and that are no metrics.
WORDS = {
    *(
        "sum",
        "max",
        "rate",
        "absent",
        "absent_over_time",
        "histogram_quantile",
        "increase",
        "max_over_time",
        "by",
        "or",
        "and",
        "unless",
    ),
    *("s", "m", "h"),
}
#: Labels that are added to those that are declared: by our own collecting, by histograms, by Prometheus.
ADDED = {"program", "le", "instance", "job"}


def labels_by_name() -> dict[str, set[str]]:
    known = {gauge.name: set(gauge.labels) for gauge in state_metrics.declared()}
    for name, declared in process_metrics.DECLARED.items():
        forms = [f"{name}_bucket", f"{name}_sum", f"{name}_count"] if declared.buckets else [name]
        known |= {form: {*declared.labels, *ADDED} for form in forms}
    return known | {name: {"instance", "job"} for name in process_metrics.ASKED}


def of_dashboards() -> Iterator[tuple[str, str]]:
    for path in sorted((DEPLOY / "grafana").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.name}: {panel['title']}", target["expr"]


def expressions() -> Iterator[tuple[str, str]]:
    yield from of_dashboards()
    for group in rules()["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def rules() -> Any:
    return yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())


def faults(expression: str) -> list[str]:
    """What is wrong with the names of a PromQL expression."""
    known = labels_by_name()
    bare = re.sub(r'"[^"]*"', '""', expression)
    wrong = [f"brackets of {expression}"] * any(bare.count(a) != bare.count(b) for a, b in ("()", "[]", "{}"))
    named = set(re.findall(r"\bdiamondhub_\w+", bare))
    wrong += sorted(named - set(known))
    allowed = set().union(*(known[name] for name in named & set(known)))
    grouped = {label.strip() for labels in re.findall(r"\bby \(([^)]*)\)", bare) for label in labels.split(",")}
    matched = {
        label for labels in re.findall(r"\{([^}]*)\}", bare) for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels)
    }
    wrong += sorted((grouped | matched) - allowed)
    rest = re.sub(r"\bby \([^)]*\)|\{[^}]*\}|\[[^\]]*\]|diamondhub_\w+", " ", bare)
    return wrong + sorted(set(re.findall(r"[a-z_]+", rest)) - WORDS)


@pytest.mark.parametrize(("where", "expression"), [pytest.param(*each, id=each[0]) for each in expressions()])
def test_every_metric_and_label_of_dashboards_and_rules_exists(where: str, expression: str) -> None:
    assert faults(expression) == [], where


@pytest.mark.parametrize(
    "expression",
    [
        "sum(diamondhub_http_request_total)",
        "sum by (run) (diamondhub_live_runs)",
        'diamondhub_problems{stone="x"}',
        "avarage(diamondhub_live_runs)",
        "sum(diamondhub_live_runs",
        "rate(diamondhub_batch_seconds[5m])",
    ],
)
def test_an_expression_that_would_show_nothing_is_noticed(expression: str) -> None:
    assert faults(expression)


def test_labels_of_messages_are_those_that_the_expressions_keep() -> None:
    for group in rules()["groups"]:
        for rule in group["rules"]:
            used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
            named = set(re.findall(r"\bdiamondhub_\w+", rule["expr"]))
            grouped = re.findall(r"\bby \(([^)]*)\)", rule["expr"])
            known = labels_by_name()
            kept = (
                set(re.findall(r"\w+", " ".join(grouped))) if grouped else set().union(*(known[name] for name in named))
            )
            assert used <= kept, rule["alert"]
            assert rule["labels"]["severity"] in ("critical", "warning")


def selections(expression: str, name: str) -> list[str]:
    """The matchers that an expression has for metrics whose names begin so; "" where it has none."""
    return [match or "" for match in re.findall(rf"\b{name}\w*(?:\{{([^}}]*)\}})?", expression)]


def selects(matchers: str, label: str, value: str) -> bool:
    """Whether matchers let a value of a label through, as Prometheus does."""
    for of, operator, pattern in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', matchers):
        is_equal = re.fullmatch(pattern, value) is not None if "~" in operator else pattern == value
        if of == label and is_equal == operator.startswith("!"):
            return False
    return True


@pytest.mark.parametrize(("where", "expression"), [pytest.param(*each, id=each[0]) for each in expressions()])
def test_probes_are_left_out_and_refusals_do_not_drown_latencies(where: str, expression: str) -> None:
    for matchers in selections(expression, "diamondhub_http_request"):
        assert not selects(matchers, "endpoint", "health"), where
        assert not selects(matchers, "endpoint", "metrics"), where
    for matchers in selections(expression, "diamondhub_http_request_seconds_bucket"):
        assert selects(matchers, "outcome", "answered"), where
        assert not selects(matchers, "outcome", "refused"), where
        assert not selects(matchers, "outcome", "limited"), where


def test_panels_that_are_empty_while_all_is_well_say_so_and_quantiles_of_nothing_are_left_out() -> None:
    for path in sorted((DEPLOY / "grafana").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            asked = [target["expr"] for target in panel["targets"]]
            if all(expression.endswith(" > 0") for expression in asked):
                assert panel["fieldConfig"]["defaults"]["noValue"] == "none", panel["title"]
            for expression in asked:
                by = re.search(r"^histogram_quantile\(.*sum by \(le, ", expression)
                assert not by or expression.endswith(" >= 0"), panel["title"]


def test_ranges_of_dashboards_follow_the_zoom_and_those_of_rules_are_their_own() -> None:
    bare = [re.sub(r'"[^"]*"', '""', expression) for _, expression in of_dashboards()]
    ranges = {found for expression in bare for found in re.findall(r"\[([^\]]*)\]", expression)}

    assert ranges == {"$__rate_interval"}
    assert not any("$" in rule["expr"] for group in rules()["groups"] for rule in group["rules"])


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed")
@pytest.mark.parametrize("work", [["check", "rules", "alerts.yml"], ["check", "config", "prometheus.yml"]])
def test_prometheus_takes_what_is_deployed(work: list[str]) -> None:
    said = subprocess.run([PROMTOOL, *work], cwd=DEPLOY / "prometheus", capture_output=True, text=True, check=False)

    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed")
def test_prometheus_understands_what_dashboards_ask(tmp_path: Path) -> None:
    asked = [
        {"record": f"of:{place}", "expr": expression.replace("$__rate_interval", "2m")}
        for place, (_, expression) in enumerate(of_dashboards())
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": asked}]}))

    said = subprocess.run([PROMTOOL, "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True)

    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed")
def test_rules_fire_when_they_should_and_not_otherwise(tmp_path: Path) -> None:
    cases = yaml.safe_load((Path(__file__).parent / "alerts_test.yml").read_text())
    (tmp_path / "test.yml").write_text(
        yaml.safe_dump({**cases, "rule_files": [str(DEPLOY / "prometheus" / "alerts.yml")]})
    )

    said = subprocess.run([PROMTOOL, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True)

    assert said.returncode == 0, said.stdout + said.stderr


def test_every_metric_is_on_a_dashboard_or_in_a_rule() -> None:
    shown = " ".join(expression for _, expression in expressions())
    names = [*process_metrics.DECLARED, *process_metrics.ASKED, *(gauge.name for gauge in state_metrics.declared())]

    assert [name for name in names if name not in shown] == []
