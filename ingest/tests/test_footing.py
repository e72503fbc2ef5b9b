"""The page-shift guard, against an inventory that shrinks, hides stones and sends short pages."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.walking.footing import Footing, Verdict


def stones(count: int) -> list[uuid.UUID]:
    return [uuid.UUID(int=i + 1) for i in range(count)]


def walk(
    inventory: list[uuid.UUID],
    *,
    expected: int | None = None,
    between: Callable[[int], None] = lambda _request: None,
    page: Callable[[int, list[uuid.UUID]], list[uuid.UUID]] = lambda _request, items: items,
    limit: int = 10,
    looks_behind: bool = False,
) -> tuple[set[uuid.UUID], int]:
    """Walk a list that `between` may change before each request; returns what was stored and the requests.

    A supplier that `looks_behind` says with each page whether anything lies behind what is expected of it; the list may
    change in between.
    """
    footing = Footing(limit=limit, position=0, expected=len(inventory) if expected is None else expected)
    stored: set[uuid.UUID] = set()
    for request in range(10_000):
        between(request)
        offset, behind = footing.next_offset(), footing.end_expected()
        items = page(request, inventory[offset : offset + limit])
        if looks_behind:
            between(-1 - request)
        is_last = looks_behind and behind is not None and not inventory[behind:]
        verdict = footing.received(offset, items, len(items))
        if verdict is Verdict.END:
            return stored, request + 1
        if verdict is Verdict.GO_ON:
            stored.update(items)
            if footing.ended(behind, is_last=is_last):
                return stored, request + 1
    raise AssertionError("the walk does not end")


def test_a_quiet_slice_costs_one_empty_page_more_than_its_pages() -> None:
    inventory = stones(95)

    stored, requests = walk(inventory)

    assert stored == set(inventory)
    # 10 stones, then 9 new ones a page, then the empty page.
    assert requests == 1 + 10 + 1


@pytest.mark.parametrize("count", [1, 9, 10, 11, 18, 19, 20, 95, 100])
def test_a_supplier_that_looks_behind_saves_the_empty_page(count: int) -> None:
    inventory = stones(count)

    stored, requests = walk(inventory, looks_behind=True)

    assert stored == set(inventory)
    # 10 stones, then 9 new ones a page, and nothing else.
    assert requests == max(1, -(-(count - 1) // 9)) < walk(inventory)[1]


@pytest.mark.parametrize("error", [-20, -1, 1, 20])
def test_what_is_behind_is_not_believed_unless_the_count_says_the_same(error: int) -> None:
    inventory = stones(95)

    stored, _requests = walk(inventory, expected=95 + error, looks_behind=True)

    assert stored == set(inventory)


def test_an_empty_slice_costs_one_request() -> None:
    assert walk([]) == (set(), 1)


def test_a_stone_behind_one_that_left_is_not_skipped() -> None:
    inventory = stones(100)
    still = set(inventory[1:])

    def leave(request: int) -> None:
        if request == 3:
            del inventory[0]

    stored, _ = walk(inventory, between=leave)

    assert still <= stored


def test_a_count_that_promises_too_little_does_not_end_the_walk() -> None:
    inventory = stones(100)

    def cut_short(request: int, items: list[uuid.UUID]) -> list[uuid.UUID]:
        return items[:6] if request % 3 == 0 else items

    stored, _ = walk(inventory, expected=5, page=cut_short)

    assert stored == set(inventory)


def test_stones_that_are_counted_but_never_shown_do_not_stop_the_walk() -> None:
    inventory = stones(200)
    hidden = {stone for i, stone in enumerate(inventory) if i % 7 == 0 or 40 <= i < 48}

    stored, _ = walk(inventory, page=lambda _request, items: [one for one in items if one not in hidden])

    assert stored == set(inventory) - hidden


@given(
    size=st.integers(min_value=0, max_value=120),
    leaving=st.dictionaries(st.integers(-40, 40), st.lists(st.integers(0, 119), max_size=12), max_size=20),
    short=st.dictionaries(st.integers(0, 60), st.integers(1, 9), max_size=15),
    lie=st.sampled_from([None, 0, 500]),
    looks_behind=st.booleans(),
)
@settings(max_examples=1000, deadline=None)
def test_every_stone_that_stood_still_is_read_however_others_leave_and_pages_shrink(
    size: int, leaving: dict[int, list[int]], short: dict[int, int], lie: int | None, looks_behind: bool
) -> None:
    inventory = stones(size)
    everything = list(inventory)
    gone = {everything[i] for each in leaving.values() for i in each if i < size}

    def leave(request: int) -> None:
        for i in leaving.get(request, []):
            if i < size and everything[i] in inventory:
                inventory.remove(everything[i])

    def page(request: int, items: list[uuid.UUID]) -> list[uuid.UUID]:
        return items[: short.get(request, len(items))]

    stored, _ = walk(inventory, expected=lie, between=leave, page=page, looks_behind=looks_behind)

    assert set(everything) - gone <= stored
