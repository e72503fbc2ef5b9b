"""What the views of pricing's API share: scopes by method, errors of pricing as problems, bodies, and lists in pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diamondhub.access.authentication import named
from diamondhub.access.models import ApiKey
from diamondhub.access.scopes import Scope
from diamondhub.api import cursors
from diamondhub.api.bodies import InvalidBody, read_object
from diamondhub.api.parameters import Parameter, Text, Whole
from diamondhub.api.problems import FieldError, InvalidParameters, Problem
from pricing import errors
from pricing.models import Rule, RuleSet
from pricing.validation import messages_of
from pricing.written import Kind

#: Longest body that carries a rule; one with fifty clauses of full lists is shorter (bytes).
BODY_LIMIT = 1_000_000
MAX_PAGE_SIZE = 100
#: A statement over all stones that takes longer is given up, and with it what was asked (seconds).
SCAN_SECONDS = 15
PAGING = (
    Parameter("limit", Whole(1, MAX_PAGE_SIZE), "Entries on a page.", default="50"),
    Parameter(
        "cursor",
        Text(r"[A-Za-z0-9_:-]{1,500}", "the `next` of an answer, unchanged"),
        "Where the page begins: `next` of the page before.",
    ),
)
REVISION = Parameter(
    "revision", Whole(0, 2**31 - 1), "The draft's revision as it was read; required. An older one is a 409."
)

Row = TypeVar("Row", bound=Model)


class PricingView(APIView):
    """A view of pricing: reading needs `pricing:read`, and each other method the scope that `scopes` names."""

    scopes: Mapping[str, Scope] = {}

    @property
    def required_scope(self) -> Scope:
        """What `HasScope` asks for."""
        return self.scopes.get(self.request.method or "", Scope.PRICING_READ)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """As DRF does it; nobody on the way keeps what stones cost."""
        finished = super().finalize_response(request, response, *args, **kwargs)
        finished["Cache-Control"] = "no-store"
        return finished

    def handle_exception(self, exc: Exception) -> Response:
        """As DRF does it, with pricing's own errors as problems."""
        if isinstance(exc, errors.PricingError):
            exc = problem_of(exc)
        elif isinstance(exc, RuleSet.DoesNotExist | Rule.DoesNotExist):
            # Thrown away by somebody since it was found.
            exc = Http404()
        return super().handle_exception(exc)


_CONFLICTS: Mapping[type[errors.PricingError], str] = {
    errors.NotADraft: "not-a-draft",
    errors.StaleDraft: "stale-revision",
    errors.AlreadyPublished: "already-published",
    errors.DraftInUse: "draft-in-use",
    errors.ExperimentUnderWay: "experiment-under-way",
    errors.ExperimentNotPrepared: "experiment-not-prepared",
    errors.ExperimentNotRunning: "experiment-not-running",
    errors.RepricingOver: "repricing-over",
    errors.CannotExplain: "cannot-explain",
}


def problem_of(error: errors.PricingError) -> Problem:
    """What the client is told."""
    said = _sentence(str(error))
    if isinstance(error, errors.InvalidRules):
        return InvalidBody(said, errors=[FieldError(place[:200], message) for place, message in error.errors])
    if isinstance(error, errors.ReasonMissing):
        return InvalidBody(said, errors=[FieldError("reason", "must say why")])
    if isinstance(error, errors.NoSuchRuleSet | errors.NoSuchRule | errors.NoSuchRepricing | errors.NoSuchExperiment):
        return Problem(HTTPStatus.NOT_FOUND, "not-found", said)
    if isinstance(error, errors.SellsBelowCost):
        confirm = FieldError("confirm_below_cost", "must be true to sell stones below cost")
        return Problem(HTTPStatus.CONFLICT, "sells-below-cost", said, errors=[confirm])
    return Problem(HTTPStatus.CONFLICT, _CONFLICTS.get(type(error), "conflict"), said)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "."


def invalid(error: ValidationError, names: Mapping[str, str] | None = None) -> InvalidBody:
    """A model's refusal as a problem, by the names that the body has for its fields."""
    told = [FieldError((names or {}).get(field, field), message) for field, message in messages_of(error)]
    return InvalidBody("; ".join(f"{one.field}: {one.message}" for one in told[:3]), errors=told)


def actor(request: Request) -> str:
    """Who asks, for the audit."""
    assert isinstance(request.auth, ApiKey)
    return named(request.auth.client)


def read_body(
    request: Request, fields: Mapping[str, Kind | None], *, required: Sequence[str] = (), limit: int = BODY_LIMIT
) -> dict[str, Any]:
    """The fields of a body, those with a kind read by it. Raises `InvalidBody` with every mistake at once."""
    body = read_object(request, limit=limit)
    wrong = [FieldError(_shown(name), "is not a field of this request") for name in body if name not in fields]
    wrong += [FieldError(name, "is missing") for name in required if name not in body]
    values: dict[str, Any] = {}
    for name, kind in fields.items():
        if name not in body:
            continue
        try:
            values[name] = body[name] if kind is None else kind.read(body[name])
        except ValueError as error:
            wrong.append(FieldError(name, str(error)))
    if wrong:
        raise InvalidBody("; ".join(f"{one.field} {one.message}" for one in wrong[:3]), errors=wrong[:50])
    return values


def read_optional_body(request: Request, fields: Mapping[str, Kind | None]) -> dict[str, Any]:
    """As `read_body`, but there may be none."""
    # In chunks it comes without a length: that it cannot be read must be told.
    sent = "HTTP_TRANSFER_ENCODING" in request.META or request.META.get("CONTENT_LENGTH") not in {None, "", "0"}
    return read_body(request, fields) if sent else {}


def reason_of(values: Mapping[str, Any], *, longest: int = 500) -> str:
    """The reason that a body gives. Raises `ReasonMissing`, and `InvalidBody` for one that would not be kept whole."""
    reason = str(values["reason"]).strip()
    if not reason:
        raise errors.ReasonMissing
    if len(reason) > longest:
        said = f"must not be longer than {longest} characters"
        raise InvalidBody(f"reason {said}", errors=[FieldError("reason", said)])
    return reason


def revision_of(values: Mapping[str, Any]) -> int:
    """The revision that a query names. Raises `InvalidParameters` without one."""
    if "revision" not in values:
        raise InvalidParameters([FieldError("revision", "is missing")])
    return int(values["revision"])


def rule_set_of(version: int, rows: QuerySet[RuleSet] | None = None) -> RuleSet:
    """The rule set of a version. Raises `NoSuchRuleSet`."""
    found = (RuleSet.objects.all() if rows is None else rows).filter(version=version).first()
    if found is None:
        raise errors.NoSuchRuleSet(f"there is no rule set {version}")
    return found


def page_of(
    rows: QuerySet[Row], values: Mapping[str, Any], present: Callable[[Row], Any], *, by: str, query: str
) -> dict[str, Any]:
    """One page of rows, from the highest `by` on down, which is a unique whole number; `query` names the list."""
    if "cursor" in values:
        (position,) = cursors.decode(values["cursor"], query)
        rows = rows.filter(**{f"{by}__lt": position})
    limit = values["limit"]
    found = list(rows.order_by(f"-{by}")[: limit + 1])
    more = len(found) > limit
    found = found[:limit]
    return {
        "results": [present(row) for row in found],
        "next": cursors.encode([getattr(found[-1], by)], query) if more else None,
    }


def _shown(name: str) -> str:
    return name[:60] if name.isprintable() else ascii(name[:60])
