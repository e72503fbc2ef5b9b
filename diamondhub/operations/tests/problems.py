"""Kinds of problems that are there for tests alone."""

from __future__ import annotations

import pytest

from diamondhub.operations.problems import kinds, looking, tracking
from diamondhub.operations.problems.kinds import Button, Kind, Severity
from diamondhub.operations.problems.tracking import News

LEAK = Kind(
    "leak",
    "A leak",
    Severity.WARNING,
    found="somebody saw water",
    ends="somebody mends the pipe",
    permission="operations.view_problem",
    link=lambda target: f"/pipes/{target}",
    buttons=(Button("Mend", lambda target: f"/pipes/{target}/mend", "operations.change_problem", acts=True),),
    by_hand=True,
)
DRAUGHT = Kind(
    "draught",
    "A draught",
    Severity.INFO,
    found="a look feels it",
    ends="by itself",
    permission="operations.view_problem",
)


@pytest.fixture
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two more kinds."""
    monkeypatch.setattr(kinds, "_kinds", {**kinds._kinds, "leak": LEAK, "draught": DRAUGHT})


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[News]:
    """All that listeners are told; nobody else listens."""
    told: list[News] = []
    monkeypatch.setattr(tracking, "_listeners", [told.append])
    return told


@pytest.fixture
def _no_lookouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No looks but those that the test registers."""
    monkeypatch.setattr(looking, "_lookouts", {})


def looked_at(*kind_names: str) -> None:
    """Take the looks for these kinds now, whenever they are due."""
    for lookout in looking.lookouts():
        if {*lookout.kinds} & {*kind_names}:
            looking.take(lookout)
