"""The admin's buttons for dead letters: letters are replayed and discarded by cause or one by one, for a reason."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from catalog.models import diamond_id
from ingest.models import DeadLetter, DeadLetterAttempt
from ingest.tests import rows
from ingest.tests.admin_pages import messages_of, signed_in
from ingest.tests.factories import MemorySupplier, Stone, supplying

pytestmark = pytest.mark.django_db


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
