"""Rates of exchange in the admin: entered, corrected, and taken back before their day."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from catalog.currencies import entering
from catalog.currencies.models import ExchangeRate
from diamondhub.admin.base import Admin


@admin.register(ExchangeRate)
class ExchangeRateAdmin(Admin[ExchangeRate]):
    """Rates of exchange, the newest day of each currency first."""

    list_display = ("currency", "plain_rate", "valid_from", "in_force")
    list_filter = ("currency",)
    ordering = ("currency", "-valid_from")
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExchangeRate]:
        """With the rate that is in force of the same currency."""
        before = ExchangeRate.objects.filter(currency=OuterRef("currency"), valid_from__lte=entering.today())
        return super().get_queryset(request).annotate(newest=Subquery(before.order_by("-valid_from").values("pk")[:1]))

    def get_readonly_fields(self, request: HttpRequest, obj: ExchangeRate | None = None) -> tuple[str, ...]:
        """A rate can be corrected; for another currency or day another one is entered."""
        return ("currency", "valid_from") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: ExchangeRate | None = None) -> bool:
        """Whoever may, before its day: prices that were shown were converted by it afterwards."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.valid_from > entering.today())

    @admin.display(description="one dollar is")
    def plain_rate(self, rate: ExchangeRate) -> str:
        """Without the zeros that the column keeps."""
        return f"{rate.rate.normalize():f} {rate.currency}"

    @admin.display(description="in force", boolean=True)
    def in_force(self, rate: ExchangeRate) -> bool:
        """Whether prices are converted by it now."""
        return bool(rate.pk == rate.newest)  # type: ignore[attr-defined]  # an annotation of the list
