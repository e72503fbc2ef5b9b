"""The plan of a run as its row keeps it: a struct in Python, JSON in the database; read and written here alone."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import structlog
from django.db import models
from django.db.models.fields.json import KeyTransform

log = structlog.get_logger(__name__)

#: How a plan came to its cuts: by the catalogue's last known density, or by a search.
Method = Literal["learned", "adaptive"]


class Counting(msgspec.Struct, frozen=True):
    """What a planner has counted so far, for the one that takes over from it.

    `known` are counts by the names of slices, `slow` says how often a slice's count was too slow
    (`ingest.planning.counting`); `began` is when the first of them was asked for.
    """

    began: datetime
    known: dict[str, int] = {}
    slow: dict[str, int] = {}


class RunPlan(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run keeps of its planning; empty until that began.

    While it is being planned, a run has nothing but `requests` and `counting`. Then `total` is the count of the whole
    window, `partitions` their number, `largest` and `mean` are stones of a partition, and `uncounted` are partitions whose
    count is an estimate. `requests` went to the supplier within `seconds`; `difference` is how many stones the partitions'
    counts lack. `density` are (dollars per carat, stones below) pairs.
    """

    method: Method | None = None
    total: int = 0
    partitions: int = 0
    largest: int = 0
    mean: float = 0.0
    uncounted: int = 0
    requests: int = 0
    seconds: float = 0.0
    shared_ends: bool = False
    difference: int = 0
    density: list[tuple[int, int]] = []
    counting: Counting | None = None

    @property
    def made(self) -> bool:
        """Whether planning is over: a plan has one partition at least."""
        return self.partitions > 0


def read_plan(kept: dict[str, Any]) -> RunPlan:
    """The plan that a row keeps, those of earlier versions included; what they did not keep is as in an empty plan.

    A plan that cannot be read is an empty one: a run without a plan shows nothing and delists nothing.
    """
    if "began" in kept:
        # What was counted so far used to lie beside the plan.
        kept = {**kept, "counting": {name: kept[name] for name in ("began", "known", "slow") if name in kept}}
    try:
        return msgspec.convert(kept, RunPlan)
    except msgspec.ValidationError as error:
        log.error("plan_unreadable", error=str(error))
        return RunPlan()


if TYPE_CHECKING:
    _JsonOfPlan = models.JSONField[RunPlan, RunPlan]
else:
    _JsonOfPlan = models.JSONField


class PlanField(_JsonOfPlan):
    """A column of JSON whose value is a `RunPlan`. To migrations it is a JSON field like any other."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"default": RunPlan, "blank": True, **options})

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.JSONField", list(args), {**options, "default": dict}

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        kept = super().from_db_value(value, expression, connection)
        # What belongs to no run, read together with its run, has none.
        return kept if kept is None or isinstance(expression, KeyTransform) else read_plan(kept)

    def get_prep_value(self, value: Any) -> Any:
        return msgspec.to_builtins(value) if isinstance(value, RunPlan) else super().get_prep_value(value)

    def value_to_string(self, obj: models.Model) -> Any:
        return self.get_prep_value(self.value_from_object(obj))
