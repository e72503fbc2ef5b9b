"""The admin's buttons: they do what they say, for whom may, by POST only, and say what went wrong in words."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from catalog.models import diamond_id
from ingest.models import DeadLetter, DeadLetterAttempt, Feed, Run
from ingest.tests import rows
from ingest.tests.factories import MemorySupplier, Stone, supplying

pytestmark = pytest.mark.django_db


def signed_in(*permissions: str, superuser: bool = False) -> Client:
    """A browser of a person with these permissions (by codename)."""
    person = User.objects.create_user("olga", password="a long enough one", is_staff=True, is_superuser=superuser)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(person)
    return browser


def messages_of(response: Any) -> list[str]:
    """What the page that a redirect led to says."""
    return [str(message) for message in response.context["messages"]]


def start_url(feed: Feed, kind: str = "full") -> str:
    return reverse("admin:ingest_feed_start", args=[feed.pk, kind])


def run_url(name: str, run: Run) -> str:
    return reverse(f"admin:ingest_run_{name}", args=[run.pk])


@pytest.fixture(autouse=True)
def _supplier_account(settings: Any) -> None:
    settings.NIVODA_ENDPOINT, settings.NIVODA_USERNAME, settings.NIVODA_PASSWORD = "http://127.0.0.1:9/", "u", "p"


def test_start_makes_a_run_in_the_persons_name_and_shows_it() -> None:
    browser = signed_in(superuser=True)

    response = browser.post(start_url(rows.feed()), {"reason": "Monday"}, follow=True)

    run = Run.objects.get()
    assert (run.kind, run.state, run.started_by, run.reason) == ("full", "planning", "olga", "Monday")
    assert response.redirect_chain[-1][0] == run_url("change", run)
    assert messages_of(response) == [f"Run {run.pk} started."]


def test_an_incremental_run_without_a_watermark_is_refused_in_words() -> None:
    browser = signed_in(superuser=True)

    response = browser.post(start_url(rows.feed(), "incremental"), follow=True)

    assert response.status_code == 200
    assert "start a full run first" in messages_of(response)[0]
    assert not Run.objects.exists()


def test_a_second_run_of_a_feed_is_refused_in_words() -> None:
    live = rows.run()
    browser = signed_in(superuser=True)

    response = browser.post(start_url(live.feed), follow=True)

    assert f"run {live.pk}" in messages_of(response)[0]
    assert Run.objects.count() == 1


def test_an_unknown_kind_of_run_or_feed_is_refused_in_words() -> None:
    browser = signed_in(superuser=True)

    odd = browser.post(start_url(rows.feed(), "sideways"), follow=True)
    gone = browser.post(reverse("admin:ingest_feed_start", args=[10**30, "full"]), follow=True)

    assert "no kind of run" in messages_of(odd)[0]
    assert "There is no such feed" in messages_of(gone)[0]


def test_a_disabled_feed_starts_nothing() -> None:
    Feed.objects.update(enabled=False)
    browser = signed_in(superuser=True)

    response = browser.post(start_url(rows.feed()), follow=True)

    assert "disabled" in messages_of(response)[0]


@pytest.mark.parametrize("reason", ["x" * 501, "a\0b"])
def test_a_reason_that_the_table_cannot_hold_is_refused_in_words(reason: str) -> None:
    browser = signed_in(superuser=True)

    response = browser.post(start_url(rows.feed()), {"reason": reason}, follow=True)

    assert response.status_code == 200
    assert messages_of(response)
    assert not Run.objects.exists()


def test_cancel_cancels_with_the_persons_name_and_reason() -> None:
    run = rows.run()
    rows.partition(run)

    signed_in(superuser=True).post(run_url("cancel", run), {"reason": "wrong window"})

    run.refresh_from_db()
    assert run.state == "cancelled"
    event = run.events.order_by("-id")[0]
    assert (event.actor, event.reason) == ("olga", "wrong window")
    assert run.partitions.get().state == "cancelled"


def test_cancelling_a_run_that_is_over_says_so() -> None:
    run = rows.run(state="completed")

    response = signed_in(superuser=True).post(run_url("cancel", run), follow=True)

    assert "nothing to cancel" in messages_of(response)[0]


def test_approval_needs_a_reason() -> None:
    run = rows.run(state="in_review")
    browser = signed_in(superuser=True)

    refused = browser.post(run_url("approve", run), {"reason": "  "}, follow=True)

    assert "Say why" in messages_of(refused)[0]
    run.refresh_from_db()
    assert run.state == "in_review"


def test_approval_lets_the_run_go_on() -> None:
    run = rows.run(state="in_review")

    signed_in(superuser=True).post(run_url("approve", run), {"reason": "the supplier closed a branch"})

    run.refresh_from_db()
    assert (run.state, run.approved_by) == ("consolidating", "olga")


@pytest.mark.parametrize("decision", ["same", "new"])
def test_a_run_with_new_stock_numbers_has_a_button_for_what_the_stones_are(decision: str) -> None:
    run = rows.run(state="in_review", held={"renumbered": 1.0})
    browser = signed_in(superuser=True)

    page = browser.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()
    undecided = browser.post(run_url("approve", run), {"reason": "it is right"}, follow=True)
    browser.post(run_url("approve", run), {"reason": "it is right", "renumbered": decision})

    assert f'name="renumbered" value="{decision}"' in page
    assert "Approve and go on" not in page
    assert "say whether they are the `same` stones" in messages_of(undecided)[0]
    run.refresh_from_db()
    assert (run.state, run.decisions) == ("consolidating", {"renumbered": decision})


def test_retry_makes_failed_partitions_ready_at_their_offset() -> None:
    run = rows.run(state="failed")
    failed = rows.partition(run, state="failed", next_offset=30, failure="502", errors=12, due_at=None)

    response = signed_in(superuser=True).post(run_url("retry", run), follow=True)

    failed.refresh_from_db()
    assert (failed.state, failed.next_offset, failed.errors, failed.failure) == ("ready", 30, 0, "")
    assert messages_of(response) == [f"1 partitions of run {run.pk} are tried again, from where they stopped."]


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_a_run_that_ended_is_started_again_as_one_of_the_same_kind(state: str) -> None:
    Feed.objects.update(watermark=rows.AT)
    ended = rows.run(state=state, kind="incremental")
    browser = signed_in(superuser=True)

    page = browser.get(run_url("change", ended)).content.decode()
    response = browser.post(run_url("start_again", ended), follow=True)

    again = Run.objects.exclude(pk=ended.pk).get()
    assert run_url("start_again", ended) in page
    assert (again.feed, again.kind, again.state, again.started_by) == (ended.feed, "incremental", "planning", "olga")
    assert again.reason == f"run {ended.pk}, which is {state}, again"
    assert response.redirect_chain[-1][0] == run_url("change", again)


def test_a_run_is_not_started_again_while_one_of_its_feed_is_live() -> None:
    ended, live = rows.run(state="failed"), rows.run()
    browser = signed_in(superuser=True)

    page = browser.get(run_url("change", ended)).content.decode()
    refused = browser.post(run_url("start_again", ended), follow=True)
    refused_itself = browser.post(run_url("start_again", live), follow=True)

    assert run_url("start_again", ended) not in page
    assert "It can be started again when" in page
    assert f"run {live.pk}" in messages_of(refused)[0]
    assert "when it has ended" in messages_of(refused_itself)[0]
    assert Run.objects.count() == 2


def test_a_run_that_there_is_not_cannot_be_started_again() -> None:
    response = signed_in(superuser=True).post(reverse("admin:ingest_run_start_again", args=[404_404]))

    assert response.status_code == 302
    assert not Run.objects.exists()


def test_who_may_decide_but_not_start_cannot_start_again() -> None:
    ended = rows.run(state="failed")
    browser = signed_in("view_run", "change_run")

    page = browser.get(run_url("change", ended)).content.decode()
    response = browser.post(run_url("start_again", ended))

    assert run_url("start_again", ended) not in page
    assert (response.status_code, Run.objects.count()) == (403, 1)


@pytest.mark.parametrize("button", ["cancel", "approve", "retry", "start_again"])
def test_a_button_answers_only_to_post(button: str) -> None:
    run = rows.run()

    assert signed_in(superuser=True).get(run_url(button, run)).status_code == 405


@pytest.mark.parametrize("button", ["cancel", "approve", "retry"])
def test_who_may_only_look_is_refused(button: str) -> None:
    run = rows.run(state="in_review")

    response = signed_in("view_run").post(run_url(button, run), {"reason": "mine"})

    run.refresh_from_db()
    assert (response.status_code, run.state) == (403, "in_review")


def test_who_may_only_look_cannot_start_a_run() -> None:
    response = signed_in("view_feed", "change_feed").post(start_url(rows.feed()))

    assert response.status_code == 403
    assert not Run.objects.exists()


def test_a_post_without_the_forms_token_is_refused() -> None:
    run = rows.run()
    person = User.objects.create_superuser("mal")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person)

    assert browser.post(run_url("cancel", run)).status_code == 403


def test_buttons_are_shown_only_to_whom_may_press_them() -> None:
    run = rows.run(state="in_review")
    looker = signed_in("view_run")

    page = looker.get(run_url("change", run)).content.decode()

    assert run_url("approve", run) not in page
    assert run_url("cancel", run) not in page
    User.objects.all().delete()
    page = signed_in("view_run", "change_run").get(run_url("change", run)).content.decode()
    assert run_url("approve", run) in page
    assert run_url("cancel", run) in page


def test_saving_a_feed_writes_only_what_was_changed() -> None:
    feed = rows.feed()
    browser = signed_in(superuser=True)
    url = reverse("admin:ingest_feed_change", args=[feed.pk])
    form = browser.get(url).context["adminform"].form
    posted = {name: form[name].value() or "" for name in form.fields} | {"name": "Nivoda, mined", "enabled": "on"}
    Feed.objects.filter(pk=feed.pk).update(watermark=rows.AT)

    response = browser.post(url, posted)

    assert response.status_code == 302
    feed.refresh_from_db()
    assert (feed.name, feed.watermark) == ("Nivoda, mined", rows.AT)


@pytest.mark.parametrize(
    ("field", "value"), [("delist_brake", "1.5"), ("error_budget", "nan"), ("parameters", "[1]"), ("parameters", "{")]
)
def test_wrong_settings_of_a_feed_are_shown_at_their_field(field: str, value: str) -> None:
    feed = rows.feed()
    browser = signed_in(superuser=True)
    url = reverse("admin:ingest_feed_change", args=[feed.pk])
    form = browser.get(url).context["adminform"].form

    response = browser.post(url, {name: form[name].value() or "" for name in form.fields} | {field: value})

    assert response.status_code == 200
    assert field in response.context["adminform"].form.errors


# --- dead letters ----------------------------------------------------------------------------------------------------


def letter_url(name: str, of: str, which: object) -> str:
    return reverse(f"admin:ingest_deadletter_{name}", args=[of, which])


@pytest.fixture
def two_of_a_kind(monkeypatch: pytest.MonkeyPatch) -> list[DeadLetter]:
    """Two letters of one cause, which map by now, and one of another, which does not."""
    supplying(monkeypatch, MemorySupplier())
    run = rows.run(state="completed", kind="incremental")
    made = []
    for name, broken in (("S-1", False), ("S-2", False), ("S-3", True)):
        payload = Stone(name, says={"cost_cents": 0} if broken else {}).payload().decode()
        identity = {"diamond_id": diamond_id(run.feed.slug, name), "observed_at": rows.AT, "raw_id": 1}
        mark = ("b" if broken else "a") * 32
        made.append(rows.dead_letter(run, supplier_stone_id=name, payload=payload, fingerprint=mark, **identity))
    return made


def test_replay_of_a_cause_replays_all_its_letters_and_says_what_became_of_them(
    two_of_a_kind: list[DeadLetter],
) -> None:
    response = signed_in(superuser=True).post(
        letter_url("replay", "cause", "a" * 32), {"reason": "the mapper was mended"}, follow=True
    )

    assert messages_of(response) == ["2 of 2 letters tried: 2 inserted."]
    states = list(DeadLetter.objects.order_by("pk").values_list("state", "closed_by"))
    assert states == [("replayed", "olga"), ("replayed", "olga"), ("open", "")]
    attempt = DeadLetterAttempt.objects.get(letter_id=two_of_a_kind[0].pk)
    assert (attempt.actor, attempt.reason) == ("olga", "the mapper was mended")


def test_replay_of_a_letter_that_still_fails_says_why(two_of_a_kind: list[DeadLetter]) -> None:
    broken = two_of_a_kind[2]

    response = signed_in(superuser=True).post(letter_url("replay", "letter", broken.pk), {"reason": "try"}, follow=True)

    assert "Still failing, e.g.: price: is missing" in messages_of(response)
    broken.refresh_from_db()
    assert (broken.state, broken.attempts, broken.last_error) == ("open", 1, "price: is missing")
    assert "price: is missing; try" in response.content.decode()


def test_discard_closes_letters_with_name_and_reason(two_of_a_kind: list[DeadLetter]) -> None:
    response = signed_in(superuser=True).post(
        letter_url("discard", "cause", "a" * 32), {"reason": "never to be sold"}, follow=True
    )

    assert messages_of(response) == ["2 letters are discarded."]
    letter = DeadLetter.objects.get(pk=two_of_a_kind[0].pk)
    assert (letter.state, letter.closed_by, letter.closed_reason) == ("discarded", "olga", "never to be sold")


@pytest.mark.parametrize("button", ["replay", "discard"])
def test_dead_letters_are_acted_on_for_a_reason_only(two_of_a_kind: list[DeadLetter], button: str) -> None:
    response = signed_in(superuser=True).post(letter_url(button, "cause", "a" * 32), {"reason": " "}, follow=True)

    assert "Say why" in messages_of(response)[0]
    assert DeadLetter.objects.filter(state="open").count() == 3


@pytest.mark.parametrize("button", ["replay", "discard"])
def test_dead_letter_buttons_answer_to_post_and_permission_only(two_of_a_kind: list[DeadLetter], button: str) -> None:
    url = letter_url(button, "cause", "a" * 32)
    other = {"replay": "discard_deadletter", "discard": "replay_deadletter"}[button]
    browser = signed_in("view_deadletter", other)

    refused = browser.post(url, {"reason": "mine"})

    assert (refused.status_code, browser.get(url).status_code) == (403, 405)
    assert DeadLetter.objects.filter(state="open").count() == 3


def test_dead_letter_buttons_are_shown_to_whom_may_press_them_while_letters_wait(
    two_of_a_kind: list[DeadLetter],
) -> None:
    letter = two_of_a_kind[0]
    page = reverse("admin:ingest_deadletter_change", args=[letter.pk])
    urls = [letter_url(button, "letter", letter.pk) for button in ("replay", "discard")]

    looker = signed_in("view_deadletter").get(page).content.decode()
    User.objects.all().delete()
    browser = signed_in("view_deadletter", "replay_deadletter", "discard_deadletter")
    doer = browser.get(page).content.decode()
    causes = browser.get(reverse("admin:ingest_deadletter_changelist")).content.decode()
    DeadLetter.objects.filter(pk=letter.pk).update(
        state="discarded", closed_at=rows.AT, closed_by="eve", closed_reason="junk"
    )
    closed = browser.get(page).content.decode()

    assert [url in looker for url in urls] == [False, False]
    assert [url in doer for url in urls] == [True, True]
    assert letter_url("replay", "cause", letter.fingerprint) in causes
    assert [url in closed for url in urls] == [False, False]


@pytest.mark.parametrize(
    ("of", "which"), [("letter", "x"), ("letter", "9" * 30), ("cause", "z" * 99), ("nothing", "1")]
)
def test_letters_that_there_are_not_are_said_so(two_of_a_kind: list[DeadLetter], of: str, which: str) -> None:
    response = signed_in(superuser=True).post(letter_url("replay", of, which), {"reason": "try"}, follow=True)

    assert response.status_code == 200
    assert "No dead letter" in messages_of(response)[0]
