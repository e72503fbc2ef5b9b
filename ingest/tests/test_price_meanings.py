"""What the columns of a list hold: kept on feed and run, asked where nothing proves it, answered once."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse

from catalog.models import Diamond
from diamondhub.audit.models import AuditEvent
from ingest import price_meanings, runs
from ingest.feeds import adapters
from ingest.feeds.pricelist.tests.lists import text
from ingest.models import Feed, Run
from ingest.tests.factories import drive, feed
from pricing.tests.asking import signed_in

pytestmark = pytest.mark.django_db(transaction=True)

#: Stones of which nothing proves whether a price is a carat's.
UNPROVEN = [("A", "0.90", "4,000"), ("B", "1.10", "5,000"), ("C", "3.01", "24,000")]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    feed()
    Feed.objects.update_or_create(
        slug="rosy", defaults={"name": "Rosy", "adapter": "pricelist", "parameters": {"source": "list.csv"}}
    )
    with override_settings(PRICELIST_DIR=tmp_path, VAR_DIR=tmp_path / "var"):
        adapters._build.cache_clear()
        yield tmp_path
    adapters._build.cache_clear()


def put(folder: Path, stones: Sequence[tuple[str, ...]], *further: str) -> None:
    """Put a list of stones of number, weight, price, and further columns."""
    headers = ("Stock #", "Weight", "Price", *further)
    (folder / "list.csv").write_text(text([dict(zip(headers, stone, strict=True)) for stone in stones]))


def pull() -> Run:
    """A whole run of the feed."""
    return drive(runs.start_run("rosy", kind="full", started_by="eve"))


def rosy() -> Feed:
    return Feed.objects.get(slug="rosy")


def client(*, may_change: bool = True) -> Client:
    """Somebody in the admin."""
    signed = Client()
    user = User.objects.create_superuser("ann") if may_change else User.objects.create_user("bob", is_staff=True)
    signed.force_login(user)
    return signed


def answered(signed: Client, number: str) -> int:
    """The status of pressing an answer to the feed's question."""
    question = price_meanings.verdict_of(rosy().prices).question
    said = {"question": question.words if question else "", "answer": number, "reason": "they said so"}
    return signed.post(reverse("admin:ingest_feed_answer", args=[rosy().pk]), said).status_code


def test_an_unproven_price_offers_no_stone_until_a_person_has_answered_once(folder: Path) -> None:
    put(folder, UNPROVEN)
    signed = client()

    asked = pull()
    page = html.unescape(signed.get(reverse("admin:ingest_feed_change", args=[rosy().pk])).content.decode())
    answered(signed, "1")
    after = pull()
    again = pull()

    assert asked.state == Run.State.FAILED
    assert (
        "planning failed (question): Does the column 'Price' hold the price of a carat or of the stone?"
        in asked.failure
    )
    assert "24,000" not in asked.failure
    assert "Row 3: 3.01 ct, 24,000 → the stone costs 24,000.00 or 72,240.00." in page
    assert (after.state, again.state) == (Run.State.COMPLETED, Run.State.COMPLETED)
    assert rosy().parameters == {"source": "list.csv", "price_means": "per_carat"}
    assert Diamond.objects.get(supplier_stone_id="C").cost_cents == 7_224_000
    event = AuditEvent.objects.filter(kind="ingest.feed", object_id=rosy().pk).latest("event_id")
    assert (event.who, event.reason) == ("ann", "they said so")


def test_what_rows_prove_is_kept_on_feed_and_run_and_shown(folder: Path) -> None:
    put(folder, [(*UNPROVEN[2], "40,000", "-40"), ("D", "0.50", "1,500", "2,000", "-25")], "RapList", "Rap%")
    signed = client()

    run = pull()
    pages = [reverse("admin:ingest_feed_change", args=[rosy().pk]), reverse("admin:ingest_run_change", args=[run.pk])]
    shown = [html.unescape(signed.get(page).content.decode()) for page in pages]
    http = signed_in("feeds:read", "runs:read")
    by_rest = [http.get("/api/v1/feeds/rosy").json()["prices"], http.get(f"/api/v1/runs/{run.pk}").json()["prices"]]

    assert run.state == Run.State.COMPLETED
    assert all("RapList × (1 - Rap%) = Price" in page and "2 of 2" in page for page in shown)
    for prices in by_rest:
        price = next(column for column in prices["columns"] if column["header"] == "Price")
        assert (price["means"], price["rows"], price["of"], prices["question"]) == ("per_carat", 2, 2, None)


def test_a_column_that_means_another_thing_than_in_the_list_before_is_asked_about(folder: Path) -> None:
    put(folder, [(*UNPROVEN[2], "40,000", "-40"), ("D", "0.50", "1,500", "2,000", "-25")], "RapList", "Rap%")
    pull()
    put(folder, [("C", "3.01", "72,240", "40,000", "-40"), ("D", "0.50", "750", "2,000", "-25")], "RapList", "Rap%")
    signed = client()

    asked = pull()
    answered(signed, "0")
    after = pull()

    assert asked.state == Run.State.FAILED
    assert "held the price of a carat in the list before, and now holds the price of the stone" in asked.failure
    assert after.state == Run.State.COMPLETED
    assert rosy().parameters["price_means"] == "total"
    assert Diamond.objects.get(supplier_stone_id="C").cost_cents == 7_224_000


@pytest.mark.parametrize(
    ("title", "answer", "parameters"),
    [
        ("All prices in EURO", "0", {"price_unit": "dollars"}),
        ("Amounts in US cents", "0", {"price_unit": "cents"}),
        ("LAB GROWN DIAMONDS", "0", {"labgrown": True}),
        ("LAB GROWN DIAMONDS", "1", {"labgrown": False}),
    ],
)
def test_what_a_list_says_outside_of_its_rows_for_the_first_time_is_asked_about(
    folder: Path, title: str, answer: str, parameters: dict[str, object]
) -> None:
    stones = [("A", "0.90", "", "4,000"), ("B", "1.10", "", "6,000")]
    put(folder, stones, "Total")
    before = pull()
    (folder / "list.csv").write_text(f"{title}\n" + (folder / "list.csv").read_text())

    asked = pull()
    answered(client(), answer)
    after = pull()

    assert [before.state, asked.state, after.state] == [Run.State.COMPLETED, Run.State.FAILED, Run.State.COMPLETED]
    assert f"the list says '{title}', which the list before did not" in asked.failure
    assert rosy().parameters == {"source": "list.csv", **parameters}
    assert pull().state == Run.State.COMPLETED


def test_what_a_list_has_always_said_outside_of_its_rows_and_a_heading_of_availability_are_not_asked_about_again(
    folder: Path,
) -> None:
    stones = [("A", "0.90", "", "4,000"), ("B", "1.10", "", "6,000")]
    put(folder, stones, "Total")
    plain = (folder / "list.csv").read_text()
    (folder / "list.csv").write_text("LAB GROWN DIAMONDS, May\n" + plain)
    held = pull()
    first = drive(runs.approve_run(held.pk, actor="eve", reason="so it is"))
    (folder / "list.csv").write_text("LAB GROWN DIAMONDS, June\n" + plain + "SOLD\n")

    assert (held.state, first.state) == (Run.State.IN_REVIEW, Run.State.COMPLETED)
    assert pull().state == Run.State.COMPLETED


def with_title(folder: Path, title: str) -> None:
    """The list of two stones below a title."""
    put(folder, [("A", "0.90", "", "4,000"), ("B", "1.10", "", "6,000")], "Total")
    (folder / "list.csv").write_text(f"{title}\n" + (folder / "list.csv").read_text())


@pytest.mark.parametrize(
    ("first", "later", "known"),
    [
        ("Stock list", "All prices less 2%", "ALL PRICES LESS 2%"),
        ("Stock list", "Additional 5% discount till 30 June 2026", "ADDITIONAL 5% DISCOUNT TILL"),
        ("Prices less 2 % - 3 May", "Prices less 3 % - 4 May", "PRICES LESS 3%"),
        ("Prices incl. VAT", "Prices per pair", "PRICES PER PAIR"),
    ],
)
def test_a_text_about_prices_that_a_later_list_has_for_the_first_time_is_asked_about(
    folder: Path, first: str, later: str, known: str
) -> None:
    with_title(folder, first)
    before = pull()
    if before.state == Run.State.IN_REVIEW:
        before = drive(runs.approve_run(before.pk, actor="eve", reason="so it is"))
    with_title(folder, later)

    asked = pull()
    answered(client(), "0")
    after, again = pull(), pull()

    assert [before.state, asked.state, after.state] == [Run.State.COMPLETED, Run.State.FAILED, Run.State.COMPLETED]
    assert f"the list says '{later}', which the list before did not: are its prices paid as they" in asked.failure
    assert rosy().parameters == {"source": "list.csv", "known_remarks": {known: "known"}}
    assert again.state == Run.State.COMPLETED


def test_a_text_about_prices_of_which_only_the_date_is_another_is_not_asked_about_again(folder: Path) -> None:
    with_title(folder, "Prices less 2% (3 May 2026)")
    drive(runs.approve_run(pull().pk, actor="eve", reason="so it is"))
    with_title(folder, "Prices less 2 % (10 June 2026)")

    assert pull().state == Run.State.COMPLETED


def test_an_answer_that_rows_contradict_later_is_told_and_not_obeyed(folder: Path) -> None:
    Feed.objects.filter(slug="rosy").update(parameters={"source": "list.csv", "price_means": "total"})
    put(folder, [(*UNPROVEN[2], "40,000", "-40"), ("D", "0.50", "1,500", "2,000", "-25")], "RapList", "Rap%")

    run = pull()

    assert run.state == Run.State.FAILED
    assert "The feed says that 'Price' holds the price of the stone, but 2 of 2 rows prove the other" in run.failure


def test_an_answer_to_another_question_than_the_one_that_stands_changes_nothing(folder: Path) -> None:
    put(folder, UNPROVEN)
    pull()
    signed = client()
    here = reverse("admin:ingest_feed_answer", args=[rosy().pk])

    signed.post(here, {"question": "Is it so?", "answer": "0"})
    answered(signed, "7")
    answered(signed, "x")

    assert rosy().parameters == {"source": "list.csv"}
    assert rosy().prices["question"]


def test_who_may_only_look_does_not_answer(folder: Path) -> None:
    put(folder, UNPROVEN)
    pull()

    assert answered(client(may_change=False), "0") == 403
    assert rosy().parameters == {"source": "list.csv"}


def test_create_feed_asks_and_takes_the_answer(folder: Path) -> None:
    Feed.objects.filter(slug="rosy").delete()
    put(folder, UNPROVEN)

    def create(parameters: str) -> None:
        call_command("create_feed", "rosy", adapter="pricelist", parameters=parameters, stdout=StringIO())

    with pytest.raises(
        CommandError, match="Does the column 'Price' hold the price of a carat or of the stone"
    ) as asked:
        create('{"source": "list.csv"}')
    create('{"source": "list.csv", "price_means": "per_carat"}')

    assert '{"price_means":"total"} or {"price_means":"per_carat"}' in str(asked.value)
    assert rosy().parameters["price_means"] == "per_carat"
