"""What is kept of a client's view."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from catalog.currencies.units import PLACES
from diamondhub import money
from diamondhub.access.models import ApiClient
from diamondhub.audit.tracking import audited


@audited(exclude=("since",), part_of="client")
class CatalogView(models.Model):
    """What one client may see of the catalogue. A client without a row sees all that its scopes show.

    Filters are kept as a body of a search has them (`catalog.api.asking.FilterBody`), amounts of money in US dollars.
    `catalog.client_views.editing` writes rows, `reading` makes of one what searches keep to.
    A view that is not wanted any more is emptied: who follows changes must hear of what it hid.
    """

    client = models.OneToOneField(ApiClient, on_delete=models.CASCADE, related_name="catalog_view")
    forced = models.JSONField(default=dict, blank=True)
    defaults = models.JSONField(default=dict, blank=True)
    #: Names of columns, see `catalog.columns`; None: all.
    shown_fields = ArrayField(models.CharField(max_length=40), null=True, blank=True)
    currency = models.CharField(max_length=3, default=money.CURRENCY, choices=[(code, code) for code in PLACES])
    ending = models.DecimalField("prices end on", max_digits=12, decimal_places=3, null=True, blank=True)
    ending_step = models.DecimalField("in steps of", max_digits=12, decimal_places=3, null=True, blank=True)
    max_rows = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    #: The version of the catalogue at which the stones within the view became others.
    since = models.BigIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = "client view"
        constraints = [
            models.CheckConstraint(
                condition=Q(ending__isnull=True, ending_step__isnull=True)
                | Q(ending__isnull=False, ending_step__isnull=False, ending__gte=0, ending_step__gt=F("ending")),
                name="catalog_view_ending_sane",
            ),
            models.CheckConstraint(
                condition=Q(max_rows__isnull=True) | Q(max_rows__gt=0), name="catalog_view_rows_sane"
            ),
        ]

    def __str__(self) -> str:
        return f"view of {self.client}"
