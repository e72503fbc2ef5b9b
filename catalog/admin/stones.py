"""The diamonds in the admin: the explorer finds them (`catalog.admin.explorer`), each has a page, nobody edits them.

Apps above extend the page of a diamond: ingestion calls `link_from_diamonds` with the link to the raw payload, pricing calls
`show_below_diamonds` with the history of prices.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from catalog import index
from catalog.admin import explorer
from catalog.models import Diamond
from diamondhub.admin import warming
from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import (
    NOTHING,
    Group,
    Link,
    Table,
    badge,
    dollars,
    field_value,
    moment,
    of_the_web,
    outside_link,
    spoken,
)

#: The person for whom a page is rendered that nobody asked for; in no table.
_NOBODY = User(username="nobody", is_active=True, is_staff=True, is_superuser=True)

_links: list[Callable[[HttpRequest, Diamond], Link | None]] = []
_tables: list[Callable[[HttpRequest, Diamond], Table | None]] = []


def link_from_diamonds(link: Callable[[HttpRequest, Diamond], Link | None]) -> None:
    """Register `link`, which makes a link for the page of a diamond; None for a person who may not follow it."""
    if link not in _links:
        _links.append(link)


def show_below_diamonds(table: Callable[[HttpRequest, Diamond], Table | None]) -> None:
    """Register `table`, which makes a table for the page of a diamond; None for a person who may not see it."""
    if table not in _tables:
        _tables.append(table)


@admin.register(Diamond)
class DiamondAdmin(ReadOnlyAdmin[Diamond]):
    """The explorer in the place of a list, and the page of a stone."""

    detail_template = "admin/catalog/diamond/detail.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The explorer."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        request.current_app = self.admin_site.name

        def context() -> dict[str, Any]:
            of_site = self.admin_site.each_context(request)
            return {**of_site, "opts": self.opts, "media": self.media, **(extra_context or {})}

        return explorer.explore(request, context, lambda stone: self.links(request, stone))

    def get_urls(self) -> list[URLPattern]:
        """The explorer's file and saved views, besides the usual addresses."""
        return [
            path("csv/", self._of_explorer(explorer.save_file), name="catalog_diamond_csv"),
            path("views/save/", self._of_explorer(explorer.save_view), name="catalog_diamond_save_view"),
            path(
                "views/<int:view_id>/remove/",
                self._of_explorer(explorer.remove_view),
                name="catalog_diamond_remove_view",
            ),
            *super().get_urls(),
        ]

    def _of_explorer(self, view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        def checked(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
            if not self.has_view_permission(request):
                raise PermissionDenied
            return view(request, **arguments)

        return self.admin_site.admin_view(checked)

    def links(self, request: HttpRequest, row: Diamond) -> list[Link]:
        return [link for make_link in _links if (link := make_link(request, row)) is not None]

    def tables(self, request: HttpRequest, row: Diamond) -> list[Table]:
        return [table for make_table in _tables if (table := make_table(request, row)) is not None]

    def detail_context(self, request: HttpRequest, row: Diamond) -> dict[str, Any]:
        """The picture's address, if it is one of the web, and the title."""
        picture = row.image_url or ""
        return {"picture": picture if of_the_web(picture) else "", "title": f"{row}, {spoken(row.shape)}"}

    def groups(self, request: HttpRequest, row: Diamond) -> list[Group]:
        return [
            Group("Stone", _stone(row)),
            Group("Measurements", _measurements(row)),
            Group("Certificate and media", _certificate(row)),
            Group("Money", _money(row)),
            Group("Provenance", _provenance(row)),
        ]


def grade(diamond: Diamond, name: str) -> str:
    """A grade by its name; letters and clarity stay as the trade writes them."""
    value = getattr(diamond, name)
    if value is None:
        return NOTHING
    written = str(getattr(diamond, f"get_{name}_display")())
    return written if name in ("color", "clarity") else spoken(written)


def _shown(diamond: Diamond, *names: str) -> list[tuple[str, Any]]:
    labels = {field.name: str(field.verbose_name) for field in diamond._meta.concrete_fields}
    return [(labels[name], field_value(diamond, name)) for name in names]


def _stone(diamond: Diamond) -> list[tuple[str, Any]]:
    return [
        ("availability", badge(diamond.availability)),
        ("kind", "lab-grown" if diamond.lab_grown else "natural"),
        ("shape", spoken(diamond.shape)),
        *_shown(diamond, "carats"),
        *((name, grade(diamond, name)) for name in ("color", "clarity", "cut", "polish", "symmetry")),
        ("fluorescence", grade(diamond, "fluorescence_intensity")),
        *_shown(diamond, "fluorescence_color", "fancy_color"),
        ("fancy intensity", grade(diamond, "fancy_intensity")),
        *_shown(diamond, "fancy_overtone", "growth_method", "treated", "eye_clean"),
        *_shown(diamond, "brown", "green", "blue", "gray", "milky"),
        ("bow tie", grade(diamond, "bowtie")),
        *_shown(diamond, "key_to_symbols", "country_of_origin"),
    ]


def _measurements(diamond: Diamond) -> list[tuple[str, Any]]:
    sides = [diamond.length_mm, diamond.width_mm, diamond.depth_mm]
    return [
        ("length × width × depth", " × ".join("?" if side is None else str(side) for side in sides) + " mm"),
        *_shown(diamond, "ratio"),
        ("table, %", field_value(diamond, "table_pct")),
        ("depth, %", field_value(diamond, "depth_pct")),
        *_shown(diamond, "crown_angle", "crown_height", "pavilion_angle", "pavilion_depth", "girdle"),
        *((name.replace("_", " "), grade(diamond, name)) for name in ("girdle_from", "girdle_to")),
        *_shown(diamond, "culet"),
        ("culet size", grade(diamond, "culet_size")),
    ]


def _certificate(diamond: Diamond) -> list[tuple[str, Any]]:
    return [
        *_shown(diamond, "lab", "certificate_number"),
        ("certificate", outside_link(diamond.certificate_url)),
        ("image", outside_link(diamond.image_url)),
        ("video", outside_link(diamond.video_url)),
        *((f"image {place}", outside_link(url)) for place, url in enumerate(diamond.images, start=1)),
    ]


def _money(diamond: Diamond) -> list[tuple[str, Any]]:
    gain = diamond.price_cents - diamond.cost_cents
    return [
        ("price", dollars(diamond.price_cents)),
        ("price per carat", dollars(diamond.price_per_carat_cents)),
        ("cost", dollars(diamond.cost_cents)),
        ("cost per carat", dollars(diamond.cost_per_carat_cents)),
        ("margin on cost", f"{gain / diamond.cost_cents:.1%} ({dollars(gain) if gain >= 0 else '-' + dollars(-gain)})"),
        *_shown(diamond, "rule_set", "rule", "experiment_arm", "rating"),
    ]


def _provenance(diamond: Diamond) -> list[tuple[str, Any]]:
    return [
        ("diamond id", str(diamond.pk)),
        *_shown(diamond, "feed", "supplier_stone_id", "offer_id", "supplier_name"),
        *_shown(diamond, "location_country", "location_city"),
        *_shown(diamond, "delivery_days_min", "delivery_days_max", "return_days"),
        ("first seen", moment(diamond.first_seen_at)),
        ("changed", moment(diamond.changed_at)),
        ("supplier's change", moment(diamond.source_updated_at)),
        ("payload hash", bytes(diamond.payload_hash).hex()),
        ("raw payload", str(diamond.raw_id)),
    ]


def render_explorer() -> None:
    """Render the explorer's first page for nobody, where there is an index: by the database it may take seconds."""
    if index.current() is None:
        return
    request = WSGIRequest({"REQUEST_METHOD": "GET", "PATH_INFO": reverse(explorer.LIST), "wsgi.input": BytesIO()})
    request.user = _NOBODY
    response = DiamondAdmin(Diamond, admin.site).changelist_view(request)
    assert isinstance(response, TemplateResponse)
    response.render()


warming.register(render_explorer)
