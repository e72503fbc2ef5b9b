"""Problems in the admin: who sees which, what the page says, and its buttons."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from diamondhub.operations.models import Problem, ProblemEvent
from diamondhub.operations.problems import kinds, reading, runbooks, tracking
from diamondhub.operations.problems.kinds import Severity
from diamondhub.operations.tests.problems import DRAUGHT, LEAK

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still_banner")]


@pytest.fixture(autouse=True)
def _two_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_kinds", {**kinds._kinds, "leak": LEAK, "draught": DRAUGHT})


def person(*permissions: str) -> User:
    user = User.objects.create_user("petra", password="x", is_staff=True)
    for permission in permissions:
        app, _, codename = permission.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return User.objects.get(pk=user.pk)


def signed_in(*permissions: str) -> Client:
    http = Client()
    http.force_login(person(*permissions))
    return http


def leak(**told: Any) -> Problem:
    return tracking.occurred("leak", "pipe:1", **{"subject": "Water comes from pipe 1", **told})


def page(problem: Problem) -> str:
    return f"/admin/operations/problem/{problem.pk}/change/"


def test_the_list_has_what_needs_somebody_first_and_the_worst_at_the_top(admin_client: Client) -> None:
    for about, severity in (("a", "info"), ("b", "critical"), ("c", "warning"), ("d", "critical")):
        tracking.occurred("leak", about, subject=f"Leak {about}", severity=Severity(severity))
    tracking.resolve("leak", "d", why="mended")

    shown = admin_client.get("/admin/operations/problem/").content.decode()

    places = [shown.index(f"Leak {about}") for about in "bcad"]
    assert places == sorted(places)
    unresolved = admin_client.get("/admin/operations/problem/?state=unresolved").content.decode()
    assert "Leak d" not in unresolved
    assert "Leak b" in unresolved
    assert "Leak" not in admin_client.get("/admin/operations/problem/?kind=draught").content.decode()


def test_the_list_of_many_problems_is_read_by_an_index(admin_client: Client) -> None:
    Problem.objects.bulk_create(
        Problem(
            kind="leak",
            about=f"pipe:{number}",
            subject=f"Leak {number}",
            severity="warning",
            state="resolved",
            first_seen_at="2026-01-01T00:00:00Z",
            last_seen_at="2026-01-01T00:00:00Z",
        )
        for number in range(3_000)
    )
    leak()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE operations_problem")

    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert admin_client.get("/admin/operations/problem/").status_code == 200

    rows = next(query["sql"] for query in asked if "operations_problem" in query["sql"] and '"subject"' in query["sql"])
    assert len(asked) <= 15
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {rows}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "problem_by_place" in plan
    assert "Seq Scan" not in plan


def test_people_see_the_problems_of_their_own_work() -> None:
    problem = leak()
    tracking.occurred("sign-in-refused", "account:nivoda", subject="The supplier refuses us")
    http = signed_in("ingest.view_feed")

    shown = http.get("/admin/operations/problem/").content.decode()

    assert "The supplier refuses us" in shown
    assert "Water" not in shown
    assert http.get(page(problem)).status_code == 302
    assert http.get("/admin/operations/problem/runbook/sign-in-refused/").status_code == 200
    petra = User.objects.get(username="petra")
    assert [shown.kind for shown in reading.unresolved_for(petra)] == ["sign-in-refused"]
    assert reading.counts_for(petra) == {"critical": 1}


def test_what_a_person_may_see_is_read_in_one_query_the_worst_first_and_bounded() -> None:
    for number in range(30):
        tracking.occurred("draught", f"window:{number}", subject="A draught")
    leak(severity=Severity.CRITICAL)
    boss = User(username="boss", is_active=True, is_superuser=True)

    with CaptureQueriesContext(connection) as asked:
        shown = reading.unresolved_for(boss)

    assert len(asked) == 1
    assert len(shown) == reading.MAX_SHOWN
    assert shown[0].kind == "leak"
    assert reading.counts_for(boss) == {"critical": 1, "info": 30}


def test_who_takes_care_of_a_problem_says_until_when() -> None:
    problem = leak()
    http = signed_in("operations.view_problem", "operations.change_problem")

    answer = http.post(
        f"/admin/operations/problem/{problem.pk}/acknowledge/", {"until": "4h", "reason": "I am on it"}, follow=True
    )

    problem.refresh_from_db()
    assert (problem.state, problem.acknowledged_by) == ("acknowledged", "petra")
    assert "petra takes care of it" in answer.content.decode()
    assert ProblemEvent.objects.get(what="acknowledged").note == "I am on it"


def test_who_takes_care_of_a_problem_leaves_it_again_by_a_button() -> None:
    problem = leak()
    http = signed_in("operations.view_problem", "operations.change_problem")
    label = "Nobody takes care of it any more"
    before = http.get(page(problem)).content.decode()
    http.post(f"/admin/operations/problem/{problem.pk}/acknowledge/", {"until": "4h"})
    during = http.get(page(problem)).content.decode()

    http.post(f"/admin/operations/problem/{problem.pk}/take-back/")
    again = http.post(f"/admin/operations/problem/{problem.pk}/take-back/", follow=True)

    problem.refresh_from_db()
    assert (problem.state, problem.acknowledged_by) == ("open", "")
    assert label in during
    assert label not in before
    assert "nobody takes care of the problem" in again.content.decode()
    assert http.get(f"/admin/operations/problem/{problem.pk}/take-back/").status_code == 405


@pytest.mark.parametrize("until", ["", "for ever", "1h\0"])
def test_nobody_takes_care_of_a_problem_for_ever(until: str) -> None:
    problem = leak()
    http = signed_in("operations.view_problem", "operations.change_problem")

    http.post(f"/admin/operations/problem/{problem.pk}/acknowledge/", {"until": until})

    problem.refresh_from_db()
    assert problem.state == "open"


def test_a_problem_of_events_is_resolved_by_hand_for_a_reason_and_one_that_is_looked_at_is_not() -> None:
    problem, felt = leak(), tracking.occurred("draught", "window:1", subject="A draught")
    http = signed_in("operations.view_problem", "operations.change_problem")

    def resolve(which: Problem, reason: str) -> str:
        http.post(f"/admin/operations/problem/{which.pk}/resolve/", {"reason": reason})
        which.refresh_from_db()
        return which.state

    assert resolve(problem, " ") == "open"
    assert resolve(felt, "I feel nothing") == "open"
    assert resolve(problem, "it was rain") == "resolved"
    assert (problem.resolved_by, problem.resolved_why) == ("petra", "it was rain")
    assert "it was rain" in http.get(page(problem)).content.decode()


def test_buttons_are_posts_and_shown_to_whom_they_are_for() -> None:
    problem = leak()
    http = signed_in("operations.view_problem")

    shown = http.get(page(problem)).content.decode()

    assert "/pipes/pipe:1/mend" not in shown
    assert "Acknowledge" not in shown
    for deed in ("acknowledge", "resolve"):
        address = f"/admin/operations/problem/{problem.pk}/{deed}/"
        assert http.get(address).status_code == 405
        assert http.post(address, {"until": "1h", "reason": "x"}).status_code == 403
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    shown = boss.get(page(problem)).content.decode()
    assert '<form method="post" action="/pipes/pipe:1/mend"' in shown


def test_a_run_book_is_shown_without_trusting_it() -> None:
    shown = runbooks.as_html(
        "# Title\n\nA `code` and **bold** <script>x</script> [a](/admin/) [b](run-failed.md) [c](javascript:x)\n\n"
        "- one\n  more\n- two\n\n1. first\n2. second\n\n```sh\npython3 manage.py <x>\n```\n"
    )

    assert "<h2>Title</h2>" in shown
    assert "<code>code</code> and <strong>bold</strong> &lt;script&gt;" in shown
    assert '<a class="dh-link" href="/admin/">a</a>' in shown
    assert '<a class="dh-link" href="../run-failed/">b</a>' in shown
    assert "javascript" not in shown
    assert "<ul><li>one more</li><li>two</li></ul>" in shown
    assert "<ol><li>first</li><li>second</li></ol>" in shown
    assert '<pre class="dh-code">python3 manage.py &lt;x&gt;</pre>' in shown


@pytest.mark.parametrize("name", ["nothing", "../../README", "run_failed", "..%2f..%2fREADME"])
def test_there_are_no_other_files_by_the_name_of_run_books(admin_client: Client, name: str) -> None:
    assert runbooks.text_of(name) is None
    assert admin_client.get(f"/admin/operations/problem/runbook/{name}/").status_code in (302, 404)


def test_problems_are_listed_acknowledged_and_resolved_by_command(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("problems")
    assert "nothing is wrong" in capsys.readouterr().out
    problem = leak()

    call_command("problems")
    call_command("problems", str(problem.pk), "--acknowledge", "4h", "--note", "mine")
    call_command("problems", str(problem.pk), "--take-back")
    with pytest.raises(CommandError, match="nobody takes care"):
        call_command("problems", str(problem.pk), "--take-back")
    call_command("problems", str(problem.pk), "--resolve", "--reason", "it was rain")

    said = capsys.readouterr().out
    assert "Water comes from pipe 1" in said
    assert "takes care of it until" in said
    assert "resolved: it was rain" in said
    with pytest.raises(CommandError, match="resolved already"):
        call_command("problems", str(problem.pk), "--resolve", "--reason", "again")
    with pytest.raises(CommandError, match="takes a time up to 7d"):
        call_command("problems", str(problem.pk), "--acknowledge", "for ever")
    missing = str(problem.pk + 1)
    with pytest.raises(CommandError, match=f"no problem {missing}"):
        call_command("problems", missing)
