"""The raw payload of a diamond: the text that it was mapped from, as the supplier sent it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import TextField
from django.db.models.functions import Cast
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from catalog.admin.stones import link_from_diamonds
from catalog.models import Diamond
from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import Group, Link, address_of, code, moment, pretty_json, row_link
from ingest.models import RawDiamond, Run

VIEW = "ingest.view_rawdiamond"


def link_to_payload(request: HttpRequest, diamond: Diamond) -> Link | None:
    """The link on a diamond's page; None for a person who may not see payloads."""
    if not request.user.has_perm(VIEW):
        return None
    return Link("Raw payload", address_of("admin:ingest_raw_payload", diamond.pk), "data_object")


link_from_diamonds(link_to_payload)


@admin.register(RawDiamond)
class RawDiamondAdmin(ReadOnlyAdmin[RawDiamond]):
    """The admin of raw payloads: one page per diamond, and no list."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Payloads have no entry in the index: they are reached from their diamonds."""
        return False

    def get_urls(self) -> list[URLPattern]:
        return [path("of/<uuid:diamond_id>/", self.admin_site.admin_view(self.of_diamond), name="ingest_raw_payload")]

    def of_diamond(self, request: HttpRequest, diamond_id: UUID) -> HttpResponse:
        """The payload that the diamond was mapped from; 404 for an unknown diamond."""
        if not request.user.has_perm(VIEW):
            raise PermissionDenied
        diamond = Diamond.objects.filter(pk=diamond_id).first()
        if diamond is None:
            raise Http404("there is no such diamond")
        payload: Any = (
            RawDiamond.objects.filter(pk=diamond.raw_id)
            .defer("payload")
            # The driver would decode the column; the page shows its text.
            .annotate(text=Cast("payload", TextField()))
            .first()
        )
        return TemplateResponse(
            request,
            "admin/detail.html",
            {
                **self.admin_site.each_context(request),
                # The trail above the page leads back to the diamond.
                "opts": Diamond._meta,
                "original": diamond,
                "title": f"Raw payload of {diamond}",
                "links": [Link("Diamond", reverse("admin:catalog_diamond_change", args=[diamond.pk]), "diamond")],
                "groups": _groups(diamond, payload),
            },
        )


def _groups(diamond: Diamond, payload: Any) -> list[Group]:
    if payload is None:
        gone = f"Payload {diamond.raw_id} is no longer kept: days of payloads are dropped after their retention."
        return [Group("Payload", [("gone", gone)])]
    run = Run.objects.select_related("feed").filter(pk=payload.run_id).first()
    return [
        Group(
            "Received",
            [
                ("number", payload.pk),
                ("supplier's stone id", payload.supplier_stone_id),
                ("run", row_link(run) if run else payload.run_id),
                ("requested at", moment(payload.observed_at)),
                ("hash", bytes(payload.payload_hash).hex()),
            ],
        ),
        Group("Payload", [("as sent, indented", code(pretty_json(payload.text)))]),
    ]
