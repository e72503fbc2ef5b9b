"""What an API client may do: the scopes that a client holds and that a view asks for."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """One permission of an API client; each says what it opens."""

    #: Search the catalogue and read diamonds with their prices, never what they cost.
    CATALOG_READ = "catalog:read"
    #: See what stones cost, search and sort by it, on top of `catalog:read`.
    CATALOG_COST = "catalog:cost"
    #: See which supplier offers a stone, search and sort by it, on top of `catalog:read`.
    CATALOG_SUPPLIER = "catalog:supplier"
    #: Have whole searches written to files and fetch these, on top of `catalog:read`.
    CATALOG_EXPORT = "catalog:export"
    #: Have the supplier asked whether a stone is still for sale, through its limit, on top of `catalog:read`.
    CATALOG_VERIFY = "catalog:verify"
    #: Enter rates of exchange, by which prices are shown in other currencies.
    RATES_EDIT = "rates:edit"
    #: Ask a supplier through its limit, to read.
    SUPPLIERS_PROXY = "suppliers:proxy"
    #: Hold and order stones at a supplier, on top of `suppliers:proxy`.
    SUPPLIERS_ORDER = "suppliers:order"
    #: Read rule sets, simulations, repricings, experiments, histories and explanations of prices, with what stones cost.
    PRICING_READ = "pricing:read"
    #: Make drafts of rule sets, edit them and throw them away.
    PRICING_EDIT = "pricing:edit"
    #: Publish rule sets, start and cancel repricings, start and end experiments.
    PRICING_PUBLISH = "pricing:publish"
    #: Read feeds: their schedules, limits, brakes, and how far each is known to be true; never what signs in to a supplier.
    FEEDS_READ = "feeds:read"
    #: Switch feeds on and off, change their schedules, windows and brakes, have a supplier's refusals forgotten.
    FEEDS_EDIT = "feeds:edit"
    #: Watch runs, their partitions and dead letters. What stones cost is shown only together with `pricing:read`.
    RUNS_READ = "runs:read"
    #: Start, cancel, approve and retry runs, pause and resume feeds and supplier accounts, replay and discard dead letters.
    RUNS_OPERATE = "runs:operate"
    #: Read what could not be processed word for word: a supplier's own text, with what it asks for a stone.
    LETTERS_PAYLOAD = "letters:payload"
    #: See what is wrong, and what was; what it quotes of stones is shown only together with `pricing:read`.
    PROBLEMS_READ = "problems:read"
    #: Acknowledge problems, take that back, and resolve those that end by hand.
    PROBLEMS_OPERATE = "problems:operate"
    #: Read who changed what, when and why; what was changed in rules of prices is shown only together with `pricing:read`.
    AUDIT_READ = "audit:read"
    #: Have addresses of its own told of events that it may read, see what became of telling them, get new secrets for them.
    WEBHOOKS_MANAGE = "webhooks:manage"


#: All that keys open which everybody can read.
PUBLISHABLE_SCOPES = (Scope.CATALOG_READ,)
