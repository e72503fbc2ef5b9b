"""Prunings: when what is no longer needed was removed, and how far the stores reach back since."""

from __future__ import annotations

from django.db import models

from diamondhub.leases import Leased
from diamondhub.states import StateMachine

PRUNING_STATES = StateMachine({"ready": frozenset({"completed"}), "completed": frozenset()})


class Pruning(Leased):
    """One pruning: the sweep makes one a day (`day` is unique, so two beats make one), people any number (`day` is empty).

    `removed` counts what went, by kind. `kept_from` holds by store the moment (ISO 8601, UTC) from which on everything is
    there: `history` for all histories, and what the steps of `retention` say by their names.
    """

    class State(models.TextChoices):
        READY = "ready"
        COMPLETED = "completed"

    day = models.DateField(null=True, blank=True, unique=True)
    state = models.CharField(max_length=16, choices=State, default=State.READY)
    started_by = models.CharField(max_length=150)
    kept_from = models.JSONField(default=dict, blank=True)
    removed = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Pruning {self.pk}"
