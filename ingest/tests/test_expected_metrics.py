"""Metrics of feeds and of the accounts that they ask by begin at 0."""

from __future__ import annotations

import pytest

from diamondhub.database import psycopg_cursor
from ingest import expected_metrics, resting
from ingest.models import Feed
from ingest.sandbox.supplier import Options
from ingest.tests import factories

pytestmark = pytest.mark.django_db


def test_every_feed_and_every_account_once_is_known_with_all_that_can_become_of_it() -> None:
    Feed.objects.update(enabled=False)
    with factories.sandbox_feed(Options(stones=1), enabled=True) as (_sandbox, feed), psycopg_cursor() as cursor:
        factories.feed()
        Feed.objects.create(slug="off", adapter=feed.adapter, parameters=feed.parameters, enabled=False)
        Feed.objects.create(slug="twin", adapter=feed.adapter, parameters=feed.parameters)
        account = resting.account_of(feed)

        assert expected_metrics.feeds(cursor) == [("memory",), (feed.slug,), ("twin",)]
        assert expected_metrics.accounts(cursor) == [account]
        assert set(expected_metrics.requests(cursor)) == {
            (account, outcome) for outcome in ("answered", "throttled", "failed")
        }
        assert len(set(expected_metrics.refusals(cursor))) == 2 * 4
