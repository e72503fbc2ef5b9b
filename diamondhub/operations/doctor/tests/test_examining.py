"""Examinations: checks are bounded and alone, results are kept and shown, problems follow from them and end."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diamondhub.operations import retention
from diamondhub.operations.doctor import checks, examining
from diamondhub.operations.doctor.checks import Check, Finding, Said
from diamondhub.operations.models import Examination, Problem
from diamondhub.operations.problems import kinds, looking
from diamondhub.operations.problems.kinds import Severity
from diamondhub.tests.patience import HANG_SECONDS

PAGE = "admin:operations_examination_changelist"


def check_saying(name: str, *said: Said, seconds: float = 5.0) -> Check:
    return Check(name, f"Is {name} well?", lambda: said, seconds)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Check]:
    """A table of checks of the test's own."""
    own: dict[str, Check] = {}
    monkeypatch.setattr(checks, "_checks", own)
    return own


def put(table: dict[str, Check], *made: Check) -> None:
    table.clear()
    table.update({check.name: check for check in made})


WARNING = Finding("It rusts.", "Oil it.")
CRITICAL = Finding("It burns.", "Run.", Severity.CRITICAL)
TO_KNOW = Finding("It is blue.", "Nothing.", Severity.INFO)


# --- asking ------------------------------------------------------------------------------------------------------------


def test_a_check_that_fails_is_a_finding_without_secrets_and_the_others_are_asked(settings: Any) -> None:
    settings.NIVODA_PASSWORD = "of the supplier alone"

    def broken() -> Iterator[Said]:
        yield "begun"
        raise ValueError("cannot sign in with of the supplier alone")

    results = examining.examine([Check("broken", "?", broken), check_saying("well", "all is well")])

    (finding,) = results[0].findings
    assert "ValueError: cannot sign in" in finding.words
    assert "of the supplier alone" not in json.dumps([result.as_json() for result in results])
    assert results[1].notes == ["all is well"]


def test_a_check_that_hangs_is_given_up_and_holds_no_other_up() -> None:
    leave = threading.Event()

    def hanging() -> Iterator[Said]:
        leave.wait(HANG_SECONDS)
        yield CRITICAL

    names = [f"hangs {number}" for number in range(examining.AT_ONCE + 1)]
    hang = [Check(name, "?", hanging, 0.05) for name in names]
    results = examining.examine([*hang, check_saying("well", "all is well", seconds=30)])
    leave.set()

    assert [result.check.name for result in results] == [*names, "well"]
    assert all("within 0.05 s" in result.findings[0].words for result in results[:-1])
    assert results[-1].notes == ["all is well"]


def test_the_worst_finding_stands_first_and_gives_the_severity() -> None:
    (result,) = examining.examine([check_saying("boiler", TO_KNOW, WARNING, CRITICAL)])

    assert [finding.severity for finding in result.findings] == ["critical", "warning", "info"]
    assert examining.worst([result]) == "critical"
    assert examining.worst([]) is None


@pytest.mark.usefixtures("table")
def test_two_checks_of_one_name_are_told_at_the_start() -> None:
    checks.register("boiler", "?")(list)

    with pytest.raises(ImproperlyConfigured, match="two checks are called boiler"):
        checks.register("boiler", "?")(list)


def test_every_check_has_its_part_in_the_run_book() -> None:
    book = (project.BASE_DIR / checks.RUN_BOOK).read_text()
    parts = re.findall(r"^### (\S+)$", book, re.MULTILINE)

    assert sorted(parts) == [check.name for check in checks.table()]


@pytest.mark.parametrize("kind", ["doctor-finding", "backup-old"])
def test_the_kinds_have_their_run_books_and_pages(kind: str) -> None:
    declared = kinds.kind(kind)

    assert (Path(project.BASE_DIR) / "docs" / "runbooks" / f"{kind}.md").exists()
    assert declared.link is not None
    assert declared.link("anything") == reverse(PAGE)
    assert all(button.address("anything").startswith("/admin/") for button in declared.buttons)


# --- the command -------------------------------------------------------------------------------------------------------


def run_doctor(*arguments: str) -> tuple[int, Any]:
    out = StringIO()
    try:
        call_command("doctor", *arguments, "--json", stdout=out)
    except CommandError as error:
        return error.returncode, json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("said", "status"), [((), 0), ((TO_KNOW,), 0), ((WARNING,), 1), ((WARNING, CRITICAL), 2)])
def test_the_commands_status_follows_the_worst_finding(
    said: tuple[Finding, ...], status: int, table: dict[str, Check]
) -> None:
    put(table, check_saying("boiler", *said), check_saying("lift"))

    returned, told = run_doctor()

    assert (returned, told["status"]) == (status, status)
    assert [check["check"] for check in told["checks"]] == ["boiler", "lift"]
    assert Examination.objects.get().results == told["checks"]


@pytest.mark.django_db(transaction=True)
def test_only_some_checks_are_asked_in_words_and_that_is_not_kept(table: dict[str, Check]) -> None:
    put(table, check_saying("boiler", CRITICAL), check_saying("lift", "goes up", WARNING))
    out = StringIO()

    with pytest.raises(CommandError, match="1 finding, the worst is warning"):
        call_command("doctor", "--only", "lift", stdout=out)

    assert out.getvalue().splitlines() == [
        "WARNING  lift (goes up)",
        "         warning: It rusts.",
        "         → Oil it.",
    ]
    assert not Examination.objects.exists()


# --- examinations ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("one_hour")
def test_the_sweep_has_one_made_by_schedule_and_a_worker_makes_it(table: dict[str, Check]) -> None:
    put(table, check_saying("boiler", WARNING))

    examining.ring_due()
    examining.ring_due()
    examination = Examination.objects.get()
    too_early = examining.work(examination.pk)
    Examination.objects.update(due_at=timezone.now())
    made = examining.work(examination.pk)
    again = examining.work(examination.pk)

    examination.refresh_from_db()
    assert (too_early, made, again) == (False, True, False)
    assert (examination.state, examination.severity, examination.started_by) == ("completed", "warning", "schedule")


@pytest.mark.django_db(transaction=True)
def test_nothing_is_made_by_schedule_where_nobody_wants_it(settings: Any) -> None:
    settings.DOCTOR_SECONDS = 0

    examining.ring_due()

    assert not Examination.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_findings_are_problems_about_their_checks_which_end_when_they_are_mended(table: dict[str, Check]) -> None:
    lookout = next(look for look in looking.lookouts() if look.kinds == ("doctor-finding",))
    put(table, check_saying("boiler", WARNING, CRITICAL), check_saying("lift", TO_KNOW), check_saying("roof", WARNING))
    examining.keep(examining.examine(checks.table()), started_by="olga")
    looking.take(lookout)
    opened = list(Problem.objects.order_by("about").values_list("about", "severity", "state", "subject"))
    put(table, check_saying("boiler"), check_saying("lift"), check_saying("roof", WARNING))
    examining.keep(examining.examine(checks.table()), started_by="olga")

    looking.take(lookout)

    assert opened == [
        ("boiler", "critical", "open", "It burns. (and 1 more)"),
        ("roof", "warning", "open", "It rusts."),
    ]
    assert dict(Problem.objects.values_list("about", "state")) == {"boiler": "resolved", "roof": "open"}


@pytest.mark.django_db
def test_old_examinations_go_but_the_newest_stays() -> None:
    for days in (200, 100, 95):
        made = examining.keep([], started_by="olga")
        Examination.objects.filter(pk=made.pk).update(
            created_at=timezone.now() - timedelta(days=days), completed_at=timezone.now() - timedelta(days=days)
        )
    step = next(step for step in retention.steps() if step.name == "examinations")

    assert list(step.remove()) == [{"examinations": 2}]
    assert Examination.objects.get().pk == made.pk


# --- the page ----------------------------------------------------------------------------------------------------------


def browser_of(*codenames: str) -> Client:
    person = User.objects.create_user("olga", is_staff=True, password="a long enough one")
    person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    browser = Client()
    browser.force_login(person)
    return browser


@pytest.mark.django_db
def test_the_page_shows_findings_with_what_to_do_and_escapes_what_it_is_told() -> None:
    evil = Finding("<script>alert(1)</script>", "Look & see.", Severity.CRITICAL)
    examining.keep(
        [
            examining.Result(check_saying("boiler"), [evil]),
            examining.Result(check_saying("lift"), ["goes up"]),
        ],
        started_by="igor",
    )

    shown = browser_of("view_examination").get(reverse(PAGE)).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "Look &amp; see." in shown
    assert "igor" in shown
    assert "goes up" in shown
    assert "Look again" not in shown


@pytest.mark.django_db
def test_an_earlier_look_has_its_page_and_one_that_is_gone_leads_back() -> None:
    kept = examining.keep([examining.Result(check_saying("boiler"), [WARNING])], started_by="igor")
    browser = browser_of("view_examination")

    shown = browser.get(reverse("admin:operations_examination_change", args=[kept.pk])).content.decode()
    gone = browser.get(reverse("admin:operations_examination_change", args=[kept.pk + 1]))

    assert "It rusts." in shown
    assert gone.headers["Location"] == reverse(PAGE)


@pytest.mark.django_db(transaction=True)
def test_the_button_looks_again_without_a_worker(table: dict[str, Check]) -> None:
    put(table, check_saying("boiler", WARNING))
    browser = browser_of("view_examination", "add_examination")

    answer = browser.post(reverse("admin:operations_examination_look"))
    _wait_until(lambda: Examination.objects.filter(state="completed").exists())

    assert answer.headers["Location"] == reverse(PAGE)
    assert Examination.objects.get().started_by == "olga"
    assert "It rusts." in browser.get(reverse("admin:operations_examination_live")).content.decode()


def _wait_until(true: Callable[[], bool]) -> None:
    from time import monotonic, sleep

    deadline = monotonic() + 30
    while not true():
        assert monotonic() < deadline
        sleep(0.02)


@pytest.mark.django_db
def test_who_may_not_see_or_look_is_refused_and_a_get_never_looks() -> None:
    nobody, looker = browser_of(), "admin:operations_examination_look"
    refused = nobody.get(reverse(PAGE)).status_code
    User.objects.all().delete()
    browser = browser_of("view_examination")

    assert refused == 403
    assert browser.post(reverse(looker)).status_code == 403
    assert browser.get(reverse(looker)).status_code == 405
    assert not Examination.objects.exists()


@pytest.mark.django_db
def test_what_has_a_kind_of_its_own_opens_no_second_problem(table: dict[str, Check]) -> None:
    told = Check("backup", "?", lambda: [CRITICAL], told_as=("backup-old",))
    put(table, told, check_saying("boiler", WARNING))

    examining.keep([examining.ask(check) for check in checks.table()], started_by="olga")

    assert [wrong.about for wrong in examining.look()] == ["boiler"]
