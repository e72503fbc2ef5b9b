"""What a list as a whole proved of its columns, of money and of a "Cut" that is a shape, as every row of it carries it.

A row is mapped long after its list was read, on any host, so what all rows proved together travels with each of them, under
the key `reading.PROVEN`. Rows of lists whose headers say everything carry nothing.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from ingest.feeds.pricelist.discounts import Writing
from ingest.feeds.pricelist.headers import key


class Proven(msgspec.Struct, frozen=True, omit_defaults=True):
    """Header → field, where the rows say it and not the header's spelling; how discounts are written, where that counts;
    the decimal sign of amounts, where it is another than that of weights."""

    columns: dict[str, str] = {}
    discounts: Writing | None = None
    decimal: str = ""
    #: Whether list and discount give the prices of so many rows that those of the others are wrong.
    binding: bool = False
    #: Header → cells of it that stand for a price on request.
    placeholders: dict[str, tuple[str, ...]] = {}
    #: Field → folded word → what it means in this list, where its other words say so.
    words: dict[str, dict[str, str]] = {}
    #: Whether a colour that stands beside an intensity is the name of a fancy one, be it a letter of the scale.
    named_beside: bool = False

    def __bool__(self) -> bool:
        return bool(
            self.columns
            or self.discounts
            or self.decimal
            or self.binding
            or self.words
            or self.named_beside
            or self.placeholders
        )

    def written(self) -> str:
        """As a row carries it."""
        return msgspec.json.encode(self, order="sorted").decode()

    @property
    def chosen(self) -> dict[str, str]:
        """The columns by folded header, as a feed's parameters choose them."""
        return {key(header): field for header, field in self.columns.items()}


NOTHING = Proven()


@lru_cache(maxsize=256)
def read(written: object) -> Proven:
    """What a row carries; nothing if it cannot be read."""
    if not isinstance(written, str) or not written:
        return NOTHING
    try:
        return msgspec.json.decode(written, type=Proven)
    except msgspec.DecodeError:
        return NOTHING
