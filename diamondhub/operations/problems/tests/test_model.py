"""Problems against a plain model of them: whatever is done to them in whatever order, both tell the same story."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diamondhub.database import clock
from diamondhub.operations.models import Problem, ProblemEvent, ProblemReport
from diamondhub.operations.problems import tracking
from diamondhub.operations.problems.kinds import Severity

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_kinds")]

RANKS = list(Severity)


@dataclass
class Model:
    """One problem as one would explain it."""

    state: str = "none"
    severity: Severity = Severity.INFO
    episode: int = 0
    occurrences: int = 0
    acknowledged: bool = False
    over: bool = False
    story: list[str] = field(default_factory=list)

    def occurred(self, severity: Severity, times: int) -> None:
        if self.state in ("none", "resolved"):
            self.story.append("opened" if self.state == "none" else "reopened")
            self.state, self.severity, self.occurrences = "open", severity, max(1, times)
            self.episode += 1
            return
        self.occurrences += times
        if RANKS.index(severity) > RANKS.index(self.severity):
            self.severity, self.state = severity, "open"
            self.story.append("worsened")

    def resolve(self) -> None:
        if self.state in ("open", "acknowledged"):
            self.state = "resolved"
            self.story.append("resolved")

    def acknowledge(self) -> None:
        if self.state in ("open", "acknowledged"):
            self.state, self.over = "acknowledged", False
            self.story.append("acknowledged")

    def time_passes(self) -> None:
        self.over = self.over or self.state == "acknowledged"

    def sweep(self) -> None:
        if self.state == "acknowledged" and self.over:
            self.state = "open"
            self.story.append("acknowledgement_ended")


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("occurs"), st.sampled_from(RANKS), st.integers(0, 3)),
        st.tuples(st.just("reported"), st.sampled_from(RANKS), st.integers(0, 3)),
        st.tuples(st.just("resolve reported")),
        st.tuples(st.just("resolve")),
        st.tuples(st.just("acknowledge")),
        st.tuples(st.just("time passes")),
        st.tuples(st.just("sweep")),
    ),
    max_size=14,
)


def report(monkeypatch: pytest.MonkeyPatch, record: object) -> None:
    """Record something while another transaction is at the problem."""
    with monkeypatch.context() as busy:
        busy.setattr(tracking, "_locked", lambda _kind, _about: False)
        record()  # type: ignore[operator]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_a_problem_goes_the_way_that_a_plain_model_goes(
    steps: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model()
    with transaction.atomic():
        for step, *with_ in steps:
            take(step, with_, model, monkeypatch)
        # What was reported is written down in the end.
        tracking.tidy()
        model.sweep()

        problem = Problem.objects.filter(kind="leak", about="pipe:1").first()
        story = list(ProblemEvent.objects.order_by("pk").values_list("what", flat=True))
        left = ProblemReport.objects.count()
        transaction.set_rollback(True)

    assert left == 0
    assert story == model.story
    if problem is None:
        assert model.state == "none"
        return
    assert (problem.state, problem.severity) == (model.state, model.severity)
    assert (problem.episode, problem.occurrences) == (model.episode, model.occurrences)


def take(step: object, with_: list[object], model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def occurs() -> None:
        severity, times = with_
        tracking.occurred("leak", "pipe:1", subject="Water", severity=severity, times=times)  # type: ignore[arg-type]

    def resolves() -> None:
        tracking.resolve("leak", "pipe:1", why="mended")

    match step:
        case "occurs" | "reported":
            report(monkeypatch, occurs) if step == "reported" else occurs()
            model.occurred(*with_)  # type: ignore[arg-type]
        case "resolve" | "resolve reported":
            report(monkeypatch, resolves) if step == "resolve reported" else resolves()
            model.resolve()
        case "acknowledge":
            tracking.write_reports()
            problem = Problem.objects.filter(kind="leak").first()
            if problem is not None and problem.state != "resolved":
                tracking.acknowledge(problem.pk, by="olga", until=clock() + timedelta(hours=1))
            model.acknowledge()
        case "time passes":
            tracking.write_reports()
            Problem.objects.update(acknowledged_until=F("acknowledged_until") - timedelta(hours=2))
            model.time_passes()
        case _:
            tracking.tidy()
            model.sweep()
