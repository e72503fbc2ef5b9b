"""The vocabulary of logs: what the code says is what docs/logging.md says, both ways."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
#: Keywords of the logger itself, and what stands for a mapping that is passed on.
NO_KEYS = {"exc_info", "stack_info"}
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass
class Said:
    """How the code logs an event."""

    levels: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def calls(source: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("log", "logger")
        and node.func.attr in LEVELS
    ]


def faults(source: str, *, events: set[str], keys: set[str]) -> list[str]:
    """What is wrong with the log calls of a module, by line."""
    wrong = []
    for call in calls(source):
        event = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
        names = {keyword.arg for keyword in call.keywords if keyword.arg} - NO_KEYS
        if not isinstance(event, str):
            wrong.append(f"{call.lineno}: the event is no literal, so nobody can look for it")
        elif not SNAKE.fullmatch(event) or event not in events:
            wrong.append(f"{call.lineno}: {event} is not in docs/logging.md")
        if len(call.args) > 1:
            wrong.append(f"{call.lineno}: what is said is a key, not a part of a sentence")
        wrong += [f"{call.lineno}: the key {name} is not in docs/logging.md" for name in sorted(names - keys)]
    return wrong


@cache
def modules() -> dict[str, str]:
    paths = (
        path for app in ("diamondhub", "catalog", "pricing", "ingest") for path in sorted((ROOT / app).rglob("*.py"))
    )
    return {
        str(path.relative_to(ROOT)): path.read_text()
        for path in paths
        if not {"tests", "migrations", "testing"} & set(path.parts)
    }


@cache
def said() -> dict[str, Said]:
    by_event: dict[str, Said] = {}
    for source in modules().values():
        for call in calls(source):
            if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.func, ast.Attribute):
                event = by_event.setdefault(str(call.args[0].value), Said())
                event.levels.add(call.func.attr)
                event.keys |= {keyword.arg for keyword in call.keywords if keyword.arg} - NO_KEYS
    return by_event


@cache
def documented() -> tuple[dict[str, list[str]], set[str]]:
    """The rows of the table of events, and the keys."""
    _, _, tables = (ROOT / "docs" / "logging.md").read_text().partition("\n## Events\n")
    events, _, keys = tables.partition("\n## Keys\n")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in events.splitlines() if line.startswith("| `")
    ]
    return {row[0].strip("`"): row[1:] for row in rows}, set(re.findall(r"^\| `(\w+)` \|", keys, re.MULTILINE))


def test_every_line_that_is_logged_has_a_known_event_and_known_keys() -> None:
    events, keys = documented()

    wrong = {path: faults(source, events=set(events), keys=keys) for path, source in modules().items()}

    assert {path: lines for path, lines in wrong.items() if lines} == {}


def test_the_page_says_of_every_event_the_levels_and_keys_that_it_has() -> None:
    events, keys = documented()

    told = {
        event: (set(re.findall(r"`(\w+)`", row[0])), set(re.findall(r"`(\w+)`", row[2])))
        for event, row in events.items()
    }

    assert told == {event: (how.levels, how.keys) for event, how in said().items()}
    assert keys == set().union(*(how.keys for how in said().values()))
    assert list(events) == sorted(events)


def test_what_is_logged_otherwise_is_noticed() -> None:
    source = """
log.info("Run moved")
log.warning(event)
log.error("run_moved", stone_number=1)
log.info("run_moved: %s", run)
log.info("run_moved", run_id=1)
"""

    assert [line.split(":")[0] for line in faults(source, events={"run_moved"}, keys={"run_id"})] == [
        "2",
        "3",
        "4",
        "5",
        "5",
    ]
