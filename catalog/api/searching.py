"""What the addresses that search share: whose search it is, what it asks for, and the version that it is answered of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.utils.functional import cached_property
from rest_framework.exceptions import PermissionDenied

from catalog.api import presenting
from catalog.api.asking import refuse_hidden, refuse_unseen
from catalog.api.base import CACHE_CONTROL, CatalogEndpoint
from catalog.api.currency import in_asked_currency, wrong
from catalog.client_views.reading import view_and_version_of
from catalog.client_views.view import ClientView
from catalog.facets.table import ATTRIBUTES
from catalog.index.history import Moment
from catalog.searching import amounts, pages
from catalog.searching.filters import DEFAULTS, FILTERS
from catalog.searching.pages import Search
from diamondhub.access.gate import Visit
from diamondhub.access.permissions import refuse_without
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api import kept
from diamondhub.api.endpoint import version_of
from diamondhub.api.problems import Problem, problem_of

#: Says who found the hits: `index` or `database`.
FOUND_BY = "X-Search"

_FILTERS = frozenset(known.name for known in FILTERS)


class SearchEndpoint(CatalogEndpoint):
    """A view that searches."""

    limit = LimitClass.SEARCH

    def wanted(self, values: Mapping[str, Any], **paging: Any) -> Search:
        """The search that a query's or a body's values ask for.

        Raises `PermissionDenied` for a filter or a sort that needs a scope which the client lacks, naming that, or that asks
        for what the client's view does not show; and the problem of wrong fields for amounts that are none of its currency.
        """
        filters = {name: value for name, value in values.items() if name in _FILTERS}
        refuse_unseen([*filters, paging.get("sort", "")], self.client)
        # What holds where nothing is said tells nothing.
        said = [name for name, value in filters.items() if DEFAULTS.get(name) != value]
        by_certificate = ["certificate_number"] if paging.get("by_certificate") else []
        refuse_hidden([*said, *by_certificate, *filter(None, [paging.get("sort")])], self.client_view)
        if mistakes := list(amounts.mistakes(filters, self.client_view.exchange)):
            raise wrong(self, mistakes)
        return Search(
            filters,
            view=self.client_view,
            client=str(self.client.pk),
            sees=presenting.seen_by(self.client),
            **paging,
        )

    def facet_names(self, names: Iterable[str] | None) -> list[str]:
        """The facets that are asked for, or all that the client may see; raises `PermissionDenied` for others."""
        if names is None:
            may_see = {Scope.CATALOG_READ, *presenting.seen_by(self.client)}
            return [name for name, attribute in ATTRIBUTES.items() if attribute.scope in may_see and self._shows(name)]
        for name in names:
            if ATTRIBUTES[name].scope != Scope.CATALOG_READ:
                refuse_without(ATTRIBUTES[name].scope, self.client)
            if not self._shows(name):
                raise PermissionDenied(f"Your client's view of the catalogue does not show {name}.")
        return [name for name in ATTRIBUTES if name in names]

    def _shows(self, name: str) -> bool:
        return presenting.is_in(self.client_view, ATTRIBUTES[name].column)

    def answered(
        self, wanted: Search, form: Any, make: Callable[[], HttpResponse], *, costly: bool = False
    ) -> HttpResponseBase:
        """The answer to a search with its `ETag`, or 304 for a client that has it of this version already.

        `form` is what else of the request decides what the answer looks like. A costly answer, as all are without an index,
        is made once for each version.
        """
        newest = self._seen[1]
        key = version_of(wanted.normal_form, wanted.limit, wanted.cursor, form, self.request.accepted_media_type)
        finder = pages.finder()
        tag = version_of(newest.generation, newest.version, finder, key)
        again = costly or finder == pages.BY_DATABASE

        def answer() -> HttpResponse:
            known = kept_answers.read(key) if again else None
            if known is not None and known.tag == tag:
                return known.response()
            return kept_answers.once(key, tag, anew) if again else anew()

        def anew() -> HttpResponse:
            response = make()
            if kept_answers.are_any:
                # Before others stop to wait for it.
                kept_answers.keep(key, tag, response, caller=self._caller, again=again)
            response["Cache-Status"] = f"{kept.CACHE}; fwd=miss"
            return response

        kept_answers = kept.answers()
        return self.unless_known(tag, answer)

    @cached_property
    def client_view(self) -> ClientView:
        return in_asked_currency(self._seen[0], self)

    @cached_property
    def _seen(self) -> tuple[ClientView, Moment]:
        # Read before any stone: the answer is at least as new as its tag says.
        return view_and_version_of(self.client)

    @cached_property
    def _caller(self) -> str:
        request = self.request._request  # noqa: SLF001 - DRF offers no other way to Django's request
        return kept.caller_of(request, request.visit.address)  # type: ignore[attr-defined]

    @classmethod
    def told(cls, visit: Visit, problem: Problem) -> HttpResponse | None:
        """While the database is away, what the same caller was told lately."""
        if problem.kind != "database-away":
            return None
        caller = kept.caller_of(visit.request, visit.address)
        answer = kept.answers().read_of(caller) if caller else None
        if answer is None:
            return None
        response = answer.stale_response(visit.request)
        response["Cache-Control"] = CACHE_CONTROL
        return response

    def handle_exception(self, exc: Exception) -> Any:
        """As DRF does it, but for what can be answered all the same."""
        problem = problem_of(exc, self.problems_of)
        if problem is not None:
            request = self.request._request  # noqa: SLF001 - DRF offers no other way to Django's request
            if (answer := self.told(request.visit, problem)) is not None:  # type: ignore[attr-defined]
                return answer
        return super().handle_exception(exc)
