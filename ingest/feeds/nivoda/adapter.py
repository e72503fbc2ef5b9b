"""The Nivoda adapter: the inventory of one account, natural or lab-grown, as planner, walk and consolidation see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
import structlog
from msgspec import Meta

from catalog.rows import StoneFacts
from diamondhub.pace.limiter import Lane
from ingest.errors import IngestError, TransientSupplierError
from ingest.feeds.adapter import Look, RelayedAnswer, StoneIdentity, StoneQuery, SupplierPage
from ingest.feeds.nivoda import looking, mapping, relaying
from ingest.feeds.nivoda.answers import decode as decode_as
from ingest.feeds.nivoda.client import Manner, NivodaClient
from ingest.feeds.nivoda.query import LAST_PAGE, PAGE, PRICE_WITHOUT_END, QUERY_VERSION, counts_text, diamond_query

log = structlog.get_logger(__name__)

#: Largest page that the supplier serves.
PAGE_LIMIT = 50
#: Counts in one request: enough for a round of planning, few enough that the supplier answers within seconds.
ALIASES = 25

#: Whoever waits in person waits no longer for a slot (seconds).
MAX_WAIT_SECONDS = 2.0
#: How queries of other programs are asked: whoever waits for the answer waits for it in person (seconds, bytes).
RELAYED = Manner(
    18.0, lane=Lane.INTERACTIVE, max_wait=MAX_WAIT_SECONDS, patience=2.0, whole=20.0, answer_limit=2_000_000
)


class WrongParameters(IngestError):
    """The feed's parameters are not those of the Nivoda adapter."""


class NotAsked(IngestError):
    """This adapter was built to map items and asks nobody."""


class Parameters(msgspec.Struct, forbid_unknown_fields=True):
    """The parameters of a Nivoda feed: which half of the inventory, and whether aliases may be used at all.

    `username` and `endpoint` name an account of the feed's own, in place of the settings'; its password is a secret.
    """

    labgrown: Annotated[
        bool,
        Meta(
            title="Stones",
            description="Which half of the supplier's inventory the feed pulls.",
            extra={"false": "natural", "true": "lab-grown"},
        ),
    ]
    aliased_counts: Annotated[
        bool,
        Meta(
            title="Many counts in one request",
            description="Planning asks for many counts by one request. Off: one by one, for a supplier that refuses that.",
        ),
    ] = True
    username: Annotated[
        str,
        Meta(
            title="User of its own",
            description="The user name of an account of the feed's own; its password is a secret. Empty: that of "
            "NIVODA_USERNAME.",
        ),
    ] = ""
    endpoint: Annotated[
        str,
        Meta(
            title="Endpoint of its own",
            description="The address of that account's supplier, one of NIVODA_ENDPOINTS. Empty: NIVODA_ENDPOINT.",
        ),
    ] = ""


def parameters_of(parameters: dict[str, Any]) -> Parameters:
    """Check a feed's parameters. Raises `WrongParameters`."""
    try:
        return msgspec.convert(parameters, Parameters)
    except msgspec.ValidationError as error:
        raise WrongParameters(f"the feed's parameters are wrong: {error}") from error


class _Items(msgspec.Struct):
    items: list[msgspec.Raw]


class _Page(msgspec.Struct):
    diamonds_by_query: _Items
    behind: _Items | None = None


class _AsPage(msgspec.Struct):
    account: _Page = msgspec.field(name="as")


class _AsCounts(msgspec.Struct):
    account: dict[str, int] = msgspec.field(name="as")


class NivodaAdapter:
    """One feed of the account; see `ingest.feeds.adapter.Adapter`."""

    page_limit = PAGE_LIMIT
    answers_by_id = True
    query_version = QUERY_VERSION
    mapper_version = mapping.MAPPER_VERSION

    def __init__(
        self, client: NivodaClient | None, parameters: dict[str, Any], *, count_seconds: float | None = None
    ) -> None:
        chosen = parameters_of(parameters)
        self._asked = client
        self._labgrown = chosen.labgrown
        self._count_seconds = count_seconds
        self.counts_per_request = ALIASES if chosen.aliased_counts else 1
        self._looks_behind = chosen.aliased_counts

    def server_time(self) -> datetime:
        """The supplier's clock; signs in if nobody has yet. Raises a `SupplierError`."""
        signed_in = self._client.sign_in(instead_of="")
        moment = signed_in.supplier_time
        if moment is None:
            # In terms that every count is asked in: a supplier need not take more.
            nothing = {"q0": diamond_query(StoneQuery(price_from=PRICE_WITHOUT_END), labgrown=self._labgrown)}
            moment = self._client.ask(counts_text(1), nothing, _AsCounts).supplier_time
        if moment is None:
            raise TransientSupplierError("the supplier's answer has no Date header, so its clock is unknown")
        return moment

    def count(self, queries: Sequence[StoneQuery]) -> list[int]:
        """The number of stones in each slice, by one request; see the protocol for what it raises."""
        variables = {f"q{i}": diamond_query(query, labgrown=self._labgrown) for i, query in enumerate(queries)}
        answer = self._client.ask(counts_text(len(queries)), variables, _AsCounts, timeout=self._count_seconds)
        try:
            return [max(0, answer.data.account[f"c{i}"]) for i in range(len(queries))]
        except KeyError as error:
            raise TransientSupplierError(f"the supplier left out the count {error}") from error

    def page(self, query: StoneQuery, offset: int, limit: int, behind: int | None = None) -> SupplierPage:
        """Up to `limit` stones of a slice from `offset` on; looks behind where the feed says that aliases are taken."""
        asked = diamond_query(query, labgrown=self._labgrown)
        if behind is None or not self._looks_behind:
            return self._page(PAGE, query=asked, offset=offset, limit=limit)
        return self._page(LAST_PAGE, query=asked, offset=offset, limit=limit, behind=behind)

    def lookup(self, supplier_stone_ids: Sequence[str]) -> SupplierPage:
        """The stones with these ids that the supplier still knows, whatever their availability."""
        asked = {"ids": list(supplier_stone_ids), "labgrown": self._labgrown}
        return self._page(PAGE, query=asked, offset=0, limit=self.page_limit)

    def lookup_now(self, supplier_stone_ids: Sequence[str], seconds: float) -> SupplierPage:
        """The same while somebody waits; see `ingest.feeds.adapter.Confirming`."""
        wait = min(MAX_WAIT_SECONDS, seconds)
        manner = Manner(seconds, Lane.INTERACTIVE, wait, patience=wait, whole=seconds, answer_limit=2_000_000)
        asked = {"ids": list(supplier_stone_ids), "labgrown": self._labgrown}
        answer = self._client.ask_for(
            PAGE,
            {"query": asked, "offset": 0, "limit": self.page_limit},
            partial(decode_as, shape=_AsPage, signing_in=False),
            manner,
        )
        items = [bytes(item) for item in answer.data.account.diamonds_by_query.items]
        return SupplierPage(items, answer.supplier_time, answer.elapsed)

    def try_sign_in(self, seconds: float) -> str:
        """Sign in anew; see `ingest.feeds.adapter.Trying`."""
        wait = min(MAX_WAIT_SECONDS, seconds)
        manner = Manner(seconds - wait, Lane.INTERACTIVE, wait, whole=seconds, answer_limit=2_000_000)
        took = self._client.try_sign_in(manner)
        return f"the supplier took user and password and gave a token within {took:.1f} s"

    def identify(self, item: bytes) -> StoneIdentity:
        """The identity of an item."""
        return mapping.identify(item)

    def to_diamond(self, item: bytes) -> StoneFacts:
        """An item in the catalogue's terms."""
        return mapping.to_diamond(item, labgrown=self._labgrown)

    def look(self, item: bytes) -> Look:
        """The unknown of an item."""
        return looking.look(item)

    def is_order(self, query: str, variables: Mapping[str, Any], *, may_order: bool) -> bool:
        """Whether it is a mutation; see `ingest.feeds.adapter.Relaying`."""
        return relaying.prepare(query, variables, may_order=may_order).kind == relaying.MUTATION

    def proxy(self, query: str, variables: Mapping[str, Any], *, may_order: bool) -> RelayedAnswer:
        """Somebody else's query on our account; see `ingest.feeds.adapter.Relaying`."""
        prepared = relaying.prepare(query, variables, may_order=may_order)
        log.info("supplier_query_relayed", kind=prepared.kind, fields=prepared.fields)
        return self._client.ask_for(prepared.text, dict(variables), relaying.decode, RELAYED).data

    @property
    def _client(self) -> NivodaClient:
        if self._asked is None:
            raise NotAsked
        return self._asked

    def _page(self, text: str, **variables: Any) -> SupplierPage:
        answer = self._client.ask(text, variables, _AsPage)
        page = answer.data.account
        items = [bytes(item) for item in page.diamonds_by_query.items]
        return SupplierPage(
            items, answer.supplier_time, answer.elapsed, is_last=page.behind is not None and not page.behind.items
        )
