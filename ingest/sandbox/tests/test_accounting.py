"""The books: what arrived when, and how much of it in any one second."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ingest.sandbox import accounting, server
from ingest.sandbox.accounting import Accounting, most_in_one_second
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options
from ingest.sandbox.tests.conftest import Buyer


@pytest.mark.parametrize(
    ("arrivals", "most"),
    [
        ([], 0),
        ([5.0], 1),
        ([0.0, 0.999, 1.0], 2),
        ([0.0, 1.0, 2.0], 1),
        ([0.9, 0.95, 1.05, 1.85, 1.95], 4),
        ([i / 16 for i in range(100)], 16),
    ],
)
def test_the_window_is_half_open_and_slides(arrivals: list[float], most: int) -> None:
    assert most_in_one_second(np.array(arrivals)) == most


def test_every_request_is_booked_under_its_kind(buyer: Buyer) -> None:
    stone = buyer.page()["items"][0]["diamond"]["id"]
    buyer.page(ids=[stone])
    buyer.count()
    buyer.post("not graphql", {})

    stats = buyer.stats()

    kinds = {kind: stats[kind] for kind in ("pages", "lookups", "counts", "sign_ins", "others")}
    assert kinds == {"pages": 1, "lookups": 1, "counts": 1, "sign_ins": 1, "others": 1}
    assert stats["requests"] == sum(stats["histogram"]) == 5


def test_new_books_are_empty(buyer: Buyer) -> None:
    buyer.count()

    buyer.control("POST", "/stats/reset")

    assert buyer.stats()["requests"] == 0
    assert buyer.stats()["first_page_at"] is None


def test_the_rate_while_paging_counts_all_requests_between_the_pages() -> None:
    books = Accounting()
    for at, kind in [
        (0.0, accounting.COUNT),
        (10.0, accounting.PAGE),
        (11.0, accounting.SIGN_IN),
        (14.0, accounting.PAGE),
    ]:
        books.arrived(at, kind)

    stats = books.stats()

    assert stats["per_second_while_paging"] == 3 / 4
    assert stats["histogram"] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1]
    assert stats["last_page_at"] - stats["first_page_at"] == pytest.approx(4)


def test_a_limit_refuses_what_is_over_it_and_counts_it_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = server._Handler.parse_request

    def at_one_moment(self: Any) -> bool:
        # However long the test takes to send them.
        parsed = parse(self)
        self._arrived = 1.0
        return parsed

    monkeypatch.setattr(server._Handler, "parse_request", at_one_moment)

    with Sandbox(Options(stones=10, rate_limit=3)) as sandbox:
        buyer = Buyer(sandbox)

        statuses = [buyer.post("{ __typename }", {}).status_code for _ in range(5)]

        assert statuses == [200, 200, 200, 429, 429]
        assert buyer.stats()["max_in_one_second"] == 5
