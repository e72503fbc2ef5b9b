"""The gate: it stands first, its steps are in their order, all of them, and what they refuse comes in that order."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.core.signals import got_request_exception
from django.http import HttpResponse, HttpResponseBase
from django.test import Client, RequestFactory
from django.utils.module_loading import import_string

from diamondhub.access import address_limit, failures, gate
from diamondhub.access.clients import create_client
from diamondhub.access.gate import Gate, Place, Step, Visit, problems_of_order
from diamondhub.access.keys import generate
from diamondhub.access.throttles.buckets import Bucket, Verdict
from diamondhub.access.throttles.limits import Limit

GATE = "diamondhub.access.gate.Gate"
STEPS: list[type[Step]] = [import_string(name) for name in gate.STEPS]


def step_at(where: Place) -> type[Step]:
    return type("Anything", (Step,), {"place": where})


EVERY_STEP = [step_at(where) for where in Place]


def test_the_gate_as_it_is_stands_right() -> None:
    assert problems_of_order(settings.MIDDLEWARE, STEPS) == []


def test_a_gate_with_a_step_for_every_place_stands_right() -> None:
    assert problems_of_order([GATE], EVERY_STEP) == []


@pytest.mark.parametrize("pair", combinations(range(len(Place)), 2))
def test_every_two_steps_in_the_wrong_order_are_refused(pair: tuple[int, int]) -> None:
    first, second = pair
    steps = list(EVERY_STEP)
    steps[first], steps[second] = steps[second], steps[first]

    assert problems_of_order([GATE], steps)


@pytest.mark.parametrize("missing", Place)
def test_every_missing_step_is_refused_by_its_name(missing: Place) -> None:
    steps = [step for step in EVERY_STEP if step.place != missing]

    assert problems_of_order([GATE], steps) == [f"The gate lacks the step {missing.name}."]


@pytest.mark.parametrize("missing", Place)
def test_the_gate_as_it_is_lacks_none_of_its_steps(missing: Place) -> None:
    steps = [step for step in STEPS if step.place != missing]

    assert problems_of_order(settings.MIDDLEWARE, steps)


@pytest.mark.parametrize("doubled", Place)
def test_every_doubled_step_is_refused(doubled: Place) -> None:
    steps = [step for step in EVERY_STEP for _ in range(1 + (step.place == doubled))]

    assert problems_of_order([GATE], steps) == [f"The gate has the step {doubled.name} twice."]


@pytest.mark.parametrize(
    "middleware",
    [
        [],
        [name for name in settings.MIDDLEWARE if name != GATE],
        [settings.MIDDLEWARE[1], GATE, *settings.MIDDLEWARE[2:]],
        [*settings.MIDDLEWARE[1:], GATE],
        [GATE, *settings.MIDDLEWARE],
    ],
    ids=["nothing", "no gate", "second", "last", "twice"],
)
def test_a_gate_that_is_missing_misplaced_or_doubled_is_refused(middleware: list[str]) -> None:
    assert problems_of_order(middleware, STEPS)


def test_the_start_stops_where_the_gate_is_misplaced(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[1:], GATE]

    found = gate.check_order()

    assert [message.id for message in found] == ["access.E001"]
    assert all(message.is_serious() for message in found)
    with pytest.raises(SystemCheckError, match=r"access\.E001"):
        call_command("check")


@pytest.mark.parametrize(("middleware", "starts"), [("all", True), ("all[1:]", False), ("[*all[1:], all[0]]", False)])
def test_no_web_server_starts_where_the_gate_is_misplaced(middleware: str, starts: bool) -> None:
    program = (
        "from django.conf import settings; all = list(settings.MIDDLEWARE); "
        f"settings.MIDDLEWARE = {middleware}; import diamondhub.wsgi"
    )

    started = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)

    assert (started.returncode == 0) is starts, started.stderr
    assert ("access.E001" in started.stderr) is not starts


# --- what comes of a request ---------------------------------------------------------------------------------------


class Noting(Step):
    """Notes that it was begun and finished."""

    place = Place.REQUEST_ID

    def check(self, visit: Visit) -> None:
        visit.notes.setdefault("course", []).append("begun")

    def finish(self, visit: Visit, response: HttpResponseBase) -> None:
        visit.notes["course"].append(f"finished {response.status_code}")


class Faulty(Step):
    """Has a fault of its own."""

    place = Place.HEAD

    def check(self, visit: Visit) -> None:
        raise ZeroDivisionError


def test_a_step_with_a_fault_refuses_and_every_step_begun_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "STEPS", (f"{__name__}.Noting", f"{__name__}.Faulty"))
    request: Any = RequestFactory().get("/api/v1/diamonds")
    told: list[Any] = []
    got_request_exception.connect(lambda **about: told.append(about), weak=False, dispatch_uid="told")

    answer = Gate(lambda _request: HttpResponse())(request)
    got_request_exception.disconnect(dispatch_uid="told")

    assert answer.status_code == 500
    assert request.visit.notes["course"] == ["begun", "finished 500"]
    assert len(told) == 1


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "HEAD", "POST"])
@pytest.mark.parametrize("target", ["*", "x", "127.0.0.1:80"])
def test_a_target_without_a_slash_is_nobody_s_fault_but_the_client_s(method: str, target: str) -> None:
    answer = Client().generic(method, "/", PATH_INFO=target)

    assert 400 <= answer.status_code < 500


def test_pages_are_refused_as_pages_and_the_api_with_problems() -> None:
    http = Client(headers={"Host": "evil.example"})

    page, problem = http.get("/admin/login/"), http.get("/api/v1/diamonds")

    assert [page.status_code, problem.status_code] == [400, 400]
    assert page["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in page["Content-Security-Policy"]
    assert problem["Content-Type"] == "application/problem+json"
    for answer in (page, problem):
        assert answer["X-Request-Id"]
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cache-Control"] == "no-store"


#: Faults of one request, by the place that refuses it: what is sent, and the status.
FAULTS: dict[Place, tuple[dict[str, Any], int]] = {
    Place.ADDRESS_LIMIT: ({"REMOTE_ADDR": "203.0.113.77", "HTTP_X_API_KEY": "guess"}, 429),
    Place.HEAD: ({"HTTP_HOST": "evil.example"}, 400),
    Place.FAILED_SIGN_INS: ({"REMOTE_ADDR": "203.0.113.78", "HTTP_X_API_KEY": "guess"}, 429),
    Place.KEY: ({"HTTP_X_API_KEY": generate().text}, 401),
    Place.STATE: ({"HTTP_X_API_KEY": "revoked"}, 401),
    Place.BODY: ({"CONTENT_LENGTH": "900000"}, 413),
    Place.SCOPE: ({"HTTP_X_API_KEY": "without scope"}, 403),
}


@pytest.fixture
def texts() -> dict[str, str]:
    """Keys of every kind, by what `FAULTS` calls them."""
    from django.utils import timezone

    revoked = create_client("revoked", scopes=["pricing:edit"])
    revoked.key.revoked_at = timezone.now()
    revoked.key.save()
    return {
        "revoked": revoked.text,
        "without scope": create_client("reader", scopes=["catalog:read"]).text,
        "good": create_client("editor", scopes=["pricing:edit"]).text,
    }


def asked(faults: list[Place], texts: dict[str, str]) -> int:
    """The status of a request to make a draft that has these faults."""
    environ: dict[str, Any] = {"CONTENT_LENGTH": "2", "HTTP_X_API_KEY": "good"}
    for fault in sorted(faults, reverse=True):
        environ |= FAULTS[fault][0]
    environ["HTTP_X_API_KEY"] = texts.get(environ["HTTP_X_API_KEY"], environ["HTTP_X_API_KEY"])
    http = Client(raise_request_exception=False)
    return http.generic("POST", "/api/v1/rule-sets", b"{}", "application/json", **environ).status_code


@pytest.mark.django_db
@pytest.mark.parametrize("pair", combinations(FAULTS, 2), ids=lambda pair: " and ".join(place.name for place in pair))
def test_of_two_faults_the_one_that_is_looked_for_first_is_told(
    pair: tuple[Place, Place], texts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Bucket("anything", Limit("address", 1_000_000, 1))

    def take(address: str, **_presented: str) -> Verdict:
        return Verdict((), whole, wait=2.0) if address == "203.0.113.77" else Verdict(())

    monkeypatch.setattr(address_limit, "take_address", take)
    failures._blocked.add("203.0.113.78", 60)

    assert asked([], texts) not in {status for _, status in FAULTS.values()}
    assert asked(list(pair), texts) == FAULTS[pair[0]][1]
