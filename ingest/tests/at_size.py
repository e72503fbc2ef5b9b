"""Large tables for tests of pages: rows copied in one statement, and what the planner would read whole."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

#: A list that takes the first rows as they come may expect to read such a share of a table until it has enough.
MAX_SHARE = 0.2
#: Steps of a plan that take rows only until whoever asks has enough.
PASSING = ("Append", "Incremental Sort", "Merge Append", "Merge Join", "Nested Loop", "Result", "Subquery Scan")
_SELECT = re.compile(r"\s*(/\*.*?\*/)?\s*(SELECT|WITH)", re.DOTALL)


def copies(table: str, of: object, many: int, differing: Mapping[str, str], *, key: str = "id") -> None:
    """Copy the row with the key `of` so many times.

    `differing` has what differs between the copies, as SQL by column, in which `n` counts them from 1.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, is_identity = 'YES' FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'",
            [table],
        )
        names = [name for name, numbered in cursor.fetchall() if not numbered or name in differing]
        columns = ", ".join(f'"{name}"' for name in names)
        values = ", ".join(differing.get(name, f'"{name}"') for name in names)
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table}, generate_series(1, {many}) AS n"
            f" WHERE {key} = '{of}'"
        )


def analyze(tables: Iterable[str]) -> None:
    """Let the planner know them as they are."""
    with connection.cursor() as cursor:
        for table in sorted(tables):
            cursor.execute(f"ANALYZE {table}")


def statements(browser: Client, address: str) -> list[str]:
    """What the database is asked for one page."""
    with CaptureQueriesContext(connection) as captured:
        response = browser.get(address)
        assert response.status_code == 200, f"{address}: {response.status_code}"
        # A streamed answer asks while it is read.
        _ = response.getvalue()
    return [query["sql"] for query in captured]


def whole_scans(asked: Iterable[str], tables: Collection[str]) -> dict[str, set[str]]:
    """The statements whose plans read one of the tables, or one of its pieces, whole, with the names of these.

    An empty piece has nothing to be read.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent::regclass::text = ANY (%s) AND pg_relation_size(inhrelid) > 0",
            [[*tables]],
        )
        large = {*tables, *(name for (name,) in cursor.fetchall())}
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NULL")
        of_all_rows = {name for (name,) in cursor.fetchall()}
    found = {}
    for statement in asked:
        if _SELECT.match(statement):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}")
                (plan,) = cursor.fetchone() or ("[]",)
            top = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
            scans = _scans(top, of_all_rows, 1.0)
            if scanned := {name for name, share in scans if name in large and share > MAX_SHARE}:
                found[statement] = scanned
    return found


def _scans(node: Mapping[str, Any], of_all_rows: Collection[str], share: float) -> Iterator[tuple[str, float]]:
    """Each table that is read from its beginning, and the share of it that is expected to be read, which a limit bounds.

    An index of all rows that gives no more than their order, while a filter looks for some, is read from its beginning too.
    """
    only_orders = node.get("Index Name") in of_all_rows and "Index Cond" not in node and "Filter" in node
    if node["Node Type"] == "Seq Scan" or only_orders:
        yield node["Relation Name"], share
    children = node.get("Plans", [])
    if node["Node Type"] == "Limit" and children:
        share = min(share, node["Plan Rows"] / max(1, children[0]["Plan Rows"]))
    elif node["Node Type"] not in PASSING:
        # Whoever sorts or hashes reads all first.
        share = 1.0
    for child in children:
        is_looked_up = node["Node Type"] == "Nested Loop" and child.get("Parent Relationship") == "Inner"
        yield from _scans(child, of_all_rows, 1.0 if is_looked_up else share)
