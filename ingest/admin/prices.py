"""What the columns of a list's prices hold, as a table of the pages of feeds and runs."""

from __future__ import annotations

from typing import Any

from ingest import price_meanings
from ingest.feeds.verdicts import IN_WORDS


def prices_table(kept: dict[str, Any]) -> dict[str, Any] | None:
    """The verdict on each column with its evidence; None where no list was looked at."""
    verdict = price_meanings.verdict_of(kept)
    if not verdict.columns:
        return None
    rows = [
        (
            column.header,
            IN_WORDS[column.means],
            column.by,
            f"{column.rows:,} of {column.of:,}" if column.of else "",
        )
        for column in verdict.columns
    ]
    looked = f"{verdict.looked:,} of {verdict.rows:,} rows were looked at"
    return {
        "title": "What the list's prices are",
        "headers": ["Column", "Holds", "By", "Rows"],
        "rows": rows,
        "note": "",
        "said": [looked, *verdict.notes],
    }
