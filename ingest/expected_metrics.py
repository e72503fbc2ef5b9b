"""Label sets of metrics that ingestion knows before anything is counted: of each feed, and each account that it asks by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

import psycopg

from diamondhub.pace.limiter import REFUSALS, Lane
from diamondhub.telemetry import expected_metrics
from ingest.feeds import registry


def feeds(cursor: psycopg.Cursor[Any]) -> list[tuple[str]]:
    """Every feed that is switched on."""
    cursor.execute("SELECT slug FROM ingest_feed WHERE enabled ORDER BY slug")
    return cursor.fetchall()


def accounts(cursor: psycopg.Cursor[Any]) -> list[str]:
    """The accounts by which feeds that are switched on ask their suppliers."""
    # As text: whether a cursor reads JSON depends on whose it is.
    cursor.execute("SELECT DISTINCT adapter, parameters::text FROM ingest_feed WHERE enabled")
    rows = [(adapter, json.loads(parameters)) for adapter, parameters in cursor.fetchall()]
    return sorted({registry.account_of(adapter, parameters) for adapter, parameters in rows} - {""})


def waits(cursor: psycopg.Cursor[Any]) -> Iterator[tuple[str, str]]:
    """Each account with each lane."""
    return product(accounts(cursor), Lane)


def refusals(cursor: psycopg.Cursor[Any]) -> Iterator[tuple[str, str, str]]:
    """Each account with each lane and each reason of the limiter."""
    return product(accounts(cursor), Lane, REFUSALS)


def requests(cursor: psycopg.Cursor[Any]) -> Iterator[tuple[str, str]]:
    """Each account with each outcome of a request."""
    return product(accounts(cursor), ("answered", "throttled", "failed"))


expected_metrics.expect("diamondhub_batch_seconds", feeds)
expected_metrics.expect("diamondhub_limiter_wait_seconds", waits)
expected_metrics.expect("diamondhub_limiter_refusals_total", refusals)
expected_metrics.expect("diamondhub_supplier_requests_total", requests)
