"""The adapter against the sandbox: what it asks for, what it makes of the answers, and how it falls back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import msgspec
import pytest
from django.conf import settings

from diamondhub.pace.limiter import Limiter
from diamondhub.tests.patience import HANG_SECONDS
from ingest.errors import MappingError, PermanentSupplierError
from ingest.feeds.adapter import Adapter, StoneQuery
from ingest.feeds.nivoda.adapter import ALIASES, NivodaAdapter, WrongParameters
from ingest.feeds.nivoda.client import NivodaClient
from ingest.sandbox.faults import Poison, Refusing, Settings
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import InventoryChange, Options


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Options(stones=900)) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> NivodaClient:
    sandbox.supplier.set_faults(Settings())
    limiter = Limiter("test-adapter", per_second=5_000, redis_url=settings.REDIS_URL)
    client = NivodaClient(sandbox.url, "sandbox", "sandbox", limiter, timeout=HANG_SECONDS)
    client.sign_in(instead_of="")
    sandbox.supplier.accounting.reset()
    return client


@pytest.fixture
def labgrown(client: NivodaClient) -> Adapter:
    return NivodaAdapter(client, {"labgrown": True})


@pytest.fixture
def natural(client: NivodaClient) -> Adapter:
    return NivodaAdapter(client, {"labgrown": False})


def truth(sandbox: Sandbox, *, labgrown: bool) -> list[str]:
    """The ids of all available stones of a feed, in the supplier's order."""
    return [str(item["diamond"]["id"]) for item in sandbox.supplier.items(labgrown=labgrown, availability=0)]


def walk(adapter: Adapter, query: StoneQuery) -> list[str]:
    """The ids that plain paging shows, advancing by what was received."""
    found: list[str] = []
    for _ in count():
        page = adapter.page(query, len(found), adapter.page_limit)
        if not page.items:
            return found
        found += [adapter.identify(item).supplier_stone_id for item in page.items]
    return found


def test_each_feed_sees_its_own_half_in_the_supplier_s_order(
    sandbox: Sandbox, labgrown: Adapter, natural: Adapter
) -> None:
    assert walk(labgrown, StoneQuery()) == truth(sandbox, labgrown=True)
    assert walk(natural, StoneQuery()) == truth(sandbox, labgrown=False)


def test_counts_of_many_slices_come_in_one_request_in_their_order(sandbox: Sandbox, labgrown: Adapter) -> None:
    edges = [0, 100, 200, 500, 1_000]
    queries = [
        StoneQuery(price_from=low, price_to=high - 1) for low, high in zip(edges, [*edges[1:], 2_000], strict=True)
    ]

    together = labgrown.count([*queries, StoneQuery(price_from=2_000), StoneQuery()])

    requests = sandbox.supplier.accounting.stats()["requests"]
    assert requests == 1
    assert together == [labgrown.count([query])[0] for query in [*queries, StoneQuery(price_from=2_000), StoneQuery()]]
    assert sum(together[:-1]) == together[-1] == len(truth(sandbox, labgrown=True))


def test_a_slice_shows_the_stones_that_it_counts(labgrown: Adapter) -> None:
    for query in (
        StoneQuery(price_from=150, price_to=400),
        StoneQuery(price_from=0, price_to=99),
        StoneQuery(price_from=1_000),
        StoneQuery(carats_from=Decimal("0.5"), carats_to=Decimal("1.0")),
        StoneQuery(carats_from=Decimal(0), carats_to=None),
        StoneQuery(window_to=datetime(2020, 1, 1, tzinfo=UTC)),
    ):
        assert len(walk(labgrown, query)) == labgrown.count([query])[0]


def test_stones_that_changed_after_the_window_are_not_in_it(sandbox: Sandbox, labgrown: Adapter) -> None:
    before = labgrown.server_time() - timedelta(seconds=60)
    changed = sandbox.supplier.change_inventory(InventoryChange(change=20, feed="labgrown"))["changed"]

    seen = walk(labgrown, StoneQuery(window_to=before))

    assert set(changed).isdisjoint(seen)
    assert set(walk(labgrown, StoneQuery(window_from=before))) >= set(changed)


def test_incremental_slices_show_stones_on_hold_too(sandbox: Sandbox, labgrown: Adapter) -> None:
    held = sandbox.supplier.change_inventory(InventoryChange(hold=5, feed="labgrown"))["held"]

    assert set(held).isdisjoint(walk(labgrown, StoneQuery()))
    assert set(held) <= set(walk(labgrown, StoneQuery(available_only=False)))


def test_a_look_up_finds_what_the_supplier_still_knows_whatever_its_availability(
    sandbox: Sandbox, labgrown: Adapter
) -> None:
    changed = sandbox.supplier.change_inventory(InventoryChange(hold=3, vanish=2, feed="labgrown"))
    here = truth(sandbox, labgrown=True)[:5]

    page = labgrown.lookup([*here, *changed["held"], *changed["vanished"], "nobody"])

    found = [labgrown.identify(item).supplier_stone_id for item in page.items]
    assert sorted(found) == sorted([*here, *changed["held"]])


def test_items_come_word_for_word(sandbox: Sandbox, labgrown: Adapter) -> None:
    sent = [msgspec.json.encode(item) for item in sandbox.supplier.items(labgrown=True, availability=0)]

    page = labgrown.page(StoneQuery(), 0, 5)

    # The fields stand in the order in which they were asked for.
    assert [msgspec.json.decode(item)["id"] for item in page.items] == [
        msgspec.json.decode(item)["id"] for item in sent[: len(page.items)]
    ]
    assert all(item.startswith(b'{"id":"DIAMOND/') for item in page.items)


def test_the_supplier_s_clock_is_asked_in_terms_that_counts_need_anyway(sandbox: Sandbox, labgrown: Adapter) -> None:
    sandbox.supplier.set_faults(Settings(refuse_ids=Refusing(most=0), refuse_aliases=Refusing()))

    moment = labgrown.server_time()

    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60


def test_a_feed_may_say_that_its_supplier_takes_no_aliases(client: NivodaClient) -> None:
    assert NivodaAdapter(client, {"labgrown": True}).counts_per_request == ALIASES
    assert NivodaAdapter(client, {"labgrown": True, "aliased_counts": False}).counts_per_request == 1


def test_the_supplier_s_clock_is_that_of_its_answers(sandbox: Sandbox, labgrown: Adapter) -> None:
    before = datetime.now(UTC).replace(microsecond=0)

    moment = labgrown.server_time()

    assert before <= moment <= datetime.now(UTC)
    assert sandbox.supplier.accounting.stats()["requests"] == 1


def test_the_last_page_says_in_one_request_that_nothing_lies_behind_it(sandbox: Sandbox, labgrown: Adapter) -> None:
    (stones,) = labgrown.count([StoneQuery()])
    sandbox.supplier.accounting.reset()

    last = labgrown.page(StoneQuery(), stones - 20, 50, behind=stones)
    earlier = labgrown.page(StoneQuery(), stones - 20, 50, behind=stones - 1)

    assert (last.is_last, earlier.is_last) == (True, False)
    assert last.items == earlier.items == labgrown.page(StoneQuery(), stones - 20, 50).items
    assert sandbox.supplier.accounting.stats()["requests"] == 3


def test_a_feed_that_says_so_is_not_asked_what_lies_behind(sandbox: Sandbox, client: NivodaClient) -> None:
    sandbox.supplier.set_faults(Settings(reject_aliases=True))
    labgrown = NivodaAdapter(client, {"labgrown": True, "aliased_counts": False})

    page = labgrown.page(StoneQuery(), 0, 50, behind=3)

    assert (len(page.items), page.is_last) == (50, False)
    assert sandbox.supplier.accounting.stats()["requests"] == 1


def test_a_page_beyond_the_end_is_empty(labgrown: Adapter) -> None:
    assert labgrown.page(StoneQuery(), 1_000_000, 50).items == []


def test_a_page_that_is_larger_than_the_supplier_allows_is_refused_by_it(labgrown: Adapter) -> None:
    with pytest.raises(PermanentSupplierError):
        labgrown.page(StoneQuery(), 0, 51)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"labgrown": "yes"}, {"labgrown": None}, {"labgrown": True, "aliased_count": False}, {"labgrown": 1}],
)
def test_parameters_that_are_not_the_adapter_s_are_refused(client: NivodaClient, parameters: dict[str, object]) -> None:
    with pytest.raises(WrongParameters, match="the feed's parameters are wrong"):
        NivodaAdapter(client, parameters)


@pytest.mark.parametrize("grown", [True, False])
def test_all_of_the_sandbox_s_dirt_is_mapped_and_only_its_poison_is_refused(
    sandbox: Sandbox, labgrown: Adapter, natural: Adapter, grown: bool
) -> None:
    adapter = labgrown if grown else natural
    sandbox.supplier.set_faults(Settings(poison=Poison(stones=10, feed="labgrown" if grown else "natural")))
    refused: list[str] = []
    mapped: list[str] = []
    offset = 0

    while items := adapter.page(StoneQuery(), offset, 50).items:
        offset += len(items)
        for item in items:
            try:
                adapter.identify(item)
                facts = adapter.to_diamond(item)
            except MappingError as error:
                refused.append(error.field)
            else:
                mapped.append(facts.availability)

    assert len(refused) == 10
    assert set(refused) == {"price", "diamond.id"}
    assert mapped == ["available"] * (len(truth(sandbox, labgrown=grown)) - 10)
