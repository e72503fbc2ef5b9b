"""Pages: full items, short pages, and a walk that captures everything."""

from __future__ import annotations

from graphql import GraphQLObjectType, build_schema, get_named_type

from ingest.sandbox import schema
from ingest.sandbox.rendering import Item
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options
from ingest.sandbox.tests.conftest import Buyer


def test_a_walk_by_what_was_received_captures_every_stone_once(buyer: Buyer) -> None:
    walked = buyer.walk(labgrown=True, availability=["AVAILABLE"])

    assert walked == buyer.truth("?labgrown=true&availability=AVAILABLE")
    assert (
        len({item["diamond"]["id"] for item in walked})
        == len(walked)
        == buyer.count(labgrown=True, availability=["AVAILABLE"])
    )


def test_pages_come_short_in_midstream_and_come_short_again() -> None:
    with Sandbox(Options(stones=2_000, short_pages=0.3)) as sandbox:
        buyer = Buyer(sandbox)
        buyer.sign_in()

        pages = [buyer.page(offset)["items"] for offset in range(0, 1_500, 50)]
        again = [buyer.page(offset)["items"] for offset in range(0, 1_500, 50)]
        walked = buyer.walk(availability=["AVAILABLE"])

    short = [page for page in pages if len(page) < 50]
    assert pages == again
    assert 2 <= len(short) <= 20
    assert all(short)
    assert len({item["id"] for item in walked}) == 2_000


def test_stones_asked_for_by_id_all_come() -> None:
    with Sandbox(Options(stones=2_000, short_pages=1)) as sandbox:
        buyer = Buyer(sandbox)
        buyer.sign_in()
        ids = [item["diamond"]["id"] for item in buyer.truth()[:50]]

        found = buyer.page(ids=ids)["items"]

    assert {item["diamond"]["id"] for item in found} == set(ids)


def test_beyond_the_end_is_an_empty_page(buyer: Buyer) -> None:
    assert buyer.page(100_000) == {"items": [], "total_count": 0}


def test_items_have_the_fields_of_the_schema_in_its_order(items: list[Item]) -> None:
    types = build_schema(schema._SOURCE.read_text()).type_map
    whole = next(item for item in items if item["diamond"]["v360"] and item["diamond"]["certificate"])

    def check(value: Item, kind: str) -> None:
        owner = types[kind]
        assert isinstance(owner, GraphQLObjectType)
        assert list(value) == list(owner.fields)
        for name, field in owner.fields.items():
            inner = get_named_type(field.type)
            if isinstance(inner, GraphQLObjectType) and isinstance(value[name], dict):
                check(value[name], inner.name)

    check(whole, "Offer")
