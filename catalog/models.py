"""The canonical diamonds and the version of the data set."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from catalog.certificates import Folded
from catalog.grades import (
    Bowtie,
    Clarity,
    Color,
    CuletSize,
    FancyIntensity,
    Fluorescence,
    GirdleThickness,
    LabFinish,
)

#: Namespace of diamond ids: `uuid5(DIAMOND_NAMESPACE, "<feed slug>:<supplier stone id>")`. Never changes.
DIAMOND_NAMESPACE = uuid.UUID("5b0d3a5e-6a3c-5d0e-9d3f-1f6f3f0f7c11")


def diamond_id(feed: str, supplier_stone_id: str) -> uuid.UUID:
    """The id of a supplier's stone in the catalogue: the same for ever, known before any look-up.

    Of stones that got another number `catalog.stock_numbers` knows better.
    """
    return uuid.uuid5(DIAMOND_NAMESPACE, f"{feed}:{supplier_stone_id}")


class Availability(models.TextChoices):
    """Whether a stone can be sold. `delisted` is ours: a complete full run did not show the stone."""

    AVAILABLE = "available"
    ON_HOLD = "on_hold"
    SOLD = "sold"
    UNAVAILABLE = "unavailable"
    DELISTED = "delisted"


def _grade(grades: type) -> models.PositiveSmallIntegerField[int | None, int | None]:
    return models.PositiveSmallIntegerField(null=True, blank=True, choices=[(g.value, g.name) for g in grades])  # type: ignore[attr-defined]


def _scale(grades: type) -> models.SmallIntegerField[int | None, int | None]:
    """A grade without a check of its own: to add one, PostgreSQL reads the whole table."""
    return models.SmallIntegerField(null=True, blank=True, choices=[(g.value, g.name) for g in grades])  # type: ignore[attr-defined]


def _measure(digits: int, places: int) -> models.DecimalField[Decimal | str | float | None, Decimal | None]:
    return models.DecimalField(max_digits=digits, decimal_places=places, null=True, blank=True)


class Diamond(models.Model):
    """One stone as the catalogue knows it.

    Rows are written only by consolidation, delisting and repricing, in sets. Grades are small integers in the trade's order
    (best first, 0 for an ideal cut, polish or symmetry); money is US cents; lengths are mm. `payload_hash`, `raw_id` and
    `source_updated_at` name the payload it was mapped from: a payload observed earlier never overwrites one observed later.
    `feed`, `rule_set` and `rule` are plain values, because the tables they name belong to apps above this one; `rule` is
    the number of a rule of the set. The price is the set's on the day `priced_on` (UTC): rules have days on which they are
    valid.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    feed = models.CharField(max_length=50)
    supplier_stone_id = models.CharField(max_length=100)
    offer_id = models.CharField(max_length=100)
    shape = models.CharField(max_length=40, null=True, blank=True)  # noqa: DJ001 - unknown is NULL, as for every attribute
    carats = _measure(8, 3)
    color = _grade(Color)
    clarity = _grade(Clarity)
    cut = _grade(LabFinish)
    polish = _grade(LabFinish)
    symmetry = _grade(LabFinish)
    fluorescence_intensity = _grade(Fluorescence)
    fluorescence_color = models.CharField(max_length=32, null=True, blank=True)  # noqa: DJ001
    fancy_color = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    fancy_intensity = _grade(FancyIntensity)
    fancy_overtone = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    lab_grown = models.BooleanField()
    growth_method = models.CharField(max_length=8, null=True, blank=True)  # noqa: DJ001
    treated = models.BooleanField(null=True, blank=True)
    lab = models.CharField(max_length=32, null=True, blank=True)  # noqa: DJ001
    certificate_number = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    certificate_url = models.CharField(max_length=2000, null=True, blank=True)  # noqa: DJ001
    length_mm = _measure(7, 2)
    width_mm = _measure(7, 2)
    depth_mm = _measure(7, 2)
    ratio = _measure(7, 3)
    table_pct = _measure(6, 2)
    depth_pct = _measure(6, 2)
    crown_angle = _measure(6, 2)
    crown_height = _measure(6, 2)
    pavilion_angle = _measure(6, 2)
    pavilion_depth = _measure(6, 2)
    girdle = models.CharField(max_length=120, null=True, blank=True)  # noqa: DJ001
    girdle_from = _scale(GirdleThickness)
    girdle_to = _scale(GirdleThickness)
    culet = models.CharField(max_length=120, null=True, blank=True)  # noqa: DJ001
    culet_size = _scale(CuletSize)
    eye_clean = models.BooleanField(null=True, blank=True)
    brown = models.BooleanField(null=True, blank=True)
    green = models.BooleanField(null=True, blank=True)
    blue = models.BooleanField(null=True, blank=True)
    gray = models.BooleanField(null=True, blank=True)
    milky = models.BooleanField(null=True, blank=True)
    bowtie = _scale(Bowtie)
    key_to_symbols = models.CharField(max_length=300, null=True, blank=True)  # noqa: DJ001
    image_url = models.CharField(max_length=2000, null=True, blank=True)  # noqa: DJ001
    video_url = models.CharField(max_length=2000, null=True, blank=True)  # noqa: DJ001
    images = ArrayField(models.CharField(max_length=2000), default=list, blank=True)
    supplier_name = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001
    country_of_origin = models.CharField(max_length=80, null=True, blank=True)  # noqa: DJ001
    location_country = models.CharField(max_length=80, null=True, blank=True)  # noqa: DJ001
    location_city = models.CharField(max_length=80, null=True, blank=True)  # noqa: DJ001
    delivery_days_min = models.PositiveSmallIntegerField(null=True, blank=True)
    delivery_days_max = models.PositiveSmallIntegerField(null=True, blank=True)
    return_days = models.SmallIntegerField(null=True, blank=True)
    cost_cents = models.BigIntegerField()
    cost_per_carat_cents = models.BigIntegerField(null=True, blank=True)
    availability = models.CharField(max_length=16, choices=Availability)

    price_cents = models.BigIntegerField()
    price_per_carat_cents = models.BigIntegerField(null=True, blank=True)
    rating = models.PositiveSmallIntegerField(null=True, blank=True)
    rule_set = models.BigIntegerField()
    rule = models.BigIntegerField(null=True, blank=True)
    experiment_arm = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    priced_on = models.DateField()

    payload_hash = models.BinaryField(max_length=16)
    raw_id = models.BigIntegerField()
    source_updated_at = models.DateTimeField()
    first_seen_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(cost_cents__gt=0) & Q(price_cents__gt=0), name="diamond_money_positive"),
            # A billion dollars, so that no price overflows.
            models.CheckConstraint(condition=Q(cost_cents__lte=10**11), name="diamond_cost_sane"),
            # NaN sorts above every number in PostgreSQL, so an upper bound refuses it as well.
            models.CheckConstraint(condition=Q(carats__gte=0) & Q(carats__lt=100_000), name="diamond_carats_sane"),
        ]
        indexes = [
            # Look-ups by certificate, whatever its number's spelling. Searches have `catalog.index`: whatever they had here
            # would be written anew with every change of a stone.
            models.Index(
                Folded("certificate_number"),
                name="diamond_certificate_number",
                condition=Q(certificate_number__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        words = [str(self.carats or "?"), "ct", self.shape or "stone"]
        return " ".join(words)


class AvailabilityChange(models.Model):
    """One change of one diamond's availability: its history. Append-only, in monthly pieces of the table.

    A trigger on the diamonds writes it, whatever statement changed them; a stone that is new has none. `catalog.states` has
    the pieces.
    """

    id = models.BigAutoField(primary_key=True)
    diamond_id = models.UUIDField()
    changed_on = models.DateField()
    changed_at = models.DateTimeField()
    old = models.CharField(max_length=16, choices=Availability)
    new = models.CharField(max_length=16, choices=Availability)

    class Meta:
        managed = False
        db_table = "catalog_availabilitychange"
        ordering = ["-changed_at", "-id"]

    def __str__(self) -> str:
        return f"{self.old} → {self.new}"


class StockNumber(models.Model):
    """A supplier's number of a stone that had another one when it was first seen; see `catalog.stock_numbers`."""

    feed = models.CharField(max_length=50)
    supplier_stone_id = models.CharField(max_length=100)
    diamond_id = models.UUIDField(unique=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["feed", "supplier_stone_id"], name="stock_number_once_a_feed")]

    def __str__(self) -> str:
        return f"{self.feed}: {self.supplier_stone_id}"


class DatasetVersion(models.Model):
    """One version of the catalogue: what one transaction changed, and why. Written by triggers (`catalog.changes.log`).

    The id names the transaction's change set, under which its stones are in the log. The version is taken from the counter
    when all else is done, so that versions are in the order of commits; other transactions never see a row without one.
    Rows are forgotten with their days of the log.
    """

    version = models.BigIntegerField(null=True, unique=True)
    cause = models.CharField(max_length=100)
    #: The day (UTC) on which the transaction began: the piece of the log with its stones.
    changed_on = models.DateField()
    created_at = models.DateTimeField()
    #: When subscribers were told of it; most versions are not told of, but the next one is.
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        get_latest_by = "version"
        indexes = [
            models.Index(fields=["-told_at"], name="version_told", condition=Q(told_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"

    @classmethod
    def current(cls) -> int:
        """The newest version, 0 before there is any data."""
        return VersionCounter.objects.values_list("version", flat=True).get()


class VersionCounter(models.Model):
    """The counter of versions: exactly one row, which every transaction that changed stones locks at its very end.

    `generation` is another one after a restore from a backup, and when all stones went at once: what was kept of an earlier
    generation says nothing any more. The log has all changes since version `forgotten`, and none before. `incarnation` names
    the database that counted last.
    """

    one = models.PositiveSmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField()
    generation = models.UUIDField(default=uuid.uuid4)
    forgotten = models.BigIntegerField()
    incarnation = models.TextField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(one=1), name="one_version_counter")]

    def __str__(self) -> str:
        return f"version {self.version}"


class IndexBuilder(models.Model):
    """How the builder of a host's index is, as it told the database last (`catalog.index.reports`)."""

    host = models.CharField(max_length=200, primary_key=True)
    seen_at = models.DateTimeField()
    #: Of the file; none: NULL.
    version = models.BigIntegerField(null=True)
    database_version = models.BigIntegerField(default=0)
    behind_seconds = models.FloatField(default=0)
    failure = models.CharField(max_length=300, blank=True, default="")

    def __str__(self) -> str:
        return self.host


# What rooms have in the database. Last, since their models are this app's.
from catalog.client_views.models import CatalogView  # noqa: E402, F401
from catalog.currencies.models import ExchangeRate  # noqa: E402, F401
from catalog.explorer.models import SavedView  # noqa: E402, F401
from catalog.exports.models import Export, Stock  # noqa: E402, F401
