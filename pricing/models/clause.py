"""Clauses: what a rule asks of a stone."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from catalog.grades import Clarity, Color, FancyIntensity, Finish, Fluorescence
from diamondhub.access.scopes import Scope
from diamondhub.audit.tracking import audited
from pricing.conditions import CONDITIONS, RangeCondition, in_words
from pricing.models.limits import MAX_COST_CENTS, MAX_NAMES
from pricing.models.rules import Rule


def _names(label: str) -> ArrayField[Any, Any]:
    return ArrayField(models.CharField(max_length=200), verbose_name=label, size=MAX_NAMES, default=list, blank=True)


def _none_of() -> models.BooleanField[Any, Any]:
    return models.BooleanField("none of these", default=False)


def _grade(label: str, grades: type[IntEnum]) -> models.PositiveSmallIntegerField[Any, Any]:
    choices = [(grade.value, grade.name.replace("_", " ")) for grade in grades if grade != Color.FANCY]
    return models.PositiveSmallIntegerField(label, null=True, blank=True, choices=choices)


def _cents(label: str) -> models.BigIntegerField[Any, Any]:
    bounds = [MinValueValidator(0), MaxValueValidator(MAX_COST_CENTS)]
    return models.BigIntegerField(label, null=True, blank=True, validators=bounds)


def _measure(label: str, digits: int, places: int) -> models.DecimalField[Any, Any]:
    return models.DecimalField(
        label, max_digits=digits, decimal_places=places, null=True, blank=True, validators=[MinValueValidator(0)]
    )


def _in_order(name: str) -> models.CheckConstraint:
    """Bounds of a range are no less than 0 and in order; infinity is refused, as PostgreSQL's NaN, its greatest number."""
    low, high = f"{name}_min", f"{name}_max"
    most = 10**12
    return models.CheckConstraint(
        condition=(Q(**{f"{low}__isnull": True}) | Q(**{f"{low}__gte": 0, f"{low}__lt": most}))
        & (Q(**{f"{high}__isnull": True}) | Q(**{f"{high}__gte": 0, f"{high}__lt": most}))
        & (Q(**{f"{low}__isnull": True}) | Q(**{f"{high}__isnull": True}) | Q(**{f"{low}__lte": F(high)})),
        name=f"clause_{name}_sane",
    )


@audited(part_of="rule", needs=Scope.PRICING_READ)
class Clause(models.Model):
    """One way to match a rule: every condition that is set must hold, and one that sets none matches every stone.

    `pricing.conditions` says what each column asks; it has a condition for every one of them, and nothing else.
    """

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="clauses")
    stone_types = _names("stone types")
    stone_types_excluded = _none_of()
    shapes = _names("shapes")
    shapes_excluded = _none_of()
    labs = _names("labs")
    labs_excluded = _none_of()
    feeds = _names("feeds")
    feeds_excluded = _none_of()
    suppliers = _names("suppliers")
    suppliers_excluded = _none_of()
    fancy_colors = _names("fancy colours")
    fancy_colors_excluded = _none_of()
    color_min = _grade("colour, best", Color)
    color_max = _grade("colour, worst", Color)
    clarity_min = _grade("clarity, best", Clarity)
    clarity_max = _grade("clarity, worst", Clarity)
    cut_min = _grade("cut, best", Finish)
    cut_max = _grade("cut, worst", Finish)
    polish_min = _grade("polish, best", Finish)
    polish_max = _grade("polish, worst", Finish)
    symmetry_min = _grade("symmetry, best", Finish)
    symmetry_max = _grade("symmetry, worst", Finish)
    fluorescence_min = _grade("fluorescence, weakest", Fluorescence)
    fluorescence_max = _grade("fluorescence, strongest", Fluorescence)
    fancy_intensity_min = _grade("fancy intensity, faintest", FancyIntensity)
    fancy_intensity_max = _grade("fancy intensity, deepest", FancyIntensity)
    carats_min = _measure("carats from", 8, 3)
    carats_max = _measure("carats to", 8, 3)
    cost_cents_min = _cents("cost from, cents")
    cost_cents_max = _cents("cost to, cents")
    cost_per_carat_cents_min = _cents("cost per carat from, cents")
    cost_per_carat_cents_max = _cents("cost per carat to, cents")
    ratio_min = _measure("ratio from", 7, 3)
    ratio_max = _measure("ratio to", 7, 3)
    table_pct_min = _measure("table from, %", 6, 2)
    table_pct_max = _measure("table to, %", 6, 2)
    depth_pct_min = _measure("depth from, %", 6, 2)
    depth_pct_max = _measure("depth to, %", 6, 2)
    has_image = models.BooleanField("with an image", null=True, blank=True)
    has_video = models.BooleanField("with a video", null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [_in_order(condition.name) for condition in CONDITIONS if isinstance(condition, RangeCondition)]

    def __str__(self) -> str:
        return in_words(self)
