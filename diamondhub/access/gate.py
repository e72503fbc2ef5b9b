"""The one gate before everything that is served: the order in which a request is checked, and nothing else.

`Gate` is the outermost middleware. Each of its steps is a class of its own beside this module, which can be tried alone:
it looks at a `Visit`, notes there what later steps need, and raises an error for what it refuses. `problems_of_order` says
what is wrong with an order; a system check stops the start if anything is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property, lru_cache
from http import HTTPStatus
from itertools import pairwise
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.core.handlers.exception import response_for_exception
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, get_urlconf, resolve
from django.utils.module_loading import import_string

from diamondhub.access import addresses, pages
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api import problems
from diamondhub.operations import measuring
from diamondhub.telemetry import process_metrics

if TYPE_CHECKING:
    from diamondhub.access.models import ApiClient, ApiKey
    from diamondhub.access.scopes import Scope
    from diamondhub.api.endpoint import Endpoint, Operation


class Place(IntEnum):
    """What is checked, in the order in which it is: nothing that costs more before what costs less, no hint to strangers."""

    REQUEST_ID = 1
    #: These two refuse nothing: they see every answer, refusals included.
    CROSS_ORIGIN = 2
    CACHING = 3
    ADDRESS_LIMIT = 4
    HEAD = 5
    FAILED_SIGN_INS = 6
    #: Browsers ask without a key.
    PREFLIGHT = 7
    KEY = 8
    STATE = 9
    SIGNATURE = 10
    TIME = 11
    NONCE = 12
    CLIENT_LIMITS = 13
    BODY = 14
    SCOPE = 15
    DIGEST = 16


@dataclass
class Visit:
    """One request on its way through the gate, and what its steps found out. `request.visit` leads here."""

    request: HttpRequest
    #: The caller's address, by trusted proxies if there are any (`diamondhub.access.addresses`).
    address: str = ""
    #: The key that was presented and proven, and whether it may be used; None as long as nobody has signed in.
    key: ApiKey | None = None
    #: The answer, where a step has one: then nothing else is asked.
    answer: HttpResponseBase | None = None
    #: When the request came in (Unix seconds): taken once, so that no check is later than another.
    arrived_at: float = field(default_factory=time)
    #: What steps note for each other, by their own names.
    notes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.address = self.address or addresses.of(self.request.META)

    @property
    def client(self) -> ApiClient | None:
        """Who calls, once its key is proven."""
        return self.key.client if self.key is not None else None

    @property
    def is_api(self) -> bool:
        """Whether the address is one of the API's."""
        return self.request.path_info.startswith(problems.API_PREFIX)

    @cached_property
    def endpoint(self) -> type[Endpoint] | None:
        """The endpoint at this address; None for pages, and where there is nothing."""
        path = self.request.path_info
        urlconf = get_urlconf() or settings.ROOT_URLCONF
        return _known_endpoint(path, urlconf) if len(path) <= _MAX_KNOWN_PATH else _endpoint(path, urlconf)

    @cached_property
    def operation(self) -> Operation | None:
        """What is declared of the method that is asked for; HEAD is declared by GET."""
        method = (self.request.method or "").lower()
        if self.endpoint is None or method not in self.endpoint.http_method_names:
            return None
        handler = getattr(self.endpoint, "get" if method == "head" else method, None)
        declared: Operation | None = getattr(handler, "operation", None)
        return declared

    @property
    def scope(self) -> Scope | None:
        """The scope that the operation needs; None where anybody may come."""
        if self.operation is None or self.endpoint is None:
            return None
        return self.operation.scope or self.endpoint.scope


def _endpoint(path: str, urlconf: str) -> type[Endpoint] | None:
    try:
        view = resolve(path, urlconf).func
    except Resolver404:
        return None
    found = getattr(view, "cls", None)
    return found if hasattr(found, "operation") else None


#: Longer addresses are looked up each time (characters).
_MAX_KNOWN_PATH = 100
_known_endpoint = lru_cache(maxsize=256)(_endpoint)


class Step:
    """One check. Steps hold no state of a request: that is the visit's.

    A step that can answer by itself leaves the answer in `visit.answer`.
    """

    place: Place

    def check(self, visit: Visit) -> None:
        """Look at the visit; raises `Problem`, or what DRF makes one of, to refuse it."""

    def finish(self, visit: Visit, response: HttpResponseBase) -> None:
        """Add to the answer, or the refusal; called for every step that was begun, the last first."""


#: The steps of the gate, by name, in their order.
STEPS = (
    "diamondhub.access.head.RequestId",
    "diamondhub.access.cors.CrossOrigin",
    "diamondhub.access.caching.Caching",
    "diamondhub.access.address_limit.AddressLimit",
    "diamondhub.access.head.Head",
    "diamondhub.access.failures.FailedSignIns",
    "diamondhub.access.cors.Preflights",
    "diamondhub.access.presented.PresentedKeys",
    "diamondhub.access.authentication.KeyState",
    "diamondhub.access.signatures.Signatures",
    "diamondhub.access.signatures.SignatureTimes",
    "diamondhub.access.nonces.Nonces",
    "diamondhub.access.throttles.classes.ClientLimits",
    "diamondhub.access.bodies.Bodies",
    "diamondhub.access.permissions.Scopes",
    "diamondhub.access.signatures.SignedBodies",
)


class Gate:
    """The outermost middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.steps = [import_string(name)() for name in STEPS]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = monotonic()
        visit = Visit(request)
        request.visit = visit  # type: ignore[attr-defined]
        begun: list[Step] = []
        try:
            for step in self.steps:
                begun.append(step)
                step.check(visit)
                if visit.answer is not None:
                    break
        except Exception as error:  # noqa: BLE001 - logged by Django; steps that were begun must be finished
            response = _refusal(visit, error)
        else:
            response = visit.answer or self.get_response(request)
        for step in reversed(begun):
            step.finish(visit, response)
        took = monotonic() - began
        outcome = _outcome(response.status_code)
        if visit.is_api:
            measuring.add_duration(measuring.API_CALLS, outcome, seconds=took)
        endpoint = _class_of(visit)
        process_metrics.count("diamondhub_http_requests_total", endpoint, str(response.status_code))
        process_metrics.observe("diamondhub_http_request_seconds", endpoint, outcome, seconds=took)
        return response


#: Every class of answers (`_outcome`).
OUTCOMES = ("answered", "refused", "limited", "failed")


def _outcome(status: int) -> str:
    """A class of answers as the start page and metrics count them."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "failed"
    return "limited" if status == HTTPStatus.TOO_MANY_REQUESTS else "refused" if status >= 400 else "answered"


#: Every class of addresses (`_class_of`): of the API, of what machines ask about us, and of pages.
OF_API = (
    "api-unknown",
    *(f"api-{limit}" for limit in LimitClass if limit not in (LimitClass.VISITOR, LimitClass.ADDRESS)),
)
OF_PROBES = ("health", "metrics")
OF_PAGES = ("admin", "static", "api", "other")


def _class_of(visit: Visit) -> str:
    """A class of addresses as metrics name it: by what limits them in the API, else by where they lie."""
    if visit.is_api:
        if visit.endpoint is None:
            return "api-unknown"
        own = visit.operation.limit if visit.operation is not None else None
        return f"api-{own or visit.endpoint.limit}"
    # The target of a request may have no slash at all: `OPTIONS *`.
    place = visit.request.path_info.removeprefix("/").partition("/")[0]
    return place if place in (*OF_PROBES, *OF_PAGES) else "other"


def _refusal(visit: Visit, error: Exception) -> HttpResponseBase:
    """The answer to a request that a step refused: a problem of the API, else a page; a 500 if a step has a fault."""
    problem = problems.problem_of(error)
    if problem is None:
        return response_for_exception(visit.request, error)
    respond = problems.respond if visit.is_api else pages.respond
    told = visit.endpoint.told(visit, problem) if visit.endpoint is not None else None
    response = told or respond(visit.request, problem)
    # No middleware that would say so sees what is refused here.
    response["X-Content-Type-Options"] = "nosniff"
    return response


def problems_of_order(middleware: Sequence[str], steps: Sequence[type[Step]]) -> list[str]:
    """What is wrong with these middlewares and steps, in sentences; empty if the gate stands where it must."""
    gate = f"{Gate.__module__}.{Gate.__qualname__}"
    wrong = []
    if gate not in middleware:
        wrong.append(f"MIDDLEWARE lacks {gate}: nothing would be checked.")
    elif middleware[0] != gate:
        wrong.append(f"MIDDLEWARE must begin with {gate}: {middleware[0]} would see what it has not checked.")
    if list(middleware).count(gate) > 1:
        wrong.append(f"MIDDLEWARE has {gate} more than once.")
    places = [step.place for step in steps]
    wrong += [
        f"The gate has the step {after.name} twice."
        if after == before
        else f"The gate's step {after.name} must come before {before.name}."
        for before, after in pairwise(places)
        if after <= before
    ]
    wrong += [f"The gate lacks the step {place.name}." for place in Place if place not in places]
    return wrong


@checks.register(checks.Tags.security)
def check_order(**_options: Any) -> list[checks.CheckMessage]:
    """Stop the start if the gate is missing or misplaced, or if its steps are not in their order."""
    return [
        checks.Error(message, id="access.E001")
        for message in problems_of_order(settings.MIDDLEWARE, [import_string(name) for name in STEPS])
    ]
