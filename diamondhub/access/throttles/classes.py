"""The limits of clients as DRF's throttle classes, and the gate's step that asks for all of a request's at once.

`DEFAULT_THROTTLE_CLASSES` names the classes; a view's own `throttle_classes` count instead. The step comes before a body is
read, so when DRF asks the same classes, everything is taken already.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponseBase
from django.utils.module_loading import import_string
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from diamondhub.access.addresses import counted
from diamondhub.access.gate import Place, Step, Visit
from diamondhub.access.throttles import addresses
from diamondhub.access.throttles.buckets import Asked, Bucket, Places, Verdict
from diamondhub.access.throttles.limits import AT_ONCE, LimitClass, of_client
from diamondhub.access.throttles.taking import limits
from diamondhub.api.problems import Problem

if TYPE_CHECKING:
    from rest_framework.views import APIView

    from diamondhub.access.models import ApiClient

#: What `Visit.notes` calls what was taken.
TAKEN = "limits"


class Throttle(BaseThrottle):
    """What a request needs of one kind of limit."""

    def asks(self, visit: Visit, client: ApiClient) -> list[Asked]:
        """What a client's request asks for."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Take what is not taken yet; raises the problem that names the limit."""
        take(request._request.visit)  # type: ignore[attr-defined]  # noqa: SLF001 - DRF offers no other way to Django's request
        return True


class VisitorRate(Throttle):
    """One visitor of a shop whose pages hold a publishable key cannot use up the shop's limit."""

    def asks(self, visit: Visit, client: ApiClient) -> list[Asked]:
        if not _is_publishable(client):
            return []
        return [Bucket(f"{client.pk}:{_visitor(visit)}", of_client(client, LimitClass.VISITOR))]


class ClientRate(Throttle):
    """A client's limit of the class of the endpoint."""

    def asks(self, visit: Visit, client: ApiClient) -> list[Asked]:
        limit = of_client(client, class_of(visit))
        return [Bucket(f"{client.pk}:{limit.name}", limit)]


class AtOnce(Throttle):
    """Requests of one client, or one visitor of a publishable key, at the same time."""

    def asks(self, visit: Visit, client: ApiClient) -> list[Asked]:
        whose = f"{client.pk}:{_visitor(visit)}" if _is_publishable(client) else str(client.pk)
        places = client.max_at_once or AT_ONCE
        return [Places(f"{whose}:at-once", "at-once", places, secrets.token_hex(8))]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a visit took: kept on it, so that it is taken once and given back."""

    asked: tuple[Asked, ...]
    verdict: Verdict


def class_of(visit: Visit) -> LimitClass:
    """The class of limit of what is asked for."""
    own = visit.operation.limit if visit.operation is not None else None
    if own is None and visit.endpoint is not None:
        own = visit.endpoint.limit
    return own or LimitClass.OTHER


def take(visit: Visit) -> None:
    """Take all that a signed-in client's request asks for, once; raises a problem (429) that names what refuses it."""
    client = visit.client
    if client is None or TAKEN in visit.notes:
        return
    asked = tuple(thing for throttle in _throttles(visit) for thing in throttle.asks(visit, client))
    verdict = limits().take(asked, besides=addresses.proven(visit))
    visit.notes[TAKEN] = Taken(asked, verdict)
    if verdict.refused_by is not None:
        raise _refusal(verdict.refused_by, verdict)


class ClientLimits(Step):
    """Takes what the client's request asks for (429), says in every answer what is left, and gives back what was free."""

    place = Place.CLIENT_LIMITS

    def check(self, visit: Visit) -> None:
        take(visit)

    def finish(self, visit: Visit, response: HttpResponseBase) -> None:
        taken: Taken | None = visit.notes.get(TAKEN)
        if taken is None or not taken.asked:
            return
        verdict = taken.verdict
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            verdict = limits().give_back([thing for thing in taken.asked if isinstance(thing, Bucket)], verdict)
        response["RateLimit-Policy"] = ", ".join(thing.policy for thing in taken.asked)
        response["RateLimit"] = ", ".join(level.state for level in verdict.levels)
        if verdict.allowed:
            for thing in taken.asked:
                if isinstance(thing, Places):
                    _leave_when_closed(response, thing)


def _throttles(visit: Visit) -> Sequence[Throttle]:
    classes: Sequence[Any] = _default() if visit.endpoint is None else visit.endpoint.throttle_classes
    return [throttle() for throttle in classes if isinstance(throttle, type) and issubclass(throttle, Throttle)]


@cache
def _default() -> tuple[Any, ...]:
    names: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_CLASSES"]
    return tuple(import_string(name) for name in names)


def _leave_when_closed(response: HttpResponseBase, place: Places) -> None:
    # Servers close an answer when its last byte is sent, or its reader is gone.
    response._resource_closers.append(lambda: limits().leave(place))  # type: ignore[attr-defined]  # noqa: SLF001 - Django has no other way


def _refusal(thing: Asked, verdict: Verdict) -> Problem:
    whose = "One visitor's limit" if thing.name == LimitClass.VISITOR else "Your client's limit"
    wait = f"Ask again in {verdict.retry_after} s"
    kind, said = "limit-reached", f'{whose} "{thing.name}" is used up ({thing.in_words}). {wait}.'
    if isinstance(thing, Places):
        kind = "too-many-at-once"
        said = f"{whose} of {thing.in_words} is used up. Wait for answers before you ask for more. {wait}."
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, kind, said, headers={"Retry-After": str(verdict.retry_after)})


def _is_publishable(client: ApiClient) -> bool:
    return bool(getattr(client, "is_publishable", False))


def _visitor(visit: Visit) -> str:
    return f"visitor:{counted(addresses.address_of(visit))}"
