"""Prunings: when what is no longer needed was removed, and how far the stores reach back since."""

from __future__ import annotations

from django.db import models

from diamondhub.leases import Leased
from diamondhub.states import StateMachine

PRUNING_STATES = StateMachine({"ready": frozenset({"completed"}), "completed": frozenset()})


class Pruning(Leased):
    """One pruning: the sweep makes one a day (`day` is unique, so two beats make one), people any number (`day` is empty).

    `raw_kept_from` is the first day whose payloads are all there, `history_kept_from` the moment from which audit events and
    alerts are. `removed` counts what went, by kind.
    """

    class State(models.TextChoices):
        READY = "ready"
        COMPLETED = "completed"

    day = models.DateField(null=True, blank=True, unique=True)
    state = models.CharField(max_length=16, choices=State, default=State.READY)
    started_by = models.CharField(max_length=150)
    raw_kept_from = models.DateField(null=True, blank=True)
    history_kept_from = models.DateTimeField(null=True, blank=True)
    removed = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Pruning {self.pk}"
