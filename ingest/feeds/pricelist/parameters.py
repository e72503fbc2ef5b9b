"""The parameters that a price-list feed may set, checked when the adapter is built."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ingest.feeds.pricelist.errors import WrongParameters
from ingest.feeds.pricelist.headers import SPELLINGS

DELIMITERS = (",", ";", "\t", "|")


class Parameters(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A feed's parameters. Whatever is None is found out from the list itself.

    `source` is a path below PRICELIST_DIR or an http(s) address; `columns` maps headers to fields (`"Our ref":
    "stock_number"`; an empty field leaves a column out); `price_means` says what a lone price column holds; `decimal` is
    the decimal sign; `labgrown` and `supplier` stand in where a row does not say.
    """

    source: str
    columns: dict[str, str] = msgspec.field(default_factory=dict)
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    encoding: Literal["utf-8", "utf-16", "windows-1252", "latin-1"] | None = None
    decimal: Literal[".", ","] | None = None
    price_means: Literal["total", "per_carat"] | None = None
    labgrown: bool = False
    supplier: str = ""

    @property
    def chosen(self) -> dict[str, str]:
        """The columns that the feed names, by folded header."""
        return {header.strip().casefold(): field for header, field in self.columns.items()}

    @property
    def reading(self) -> bytes:
        """The parameters that decide how a list becomes a snapshot, as one key."""
        return msgspec.json.encode([self.columns, self.delimiter, self.encoding, self.decimal, self.price_means])


def parameters_of(parameters: dict[str, Any]) -> Parameters:
    """Check a feed's parameters. Raises `WrongParameters` with the name of the wrong one."""
    try:
        chosen = msgspec.convert(parameters, Parameters)
    except msgspec.ValidationError as error:
        raise WrongParameters(f"the feed's parameters are wrong: {error}") from error
    if not chosen.source.strip():
        raise WrongParameters("the feed's parameters are wrong: `source` is empty; name a path or an address")
    for header, field in chosen.columns.items():
        if field and field not in SPELLINGS:
            raise WrongParameters(
                f"the feed's parameters are wrong: {header!r} cannot mean {field!r}; fields are: {', '.join(SPELLINGS)}"
            )
    return chosen
