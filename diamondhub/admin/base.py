"""The base classes of the admin: lists that stay fast at millions of rows, and pages that only show a row.

Every `admin` module builds on `Admin` or `ReadOnlyAdmin`. Only this module and `diamondhub.admin.forms` import the theme's
classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import InvalidPage, Paginator
from django.db import DataError, InterfaceError, OperationalError, connection, transaction
from django.db.models import JSONField, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from psycopg.errors import QueryCanceled

from diamondhub.admin.display import Group, Link, Table, field_value
from diamondhub.admin.forms import JsonField
from diamondhub.audit import history

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as _ThemeAdmin
    from django.contrib.admin import StackedInline as StackedInline
    from django.contrib.admin.views.main import ChangeList

    ThemeAdmin = _ThemeAdmin
    RowPaginator = Paginator[Any]
else:
    from unfold.admin import ModelAdmin as _ThemeAdmin
    from unfold.admin import StackedInline as _StackedInline
    from unfold.views import ChangeList

    RowPaginator = Paginator

    class ThemeAdmin(_ThemeAdmin):
        """The theme's class, made subscriptable with its model for the type checker."""

        def __class_getitem__(cls, _row: object) -> type:
            return cls

    class StackedInline(_StackedInline):
        """The theme's rows below a form, made subscriptable with their models for the type checker."""

        def __class_getitem__(cls, _rows: object) -> type:
            return cls


_Row = TypeVar("_Row", bound=Model)

#: A list counts its rows up to this number; beyond it, it shows an estimate or a lower bound.
COUNT_CAP = 10_000
#: The last page that can be reached by paging; rows further away are found by filters and the search.
LAST_PAGE = 100
#: Time limit of a list's queries (seconds); a slower list is shown empty, with a message.
LIST_SECONDS = 10
#: Digits of the greatest number that a row can have.
MAX_DIGITS = 19


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Let no statement of the block run longer than `seconds`; the timeout ends with the transaction, pooled or not."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)",
            [f"{int(seconds * 1000)}ms"],
        )
        (before, _) = cursor.fetchone() or ("0", "")
        yield
        # A block around this one has a bound of its own.
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])


def numbered(rows: QuerySet[_Row], field: str, text: str) -> QuerySet[_Row]:
    """The rows whose `field` is the number that `text` writes; none if that is no number, or one that no row can have."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
    return rows.filter(**{field: int(text)}) if is_number else rows.none()


def estimated_rows(model: type[Model]) -> int:
    """The table's number of rows by the planner's statistics: costs nothing, 0 or less before the first ANALYZE."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [model._meta.db_table])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


class CappedPaginator(RowPaginator):
    """A paginator that counts no further than `COUNT_CAP` and pages no further than `LAST_PAGE`."""

    #: The template below a list (the theme's hook).
    template_name = "admin/pagination_capped.html"

    @cached_property
    def count(self) -> int:
        """Rows up to the cap; the cap plus one means that there are more."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # lists page querysets only
        return rows.order_by()[: COUNT_CAP + 1].count()

    @cached_property
    def num_pages(self) -> int:
        return min(LAST_PAGE, max(1, -(-self.count // self.per_page)))

    @property
    def more_than_shown(self) -> bool:
        """Whether there are rows behind the last page."""
        return self.count > LAST_PAGE * self.per_page

    @property
    def count_text(self) -> str:
        """The count in words: exact up to the cap, the planner's estimate for the whole table, else a lower bound."""
        if self.count <= COUNT_CAP:
            return f"{self.count:,}"
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        estimate = 0 if rows.query.where else estimated_rows(rows.model)
        return f"about {estimate:,}" if estimate > COUNT_CAP else f"{COUNT_CAP:,}+"


#: The exceptions of look-ups that cannot be answered: a broken pattern, a year that no calendar has.
UNANSWERABLE = (DataError, ValueError, OverflowError)


def unanswerable(request: HttpRequest) -> IncorrectLookupParameters:
    """The exception that leads back to the whole list, with a message that says why."""
    messages.warning(request, "What the address asks for cannot be looked up, so this is the whole list.")
    return IncorrectLookupParameters()


class AnsweringChangeList(ChangeList):
    """A list that shows a message when its address asks for look-ups that cannot be answered, or take too long."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page's rows at once, while their errors can still be reported."""
        try:
            with bounded(LIST_SECONDS):
                super().get_results(request)
                self.result_list = list(self.result_list)
        except Exception as error:
            away = isinstance(error, OperationalError | InterfaceError) and not isinstance(
                error.__cause__, QueryCanceled
            )
            if away or not self.filter_params:
                raise
            # Any exception, as where Django makes the query: there is no list of the exceptions that look-ups raise.
            raise unanswerable(request) from error


class BoundedChangeList(ChangeList):
    """A list that sorts only by the columns in `sortable_by`, which indexes serve, and gives up after `LIST_SECONDS`."""

    def get_ordering_field(self, field_name: Any) -> Any:
        """The field to sort by; None, whatever the address asks for, unless the column is in `sortable_by`."""
        return super().get_ordering_field(field_name) if field_name in (self.sortable_by or ()) else None

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Ties are broken in the direction of the sort, so that one index on both can be walked either way."""
        ordering = list(super().get_ordering(request, queryset))
        if len(ordering) > 1 and ordering[-1] in ("pk", "-pk") and isinstance(ordering[-2], str):
            ordering[-1] = "-pk" if ordering[-2].startswith("-") else "pk"
        return ordering

    def get_results(self, request: HttpRequest) -> None:
        """Read the page's rows and the capped count, or show an empty list and a message if that takes too long."""
        try:
            with bounded(LIST_SECONDS):
                self._take(self.model_admin.get_paginator(request, self.queryset, self.list_per_page))
        except UNANSWERABLE as error:
            raise unanswerable(request) from error
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
            messages.warning(
                request,
                f"This list takes longer than {LIST_SECONDS} seconds: add another filter, or search for something exact.",
            )
            self._take(self.model_admin.get_paginator(request, self.queryset.none(), self.list_per_page))

    def _take(self, paginator: Any) -> None:
        self.result_count = paginator.count
        self.multi_page = self.result_count > self.list_per_page
        try:
            page = paginator.page(self.page_num if self.multi_page else 1)
        except InvalidPage as error:
            raise IncorrectLookupParameters from error
        self.result_list = list(page.object_list)
        self.show_full_result_count = False
        # The theme offers "show all" where the two differ.
        self.full_result_count = self.result_count
        self.show_admin_actions = bool(self.result_count)
        self.can_show_all = False
        self.paginator = paginator


class AuditedHistory:
    """Mixin of an admin: the history of an audited row is that of the audit."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The audit events of an audited row; of other rows, the admin's own log."""
        own: Any = self
        if not history.is_audited(own.model):
            return _ThemeAdmin.history_view(own, request, object_id, extra_context)
        row = own.get_object(request, unquote(object_id))
        if not own.has_view_permission(request, row):
            raise PermissionDenied
        if row is None:
            return own._get_obj_does_not_exist_redirect(request, own.opts, object_id)  # type: ignore[no-any-return]  # noqa: SLF001 - Django has no other
        context = {
            **own.admin_site.each_context(request),
            "opts": own.opts,
            "title": f"History: {row}",
            "links": history.links_of(row, request.user),
            "table": history.table_of(row),
            **(extra_context or {}),
        }
        request.current_app = own.admin_site.name
        return TemplateResponse(request, "admin/audit/history.html", context)


class Admin(AuditedHistory, ThemeAdmin[_Row]):
    """A list that is cheap at any size. Subclasses define in `find` how a text is searched for: exactly, by an index."""

    paginator = CappedPaginator
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by: ClassVar[tuple[str, ...]] = ()
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    list_filter_sheet = True
    list_fullwidth = True
    #: Look-ups that our own links use besides those of `list_filter`.
    allowed_lookups: ClassVar[Sequence[str]] = ()
    #: The search box's help text; without one there is no search box.
    search_help_text = ""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedChangeList

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """A field where there is a search box, which Django then shows; `find` does the searching."""
        return ("pk",) if self.search_help_text else ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[_Row], search_term: str
    ) -> tuple[QuerySet[_Row], bool]:
        text = search_term.strip()
        return (self.find(queryset, text) if text else queryset), False

    def find(self, rows: QuerySet[_Row], text: str) -> QuerySet[_Row]:
        """The rows that `text` names: by default the row with this number."""
        return numbered(rows, "pk", text)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow only the shown filters and our own links: any other look-up could read the whole table."""
        own = [*self.allowed_lookups]
        for shown in self.get_list_filter(request) if request else self.list_filter or ():
            if isinstance(shown, str):
                own.append(f"{shown}__exact")
                own.append(f"{shown}__id__exact")
            elif isinstance(shown, type) and issubclass(shown, admin.SimpleListFilter) and shown.parameter_name:
                own.append(shown.parameter_name)
        return lookup in own

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest | None, **kwargs: Any) -> Any:
        """JSON is read within bounds."""
        if isinstance(db_field, JSONField):
            kwargs.setdefault("form_class", JsonField)
        return super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[arg-type]  # stubs know no None

    # --- the page that shows a row ---------------------------------------------------------------------------------

    detail_template = "admin/detail.html"

    def groups(self, request: HttpRequest, row: _Row) -> list[Group]:
        """The row's fields for the page that shows it; all in one group unless a subclass sorts them."""
        fields = [field for field in row._meta.concrete_fields if field.name != "id"]
        return [Group("", [(str(field.verbose_name), field_value(row, field.name)) for field in fields])]

    def tables(self, request: HttpRequest, row: _Row) -> list[Table]:
        """Tables below the fields."""
        return []

    def links(self, request: HttpRequest, row: _Row) -> list[Link]:
        """Links in the page's head."""
        return []

    def detail_context(self, request: HttpRequest, row: _Row) -> dict[str, Any]:
        """The context of the page's own template besides groups, tables and links."""
        return {}

    def detail_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page that shows one row. 405 for anything but GET, 403 without permission, back to the index if gone."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "title": str(row),
            "groups": self.groups(request, row),
            "tables": self.tables(request, row),
            "links": [*self.links(request, row), *([history.link_of(row)] if history.is_audited(self.model) else [])],
            "media": self.media,
            **self.detail_context(request, row),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.detail_template, context)


class ReadOnlyAdmin(Admin[_Row]):
    """Rows that the system makes: the admin shows them and never adds, edits or deletes any."""

    actions = None

    def has_add_permission(self, request: HttpRequest, *_args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self.detail_view(request, object_id)


class SelectFilter(admin.SimpleListFilter):
    """A filter over a fixed list of values, shown as a drop-down. Subclasses give `lookups`, `field` and `title`."""

    template = "admin/filter_select.html"
    #: The model's field that must equal the chosen value.
    field = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows with the chosen value; a value that is not in the list finds nothing."""
        value = self.value()
        if value is None:
            return queryset
        known = {str(choice) for choice, _title in self.lookup_choices}
        return queryset.filter(**{self.field: value}) if value in known else queryset.none()
