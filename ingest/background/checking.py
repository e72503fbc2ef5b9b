"""The invariants checked in the background; what does not hold is a problem until a check finds that it does."""

from __future__ import annotations

from itertools import islice
from time import monotonic
from typing import Any

from django.db import transaction
from django.urls import reverse

from diamondhub.admin.display import NOTHING, Table, badge
from diamondhub.operations.jobs import Running
from diamondhub.operations.problems import kinds, tracking
from ingest import invariants

#: What breaks a rule is kept up to this number.
MAX_PROBLEMS = 20
#: The kind of problem that a broken rule is.
BROKEN = "invariant-broken"


def _to_the_jobs(_about: str) -> str:
    return f"{reverse('admin:operations_job_changelist')}?kind=invariants"


def _ask(_about: str) -> str:
    return reverse("admin:operations_job_ask", args=["invariants"])


BROKEN_INVARIANT = kinds.Kind(
    BROKEN,
    "An invariant does not hold",
    kinds.Severity.CRITICAL,
    found="a check of the invariants that somebody asked for in the admin found what must never be",
    ends="the next check finds that the rule holds",
    permission="ingest.view_run",
    link=_to_the_jobs,
    buttons=(kinds.Button("Check again", _ask, "ingest.change_run", acts=True),),
)


def check(running: Running) -> dict[str, Any] | None:
    """Check the invariants one after another; what does not hold is a problem until it does."""
    done: list[dict[str, Any]] = list(running.memo.get("checks", []))
    known = {entry["number"] for entry in done}
    for rule, find in invariants.CHECKS.items():
        if rule in known:
            continue
        if running.slice_is_over:
            return None
        running.tell(len(done) / len(invariants.CHECKS), f"checks: {invariants.RULES[rule]}", {"checks": done})
        began = monotonic()
        problems = list(islice(find(), MAX_PROBLEMS + 1))
        done.append(
            {
                "number": rule,
                "rule": invariants.RULES[rule],
                "problems": problems[:MAX_PROBLEMS],
                "more": len(problems) > MAX_PROBLEMS,
                "seconds": round(monotonic() - began, 2),
            }
        )
    with transaction.atomic():
        running.tell(1.0, "checked", {"checks": done})
        for entry in done:
            _remember(entry)
    return {"checks": done, "broken": sum(bool(entry["problems"]) for entry in done)}


def _remember(entry: dict[str, Any]) -> None:
    about = f"invariant:{entry['number']}"
    if not entry["problems"]:
        tracking.resolve(BROKEN, about, why="a check found that it holds again")
        return
    tracking.occurred(
        BROKEN,
        about,
        subject=f"Invariant {entry['number']} does not hold: {entry['problems'][0]}",
        details={"rule": entry["rule"], "problems": entry["problems"], "more": entry["more"]},
    )


def in_words(result: dict[str, Any]) -> str:
    """How many rules hold."""
    checks, broken = len(result["checks"]), result["broken"]
    if not broken:
        return f"all {checks} rules hold"
    numbers = ", ".join(str(entry["number"]) for entry in result["checks"] if entry["problems"])
    return f"{broken} of {checks} rules do not hold: {numbers}"


def tables(result: dict[str, Any]) -> list[Table]:
    """Each rule, and what breaks it."""
    return [
        Table(
            "Rules",
            ["No.", "Rule", "State", "Took", "What breaks it"],
            [
                [
                    entry["number"],
                    entry["rule"],
                    badge("failed", "broken") if entry["problems"] else badge("completed", "holds"),
                    f"{entry['seconds']:.1f} s",
                    "; ".join([*entry["problems"], *(["and more"] if entry["more"] else [])]) or NOTHING,
                ]
                for entry in result["checks"]
            ],
        )
    ]
