"""The parameters that a price-list feed may set, checked when the adapter is built."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from catalog.grades import fold
from ingest.feeds.pricelist import vocabulary
from ingest.feeds.pricelist.errors import WrongParameters
from ingest.feeds.pricelist.headers import SPELLINGS, key
from ingest.feeds.pricelist.source import refuse_open_password

DELIMITERS = (",", ";", "\t", "|")
#: What `sheet` is for all sheets of a workbook that have a list.
ALL_SHEETS = "*"


class Parameters(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A feed's parameters. Whatever is None is found out from the list itself.

    `source` is a path below PRICELIST_DIR or an address; `columns` maps headers to fields (`"Our ref": "stock_number"`; an
    empty field leaves a column out); `words` says what words mean that no table knows (`{"shape": {"BRL": "ROUND"}}`; an
    empty meaning says nothing); `price_means` says what a lone price column holds, `price_unit` what amounts are written in,
    `discount_means` what a discount without a sign says; `decimal` is the decimal sign; `known_remarks` are texts about
    prices that were looked at; `sheet` and `member` choose one of several lists; `host_key` is that of an SFTP server;
    `labgrown` and `supplier` stand in where a row does not say.
    """

    source: Annotated[
        str,
        Meta(
            title="List",
            description="A path below PRICELIST_DIR, or an address: https, ftps, sftp, http, ftp. {password} and {token} in "
            "it are filled with the feed's secrets.",
        ),
    ]
    columns: Annotated[
        dict[str, str],
        Meta(
            title="Columns",
            description="What headers mean that are not understood by themselves, one a line: Our ref = stock_number. "
            "Nothing behind the = leaves a column out.",
        ),
    ] = msgspec.field(default_factory=dict)
    words: Annotated[
        dict[str, dict[str, str]],
        Meta(
            title="Words",
            description="What words mean that no table knows, one a line: shape: BRL = ROUND. Nothing behind the = makes a "
            "word say nothing.",
        ),
    ] = msgspec.field(default_factory=dict)
    delimiter: Annotated[
        Literal[",", ";", "\t", "|"] | None,
        Meta(title="Delimiter", description="Between cells.", extra={"\t": "tab"}),
    ] = None
    encoding: Annotated[
        Literal["utf-8", "utf-16", "windows-1252", "latin-1", "windows-1255", "windows-1251", "gb18030", "shift_jis"]
        | None,
        Meta(title="Encoding", description="Of the list's text."),
    ] = None
    decimal: Annotated[
        Literal[".", ","] | None,
        Meta(
            title="Decimal sign", description="In prices and weights.", extra={".": "point: 1.05", ",": "comma: 1,05"}
        ),
    ] = None
    price_means: Annotated[
        Literal["total", "per_carat"] | None,
        Meta(
            title="A lone price is",
            description="What a column holds that is only called price.",
            extra={"total": "of the stone", "per_carat": "per carat"},
        ),
    ] = None
    price_unit: Annotated[
        Literal["dollars", "cents"] | None,
        Meta(
            title="Prices are",
            description="What amounts are written in.",
            extra={"dollars": "dollars", "cents": "cents"},
        ),
    ] = None
    discount_means: Annotated[
        Literal["below", "signed", "of"] | None,
        Meta(
            title="A discount of 38 is",
            description="What a discount of the Rapaport list without a sign says.",
            extra={
                "below": "38 % below the list",
                "signed": "38 % above it, and -38 below",
                "of": "38 % of the list, which is what is paid",
            },
        ),
    ] = None
    labgrown: Annotated[
        bool | None,
        Meta(
            title="Stones",
            description="What stones are where a row does not say. Left open they are natural, and what only hints at "
            "lab-grown ones, such as a supplier's name, is asked about.",
            extra={"false": "natural", "true": "lab-grown"},
        ),
    ] = None
    known_remarks: Annotated[
        dict[str, str],
        Meta(
            title="Known remarks",
            description="What the list says of all prices outside of its rows and was looked at, so that a later list that "
            "says it is not asked about, one a line: LESS 2% = known.",
        ),
    ] = msgspec.field(default_factory=dict)
    sheet: Annotated[
        str,
        Meta(
            title="Sheet",
            description="Of a workbook with several lists, the name of the sheet that is for sale; * for all of them.",
        ),
    ] = ""
    member: Annotated[
        str, Meta(title="File in the archive", description="Of a ZIP archive with several lists, the name of the one.")
    ] = ""
    host_key: Annotated[
        str,
        Meta(
            title="Key of the SFTP server",
            description="Its fingerprint (SHA256:…), or the key itself (ssh-ed25519 …). Ask the supplier which it is.",
        ),
    ] = ""
    supplier: Annotated[str, Meta(title="Supplier", description="Whose stones these are where a row does not say.")] = (
        ""
    )

    @property
    def chosen(self) -> dict[str, str]:
        """The columns that the feed names, by folded header."""
        return {key(header): field for header, field in self.columns.items()}

    @property
    def meanings(self) -> dict[str, dict[str, str]]:
        """What the feed's own words mean: field → folded word → a word that the tables know."""
        return {
            field: {fold(word): meaning.strip() for word, meaning in said.items()}
            for field, said in self.words.items()
            if said
        }

    @property
    def reading(self) -> bytes:
        """The parameters that decide how a list becomes a snapshot, as one key."""
        written: list[Any] = [self.columns, self.words, self.delimiter, self.encoding, self.decimal]
        # Whether a stone was grown decides which prices are usual.
        prices = [self.price_means, self.discount_means, self.price_unit, self.labgrown]
        return msgspec.json.encode([*written, *prices, self.sheet, self.member])


def parameters_of(parameters: dict[str, Any]) -> Parameters:
    """Check a feed's parameters. Raises `WrongParameters` with the name of the wrong one."""
    try:
        chosen = msgspec.convert(parameters, Parameters)
    except msgspec.ValidationError as error:
        raise WrongParameters(f"the feed's parameters are wrong: {error}") from error
    if not chosen.source.strip():
        raise WrongParameters("the feed's parameters are wrong: `source` is empty; name a path or an address")
    if wrong := refuse_open_password(chosen.source):
        raise WrongParameters(f"the feed's parameters are wrong: `source`: {wrong}")
    for header, field in chosen.columns.items():
        if field and field not in SPELLINGS:
            raise WrongParameters(
                f"the feed's parameters are wrong: {header!r} cannot mean {field!r}; fields are: {', '.join(SPELLINGS)}"
            )
    for field, said in chosen.words.items():
        for word, meaning in said.items():
            if why := vocabulary.fault(field, meaning.strip()):
                raise WrongParameters(f"the feed's parameters are wrong: `words`: {word!r} of {field!r}: {why}")
    return chosen
