"""Lists whose stock numbers changed while the certificates stayed are asked about, and never offered twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import pytest
from django.test.utils import override_settings

from catalog.models import Diamond, StockNumber, diamond_id
from catalog.stock_numbers import ids_of
from ingest import renumbering, runs
from ingest.feeds import adapters
from ingest.invariants import violations
from ingest.models import Feed, Run
from ingest.tests.factories import drive, feed, listed
from pricing.models import PriceChange

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = ["0", "NA", "PENDING", "-", "00000000"]
HEADERS = "Stock #,Shape,Weight,Color,Clarity,Total Price,Lab,Report #"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    feed()
    parameters = {"source": "list.csv", "supplier": "Rosy"}
    Feed.objects.create(slug="rosy", name="Rosy Blue", adapter="pricelist", parameters=parameters)
    with override_settings(PRICELIST_DIR=tmp_path, VAR_DIR=tmp_path / "var"):
        adapters._build.cache_clear()
        yield tmp_path
    adapters._build.cache_clear()


def write(folder: Path, rows: Sequence[str]) -> None:
    (folder / "list.csv").write_text("\n".join([HEADERS, *rows]) + "\n")


def row(number: str, certificate: int, *, price: int = 5000, weight: str = "1.00") -> str:
    return f"{number},RB,{weight},G,VS1,{price},GIA,{2_140_000_000 + certificate}"


def pull(kind: str = "full") -> Run:
    return drive(runs.start_run("rosy", kind=kind, started_by="eve"))


def ids() -> dict[str, UUID]:
    """The ids of the stones on sale by their certificates."""
    on_sale = Diamond.objects.filter(feed="rosy", availability="available")
    return {str(number): stone for number, stone in on_sale.values_list("certificate_number", "pk")}


def approve(run: Run, renumbered: str) -> Run:
    runs.approve_run(run.pk, actor="adam", reason="he has new numbers", renumbered=renumbered)
    return drive(run)


def test_a_list_with_new_numbers_and_old_certificates_waits_before_it_changes_anything(folder: Path) -> None:
    write(folder, [row(f"A-{n}", n) for n in range(10)])
    pull()
    write(folder, [row(f"B-{n}", n) for n in range(10)])

    run = pull()

    assert run.state == "in_review"
    assert run.held == {"renumbered": 1.0}
    assert run.events.latest("id").reason == "10 of 10 stones have a new stock number and an old certificate"
    assert listed() == {f"A-{n}" for n in range(10)}
    (held,) = run.review["held"]
    kept = run.review_stones.filter(brake="renumbered").order_by("place")
    assert [(stone.was, stone.name) for stone in kept] == [(f"A-{n}", f"B-{n}") for n in range(10)]
    assert "A-0 is now B-0" in {example["stone"] for example in held["parts"][0]["examples"]}
    with pytest.raises(runs.Undecided):
        runs.approve_run(run.pk, actor="adam", reason="it is right")
    assert Run.objects.get(pk=run.pk).state == "in_review"


def test_the_same_stones_keep_their_ids_and_histories_while_their_numbers_move(folder: Path) -> None:
    write(folder, [row(f"A-{n}", n) for n in range(10)])
    pull()
    before = ids()
    write(folder, [row(f"B-{n}", n, price=5000 + 100 * (n == 3)) for n in range(10)])

    run = approve(pull(), "same")

    assert run.state == "completed", run.failure
    assert ids() == before
    assert listed() == {f"B-{n}" for n in range(10)}
    assert Diamond.objects.filter(feed="rosy").count() == 10
    assert (run.summary["inserted"], run.summary["updated"], run.summary["delisted"]) == (0, 10, 0)
    changes = PriceChange.objects.filter(diamond_id=before["2140000003"]).order_by("pk")
    assert [(change.old_price_cents, change.new_price_cents) for change in changes] == [(700_000, 714_000)]
    assert (run.decisions, run.approved_by) == ({"renumbered": "same"}, "adam")
    assert not violations()


def test_the_next_runs_know_the_stones_by_their_new_numbers(folder: Path) -> None:
    write(folder, [row(f"A-{n}", n) for n in range(10)])
    pull()
    before = ids()
    write(folder, [row(f"B-{n}", n) for n in range(10)])
    approve(pull(), "same")

    unchanged = pull()
    write(folder, [row(f"C-{n}", n) for n in range(10)])
    again = approve(pull(), "same")
    write(folder, [row(f"A-{n}", n) for n in range(10)])
    back = approve(pull(), "same")

    assert (unchanged.state, unchanged.summary["unchanged"]) == ("completed", 10)
    assert (again.state, back.state) == ("completed", "completed")
    assert ids() == before
    assert listed() == {f"A-{n}" for n in range(10)}


def test_new_stones_are_offered_once_the_old_ones_are_off(folder: Path) -> None:
    write(folder, [row(f"A-{n}", n) for n in range(10)])
    pull()
    before = ids()
    write(folder, [row(f"B-{n}", n) for n in range(10)])
    held = pull()

    runs.approve_run(held.pk, actor="adam", reason="other stones", renumbered="new")
    offered = set()
    run = drive(held, until="consolidating")
    offered |= listed() & {f"A-{n}" for n in range(10)}
    run = drive(run)

    assert run.state == "completed"
    assert not offered
    assert (run.summary["inserted"], run.summary["delisted"]) == (10, 10)
    assert listed() == {f"B-{n}" for n in range(10)}
    assert not {*ids().values()} & {*before.values()}
    assert not StockNumber.objects.exists()


def test_numbers_that_went_from_stone_to_stone_are_seen_by_their_certificates(folder: Path) -> None:
    write(folder, [row(f"{n}", n) for n in range(1, 11)])
    pull()
    before = ids()
    # A stone was sold, one is new, and the rows are numbered.
    write(folder, [row("1", 77), *(row(f"{n}", n - 1) for n in range(2, 10))])

    run = approve(pull(), "same")

    after = ids()
    assert run.state == "completed", run.failure
    assert {number: after[number] for number in after if number in before} == {
        str(2_140_000_000 + n): before[str(2_140_000_000 + n)] for n in range(1, 9)
    }
    assert after["2140000077"] not in {*before.values()}
    assert dict(
        Diamond.objects.filter(availability="available").values_list("supplier_stone_id", "certificate_number")
    ) == {
        "1": "2140000077",
        **{str(n): str(2_140_000_000 + n - 1) for n in range(2, 10)},
    }
    assert pull().summary["unchanged"] == 9


def test_few_new_numbers_among_many_are_no_question(folder: Path) -> None:
    write(folder, [row(f"A-{n}", n) for n in range(20)])
    pull()
    write(folder, [row("B-0", 0), row("B-1", 1), *(row(f"A-{n}", n) for n in range(2, 20))])

    run = pull()

    assert run.state == "completed"
    assert listed() == {"B-0", "B-1", *(f"A-{n}" for n in range(2, 20))}


@pytest.mark.parametrize(
    "again",
    [
        pytest.param([row(f"B-{n}", n, weight="1.50") for n in range(10)], id="other weights"),
        pytest.param([row(f"B-{n}", n).replace("GIA", "IGI") for n in range(10)], id="another laboratory"),
        pytest.param([row(f"B-{n}", n).replace(",RB,", ",OV,") for n in range(10)], id="other shapes"),
        pytest.param([row(f"A-{n}", n) for n in range(10)] + [row(f"B-{n}", n) for n in range(10)], id="offered twice"),
        pytest.param([row(f"B-{n}", n + 100) for n in range(10)], id="other certificates"),
    ],
)
def test_what_is_no_proof_of_the_same_stones_is_not_taken_for_it(folder: Path, again: list[str]) -> None:
    write(folder, [row(f"A-{n}", n) for n in range(10)])
    pull()
    write(folder, again)

    run = pull()

    assert "renumbered" not in run.held


def test_placeholders_are_no_certificates(folder: Path) -> None:
    for prefix in "AB":
        rows = [f"{prefix}-{n},RB,1.00,G,VS1,5000,GIA,{word}" for n, word in enumerate(WORDS)]
        write(folder, rows)
        run = pull()

    assert "renumbered" not in run.held
    assert not Diamond.objects.filter(certificate_number__isnull=False).exists()


def test_a_run_that_asks_for_no_decision_takes_none(folder: Path) -> None:
    write(folder, [row(f"A-{n}", n) for n in range(10)])
    pull()
    write(folder, [row(f"A-{n}", n) for n in range(7)])
    held = pull()
    assert [*held.held] == ["delisting"]

    with pytest.raises(runs.Undecided, match="nothing to decide"):
        runs.approve_run(held.pk, actor="adam", reason="he sold them", renumbered="same")


def test_more_stones_than_a_sample_are_all_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renumbering, "SAMPLE_STONES", 5)
    monkeypatch.setattr(renumbering, "_CHUNK", 4)
    write(folder, [row(f"A-{n}", n) for n in range(30)])
    pull()
    write(folder, [row(f"B-{n}", n) for n in range(30)])

    run = pull()

    assert run.events.latest("id").reason == "30 of 30 stones have a new stock number and an old certificate"


def test_a_number_that_a_stone_gave_up_makes_another_id_for_who_has_it_now() -> None:
    StockNumber.objects.create(feed="rosy", supplier_stone_id="B", diamond_id=diamond_id("rosy", "A"))

    means = ids_of("rosy", ["A", "B", "C", "no\0number"])

    assert (means["B"], means["C"]) == (diamond_id("rosy", "A"), diamond_id("rosy", "C"))
    assert means["A"] not in (means["B"], diamond_id("rosy", "A"))
    assert ids_of("rosy", ["A"])["A"] == means["A"]
    assert ids_of("other", ["B"])["B"] == diamond_id("other", "B")
