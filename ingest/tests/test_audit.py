"""The audit of feeds, runs and dead letters: what people change is kept, what goes on by itself is not, and no secret is."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from diamondhub.audit.acting import SYSTEM, acting
from diamondhub.audit.models import AuditEvent
from ingest import dead_letters, replaying, runs, tasks
from ingest.demo import empty_catalogue
from ingest.models import DeadLetter, Feed, Run
from ingest.models.plan import RunPlan
from ingest.tests import rows
from ingest.transitions import transition

pytestmark = pytest.mark.django_db


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def events(kind: str, **where: Any) -> list[AuditEvent]:
    """The newest first."""
    return list(AuditEvent.objects.filter(kind=kind, **where).order_by("-event_id"))


def signed_in() -> Client:
    browser = Client(headers={"X-Request-Id": "request-of-olga"})
    browser.force_login(User.objects.create_superuser("olga"))
    return browser


@pytest.fixture(autouse=True)
def _supplier_account(settings: Any) -> None:
    settings.NIVODA_ENDPOINT, settings.NIVODA_USERNAME, settings.NIVODA_PASSWORD = "http://127.0.0.1:9/", "u", "p"


def a_letter(**fields: Any) -> DeadLetter:
    return rows.dead_letter(rows.run(), **fields)


# --- feeds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["save", "bulk update", "sql"])
def test_what_changes_a_feed_is_an_event(how: str) -> None:
    feed = rows.feed()

    if how == "save":
        feed.delist_brake = 0.5
        feed.save()
    elif how == "bulk update":
        Feed.objects.filter(pk=feed.pk).update(delist_brake=0.5)
    else:
        sql(f"UPDATE ingest_feed SET delist_brake = 0.5 WHERE id = {feed.pk}")

    (event,) = events("ingest.feed")
    assert (event.what, event.object_id, event.before) == ("changed", feed.pk, {"delist_brake": 0.2})
    assert event.after["delist_brake"] == 0.5


def test_a_feeds_watermark_is_no_event() -> None:
    Feed.objects.update(watermark=Now())

    assert events("ingest.feed") == []


def test_a_schedule_is_an_event_without_what_the_database_notes_beside_it() -> None:
    Feed.objects.filter(slug="nivoda-natural").update(full_schedule="0 2 * * *")

    (event,) = events("ingest.feed")
    assert event.before == {"full_schedule": ""}


def test_an_edit_of_a_feed_in_the_admin_names_the_person_and_the_request() -> None:
    feed = rows.feed()
    browser = signed_in()
    page = browser.get(reverse("admin:ingest_feed_change", args=[feed.pk]))
    form = {name: value for name, value in page.context["adminform"].form.initial.items() if value is not None}

    browser.post(
        reverse("admin:ingest_feed_change", args=[feed.pk]),
        form | {"parameters": "{}", "enabled": "on", "name": "Renamed"},
    )

    event = events("ingest.feed")[0]
    assert (event.who, event.request_id, event.after["name"]) == ("olga", "request-of-olga", "Renamed")


def test_the_history_of_a_feed_is_on_its_page() -> None:
    feed = rows.feed()
    Feed.objects.filter(pk=feed.pk).update(enabled=False)
    browser = signed_in()

    page = browser.get(reverse("admin:ingest_feed_change", args=[feed.pk])).content.decode()
    history = browser.get(reverse("admin:ingest_feed_history", args=[feed.pk])).content.decode()

    assert f'href="{reverse("admin:ingest_feed_history", args=[feed.pk])}' in page
    assert "<b>enabled</b>: yes → no" in history


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("https://olga:hidden/hidden@lists.example/a.csv", "https://…@lists.example/a.csv"),
        ("https://lists.example/\\a/b.csv?token=hidden", "https://lists.example/\\a/b.csv?…"),
        ("https://lists.example/a.csv#hidden", "https://lists.example/a.csv#…"),
        ("https://olga:hidden@lists.example/a.csv", "https://…@lists.example/a.csv"),
        ("https://lists.example/a.csv?token=hidden", "https://lists.example/a.csv?…"),
        ('HTTPS://olga:hidden@lists.example/a.csv?x="hidden"&y=\\', "HTTPS://…@lists.example/a.csv?…"),
        ("https://lists.example/a.csv", "https://lists.example/a.csv"),
        ("lists/mail@example.csv?", "lists/mail@example.csv?"),
    ],
)
def test_no_password_or_token_of_an_address_is_kept(source: str, kept: str) -> None:
    feed = Feed.objects.create(
        slug="list", name="A list", adapter="pricelist", parameters={"source": source, "labgrown": True}
    )

    Feed.objects.filter(pk=feed.pk).update(parameters={"source": source, "labgrown": False})

    changed, created = events("ingest.feed", object_id=feed.pk)
    for event in (created.after, changed.after):
        assert event["parameters"]["source"] == kept
    assert changed.before is not None
    assert "hidden" not in str((changed.before, changed.after, created.after))


def test_a_new_password_is_an_event_that_does_not_tell_it() -> None:
    feed = Feed.objects.create(
        slug="list", name="A list", adapter="pricelist", parameters={"source": "https://a:one@x/"}
    )

    Feed.objects.filter(pk=feed.pk).update(parameters={"source": "https://a:two@x/"})

    page = signed_in().get(reverse("admin:ingest_feed_history", args=[feed.pk])).content.decode()
    assert "<b>a secret</b>: not kept → not kept" in page
    assert "a:one" not in page + str([event.after for event in events("ingest.feed")])


# --- runs ------------------------------------------------------------------------------------------------------------


def of_run(run: Run) -> list[tuple[str, str, str, str]]:
    """What happened to the run, who did it, by what means and why, the oldest first."""
    return [(one.what, one.who, one.via, one.reason) for one in reversed(events("ingest.run", object_id=run.pk))]


def test_what_somebody_does_with_a_run_is_an_event_and_what_tasks_do_is_not() -> None:
    with acting(SYSTEM, via="celery:ingest.tasks.advance"):
        run = rows.run()
        transition(run, "settling")
        transition(run, "in_review", held={"delist": 0.4})
    with acting("olga", via="POST /admin/ingest/run/1/approve/"):
        runs.approve_run(run.pk, actor="olga", reason="they were sold at a fair")
    runs.cancel_run(run.pk, actor="otto", reason="wrong list")

    assert of_run(run) == [
        ("changed", "olga", "POST /admin/ingest/run/1/approve/", "they were sold at a fair"),
        ("changed", "otto", "", "wrong list"),
    ]
    approved = events("ingest.run")[1]
    assert approved.before is not None
    assert (approved.before["state"], approved.before["held"]) == ("in_review", {"delist": 0.4})
    assert (approved.after["approved_by"], approved.after["approved"]) == ("olga", {"delist": 0.4})


def test_a_run_that_somebody_starts_is_an_event() -> None:
    with acting("petra (command line)", via="command start_run"):
        run = runs.start_run("nivoda-natural", kind="full", started_by="petra (command line)", reason="a new feed")

    assert of_run(run) == [("created", "petra (command line)", "command start_run", "a new feed")]


def test_a_run_that_a_schedule_starts_is_no_event() -> None:
    with acting(SYSTEM, via="celery:diamondhub.tasks.sweep"):
        run = runs.start_run("nivoda-natural", kind="full", started_by="schedule")

    assert of_run(run) == []


@pytest.mark.parametrize("state", ["failed", "ingesting"])
def test_a_retry_of_partitions_is_an_event_even_if_the_run_is_still_reading(state: str) -> None:
    run = rows.run(state=state)
    rows.partition(run, state="failed")
    before = len(of_run(run))

    runs.retry_partitions(run.pk, actor="olga")

    (event,) = events("ingest.run", object_id=run.pk)[: len(of_run(run)) - before]
    assert (event.who, event.reason, event.after["retries"]) == ("olga", "retry of 1 partitions", 1)


@pytest.mark.parametrize("how", ["bulk update", "sql"])
def test_a_state_that_is_written_past_all_code_is_an_event(how: str) -> None:
    run = rows.run()

    if how == "sql":
        sql(f"UPDATE ingest_run SET state = 'failed' WHERE id = {run.pk}")
    else:
        Run.objects.filter(pk=run.pk).update(state="failed")

    event = events("ingest.run", object_id=run.pk)[0]
    assert (event.what, event.after["state"]) == ("changed", "failed")
    assert event.who.endswith("(SQL)")


def test_leases_plans_and_summaries_of_a_run_are_no_events() -> None:
    run = rows.run()
    before = len(of_run(run))

    Run.objects.update(lease_token=7, due_at=Now(), plan=RunPlan(total=1), summary={"received": 1}, attempts=3)
    Run.objects.update(crashes=1, planning_failures=1)

    assert len(of_run(run)) == before


def test_the_history_of_a_run_is_on_its_page_and_names_person_reason_and_request() -> None:
    run = rows.run(state="ingesting")
    browser = signed_in()

    browser.post(reverse("admin:ingest_run_cancel", args=[run.pk]), {"reason": "wrong list"})

    event = events("ingest.run", object_id=run.pk)[0]
    assert (event.who, event.reason, event.request_id) == ("olga", "wrong list", "request-of-olga")
    page = browser.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()
    history = reverse("admin:ingest_run_history", args=[run.pk])
    assert f'href="{history}"' in page
    assert "wrong list" in browser.get(history).content.decode()
    listed = browser.get(reverse("admin:audit_auditevent_changelist"), {"q": f"run {run.pk}"}).content.decode()
    assert f"Run {run.pk}" in listed
    assert "wrong list" in listed


def test_runs_cannot_be_emptied_unseen_and_a_demo_throws_each_away_as_an_event() -> None:
    run = rows.run(started_by="demo")
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError, match="the audit would lose what happened"), transaction.atomic():
        sql("TRUNCATE ingest_run CASCADE")

    empty_catalogue()

    assert not Run.objects.exists()
    assert of_run(run)[-1][0] == "deleted"


# --- dead letters ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["save", "bulk update", "sql"])
def test_what_becomes_of_a_letter_is_an_event(how: str) -> None:
    letter = a_letter()

    if how == "save":
        letter.state = "parked"
        letter.save()
    elif how == "bulk update":
        DeadLetter.objects.update(state="parked")
    else:
        sql("UPDATE ingest_deadletter SET state = 'parked'")

    (event,) = events("ingest.deadletter")
    assert (event.what, event.object_id, event.before) == ("changed", letter.pk, {"state": "open"})


def test_a_letter_that_is_thrown_away_is_an_event_with_its_reason() -> None:
    letter = a_letter(reason="no price", state="discarded")
    pk = letter.pk

    sql("DELETE FROM ingest_deadletter")

    (event,) = events("ingest.deadletter")
    assert (event.what, event.object_id, event.after["reason"]) == ("deleted", pk, "no price")


@pytest.mark.parametrize("table", ["ingest_deadletter", "ingest_run CASCADE"])
def test_letters_cannot_be_emptied_unseen(table: str) -> None:
    a_letter()
    sql("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError, match="the audit would lose what happened"), transaction.atomic():
        sql(f"TRUNCATE {table}")

    assert DeadLetter.objects.count() == 1


def test_a_demo_empties_the_catalogue_and_every_letter_is_an_event() -> None:
    run = rows.run(started_by="demo")
    letters = {rows.dead_letter(run).pk for _ in range(2)}
    sql("SET CONSTRAINTS ALL IMMEDIATE")

    empty_catalogue()

    assert not DeadLetter.objects.exists()
    assert {event.object_id for event in events("ingest.deadletter", what="deleted")} == letters
    assert a_letter().pk == max(letters) + 1


def test_new_letters_and_attempts_in_vain_are_no_events() -> None:
    letter = a_letter()

    DeadLetter.objects.filter(pk=letter.pk).update(attempts=1, last_error="again", seen=2, reason="another")

    assert events("ingest.deadletter") == []


def test_no_payload_is_in_an_event() -> None:
    a_letter(payload='{"cost": "a secret of the supplier"}', last_error="a secret of the supplier")

    DeadLetter.objects.update(state="parked")
    DeadLetter.objects.all().delete()

    found = events("ingest.deadletter")
    assert len(found) == 2
    assert "a secret of the supplier" not in str([(event.before, event.after) for event in found])


def test_a_discarded_letter_says_who_and_why() -> None:
    letter = a_letter()

    dead_letters.discard(DeadLetter.objects.all(), actor="olga", reason="sold elsewhere")

    (event,) = events("ingest.deadletter")
    assert (event.object_id, event.who, event.reason) == (letter.pk, "olga", "sold elsewhere")
    assert event.before is not None
    assert event.before["state"] == "open"


def test_a_letter_discarded_in_the_admin_names_person_reason_and_request_and_shows_its_history() -> None:
    letter = a_letter()
    browser = signed_in()

    browser.post(reverse("admin:ingest_deadletter_discard", args=["letter", letter.pk]), {"reason": "sold elsewhere"})

    (event,) = events("ingest.deadletter")
    assert (event.who, event.reason, event.request_id) == ("olga", "sold elsewhere", "request-of-olga")
    page = browser.get(reverse("admin:ingest_deadletter_change", args=[letter.pk])).content.decode()
    history = reverse("admin:ingest_deadletter_history", args=[letter.pk])
    assert f'href="{history}"' in page
    assert "sold elsewhere" in browser.get(history).content.decode()


def test_a_replayed_letter_says_who_and_why() -> None:
    letter = a_letter(kind="message", payload='{"task": "ingest.tasks.advance", "args": [0]}')

    with acting("root (command line)", via="command replay_dead_letters", request_id="abc"):
        replaying.replay(replaying.select(letter=letter.pk), actor="root (command line)", why="after the fix")

    event = events("ingest.deadletter")[0]
    assert (event.who, event.via, event.reason) == (
        "root (command line)",
        "command replay_dead_letters",
        "after the fix",
    )


def test_what_a_task_closes_is_the_systems_doing(monkeypatch: pytest.MonkeyPatch) -> None:
    a_letter()
    monkeypatch.setattr("ingest.runs.advance", lambda _run: DeadLetter.objects.update(state="parked"), raising=True)

    tasks.advance.apply(args=(1,))

    (event,) = events("ingest.deadletter")
    assert (event.who, event.via) == ("system", "celery:ingest.tasks.advance")


def test_a_command_that_makes_a_feed_is_in_the_list() -> None:
    with acting("petra (command line)", via="command create_feed", request_id="abc"):
        call_command(
            "shell",
            command="from ingest.models import Feed; Feed.objects.create(slug='x', name='x', adapter='pricelist')",
        )

    (event,) = events("ingest.feed")
    assert (event.what, event.who, event.via) == ("created", "petra (command line)", "command create_feed")
