"""Writing mapped stones in sets: what an upsert inserts, changes and leaves alone."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import DataError, IntegrityError, NotSupportedError, connection, models, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from psycopg import sql

from catalog import upsert
from catalog.models import Diamond, diamond_id
from catalog.rows import StoneFacts
from catalog.tests.factories import SEEN
from catalog.tests.facts import facts
from catalog.upsert import FACT_COLUMNS, MappedStone, Upserted
from diamondhub.database import psycopg_cursor
from diamondhub.tests.patience import HANG_SECONDS


@dataclass(frozen=True)
class Doubled:
    """Prices that are twice the cost, by a rule set of some number."""

    rule_set: int = 1

    def rows(self, source: sql.Composable, alias: str) -> sql.Composable:
        return sql.SQL("{} AS {}").format(source, sql.Identifier(alias))

    def columns(self, alias: str) -> Mapping[str, sql.Composable]:
        said = {
            "price_cents": "i.cost_cents * 2",
            "price_per_carat_cents": "CASE WHEN i.carats > 0 THEN round(i.cost_cents * 2 / i.carats)::bigint END",
            "rating": "4",
            "rule": "11",
            "rule_set": str(self.rule_set),
            "experiment_arm": "'arm'",
            "priced_on": "date '2026-01-02'",
        }
        return {name: sql.SQL(text) for name, text in said.items()}


def mapped(
    stone: str = "S-1", *, raw_id: int = 1, after: float = 0.0, of: StoneFacts | None = None, **changes: Any
) -> MappedStone:
    """A stone on its way; `after` are seconds from `SEEN` to when its payload was observed."""
    return MappedStone(
        id=diamond_id("memory", stone),
        feed="memory",
        supplier_stone_id=stone,
        payload_hash=raw_id.to_bytes(16, "big"),
        raw_id=raw_id,
        source_updated_at=SEEN + timedelta(seconds=after),
        facts=of or facts(**changes),
    )


def write(*stones: MappedStone, rule_set: int = 1) -> Upserted:
    with transaction.atomic(), psycopg_cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming")
        upsert.create_incoming(cursor)
        upsert.copy_incoming(cursor, upsert.rows_of(stones))
        return upsert.upsert_incoming(cursor, Doubled(rule_set))


def test_the_columns_are_those_of_the_catalogue_in_the_order_of_the_facts() -> None:
    columns = {field.name for field in Diamond._meta.fields}

    assert set(upsert.INCOMING_COLUMNS) < columns
    assert upsert.INCOMING_COLUMNS[-len(StoneFacts.__struct_fields__) :] == StoneFacts.__struct_fields__


@pytest.mark.django_db
def test_a_new_stone_is_written_with_every_fact_priced_and_dated() -> None:
    said: dict[str, Any] = {
        "color": 4,
        "clarity": 5,
        "ratio": Decimal("1.016"),
        "images": ["https://images.example/ü,{}\"'.jpg", "two"],
        "girdle": "Thin\tto \\N thick",
        "treated": False,
        "carats": Decimal("1.500"),
        "delivery_days_min": 3,
    }

    done = write(mapped(**said), rule_set=7)

    stone = Diamond.objects.get()
    assert done == Upserted(inserted=1, updated=0)
    assert {name: getattr(stone, name) for name in said} == said
    assert (stone.cost_cents, stone.price_cents, stone.price_per_carat_cents) == (100_000, 200_000, 133_333)
    assert (stone.rule_set, stone.raw_id, stone.source_updated_at) == (7, 1, SEEN)
    assert (stone.rating, stone.rule, stone.experiment_arm, stone.priced_on) == (4, 11, "arm", date(2026, 1, 2))
    assert stone.first_seen_at == stone.changed_at
    assert (stone.cut, stone.lab, stone.eye_clean) == (None, None, None)


@pytest.mark.django_db
def test_a_newer_payload_changes_everything_but_when_the_stone_was_first_seen() -> None:
    write(mapped(color=4, lab="GIA"))
    Diamond.objects.update(first_seen_at=SEEN, changed_at=SEEN)

    done = write(mapped(raw_id=2, after=1, cost_cents=300, availability="sold"), rule_set=2)

    stone = Diamond.objects.get()
    assert done == Upserted(inserted=0, updated=1)
    assert (stone.cost_cents, stone.price_cents, stone.color, stone.lab) == (300, 600, None, None)
    assert (stone.availability, stone.raw_id, stone.rule_set) == ("sold", 2, 2)
    assert stone.first_seen_at == SEEN
    assert stone.changed_at > SEEN


@pytest.mark.django_db
@pytest.mark.parametrize(("raw_id", "after"), [(9, -1.0), (1, -1.0), (1, 0.0)])
def test_an_older_payload_changes_nothing(raw_id: int, after: float) -> None:
    write(mapped(raw_id=2, after=0, cost_cents=500))

    done = write(mapped(raw_id=raw_id, after=after, cost_cents=1))

    assert done == Upserted(inserted=0, updated=0)
    assert (Diamond.objects.get().cost_cents, Diamond.objects.get().raw_id) == (500, 2)


@pytest.mark.django_db
def test_of_payloads_observed_at_once_the_later_received_wins() -> None:
    write(mapped(raw_id=2, cost_cents=500))

    assert write(mapped(raw_id=3, cost_cents=700)).updated == 1
    assert Diamond.objects.get().cost_cents == 700


@pytest.mark.django_db
def test_the_same_payload_again_changes_nothing_unless_the_stone_was_delisted() -> None:
    first = mapped()
    again = msgspec.structs.replace(first, raw_id=2, source_updated_at=SEEN + timedelta(days=1))
    write(first)
    unchanged = write(again)
    Diamond.objects.update(availability="delisted")

    back = write(again)

    assert (unchanged, back) == (Upserted(0, 0), Upserted(0, 1))
    assert Diamond.objects.get().availability == "available"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"lab": "x" * 33}, DataError),
        ({"carats": Decimal(100_000)}, DataError),
        ({"carats": Decimal("NaN")}, NotSupportedError),
        ({"carats": Decimal(-1)}, IntegrityError),
        ({"cost_cents": 0}, IntegrityError),
        ({"cost_cents": 2**63}, DataError),
        ({"offer_id": None}, IntegrityError),
        ({"girdle": "NUL\0"}, DataError),
        ({"color": 40_000}, DataError),
        # It can be compared with nothing, not even to find out whether it was written before.
        ({"table_pct": Decimal("sNaN")}, DataError),
    ],
)
def test_one_stone_that_the_catalogue_does_not_take_keeps_all_out(
    changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        write(mapped("good"), mapped("bad", **changes))

    assert not Diamond.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_sets_that_overlap_are_written_at_once_without_a_deadlock_and_the_newest_wins() -> None:
    stones = [f"S-{number}" for number in range(200)]
    failures: list[Exception] = []
    gate = threading.Barrier(4)

    def work(worker: int) -> None:
        order = stones if worker % 2 else stones[::-1]
        try:
            gate.wait(timeout=HANG_SECONDS)
            for turn in range(3):
                raw_id = 10 * turn + worker + 1
                write(*[mapped(stone, raw_id=raw_id, after=raw_id, cost_cents=raw_id) for stone in order])
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=HANG_SECONDS)

    assert failures == []
    assert set(Diamond.objects.values_list("raw_id", "cost_cents")) == {(24, 24)}


def _values(name: str) -> st.SearchStrategy[Any]:
    """Whatever a column of the catalogue can hold."""
    column = Diamond._meta.get_field(name)
    assert isinstance(column, models.Field)
    texts = st.text(
        st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=column.max_length or 60
    )
    values: st.SearchStrategy[Any]
    if isinstance(column, ArrayField):
        values = st.lists(texts, max_size=3)
    elif isinstance(column, models.BooleanField):
        values = st.booleans()
    elif isinstance(column, models.DecimalField):
        assert column.max_digits
        assert column.decimal_places
        most = Decimal(10) ** (column.max_digits - column.decimal_places) - Decimal(10) ** -column.decimal_places
        values = st.decimals(0, most, places=column.decimal_places)
    elif isinstance(column, models.BigIntegerField):
        values = st.integers(1, 10**9)
    elif isinstance(column, models.IntegerField):
        values = st.integers(0, 32_767)
    else:
        values = texts | st.sampled_from(["\\N", "\\.", "NULL", "", "\t", "a\\\nb"])
    return st.none() | values if column.null else values


class AnyFacts(TestCase):
    """Whatever a mapper may say."""

    @given(st.lists(st.builds(StoneFacts, **{name: _values(name) for name in FACT_COLUMNS}), min_size=1, max_size=4))
    @settings(max_examples=60)
    def test_facts_come_back_as_they_were_written_and_what_is_unknown_is_counted(self, said: list[StoneFacts]) -> None:
        stones = {stone.id: stone for stone in (mapped(str(uuid.uuid4()), of=of) for of in said)}

        write(*stones.values())

        kept = Diamond.objects.in_bulk(list(stones))
        assert {pk: [getattr(row, name) for name in FACT_COLUMNS] for pk, row in kept.items()} == {
            pk: list(msgspec.structs.astuple(stone.facts)) for pk, stone in stones.items()
        }
        unknown = upsert.rows_of(list(stones.values())).unknown
        assert {name: unknown[name] for name in FACT_COLUMNS} == {
            name: sum(getattr(of, name) is None for of in said) for name in FACT_COLUMNS
        }
