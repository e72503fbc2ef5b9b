"""Partitions of runs by REST: how far each is read, and why one failed. Failed ones are retried at their run's address."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, Case, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.http import Http404, HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.admin.base import bounded
from diamondhub.api.answers import page_of
from diamondhub.api.endpoint import operation, version_of
from ingest import runs
from ingest.api.base import LIST_SECONDS, IngestEndpoint
from ingest.api.bodies import PartitionsQuery
from ingest.api.partition_answers import PartitionAnswer
from ingest.models import Partition

#: Columns that are shown as they are.
_SHOWN = (
    *("ordinal", "kind", "state", "offset_from", "offset_to", "expected", "recounted", "next_offset", "missing"),
    *("attempts", "errors", "rereads", "failure", "due_at", "completed_at"),
)


class Partitions(IngestEndpoint):
    """The partitions of a run."""

    scope = Scope.RUNS_READ

    @operation("list_partitions", "Partitions of a run", query=PartitionsQuery, answer=page_of(PartitionAnswer))
    def get(self, request: Request, number: int) -> Response:
        """The slices of a run's window, the last one first; `state=failed` are those that a retry reads again."""
        rows = partitions_of(number).filter(
            **{name: self.query[name] for name in ("kind", "state") if name in self.query}
        )
        costs = self.sees_costs
        with bounded(LIST_SECONDS):
            return self.page(rows, lambda row: partition_shown(row, costs=costs), by="id")


class OnePartition(IngestEndpoint):
    """One partition of a run."""

    scope = Scope.RUNS_READ

    @operation("get_partition", "One partition", answer=PartitionAnswer)
    def get(self, request: Request, number: int, partition: int) -> HttpResponseBase:
        """How far the partition is read, and why it failed if it did."""
        row = partitions_of(number).filter(pk=partition).first()
        if row is None:
            raise Http404
        shown = partition_shown(row, costs=self.sees_costs)
        return self.unless_known(version_of(shown), lambda: Response(shown))


def partitions_of(number: int) -> QuerySet[Partition]:
    """The partitions of a run, without the long lists of stones that are asked for by id. Raises `NoSuchRun`."""
    live = When(Q(state=Partition.State.READY, lease_expires_at__gt=Now()), then=Value(True))
    working = Case(live, default=Value(False), output_field=BooleanField())
    return runs.find_run(number).partitions.defer("stone_ids", "unnamed").annotate(working=working)


def partition_shown(partition: Any, *, costs: bool) -> dict[str, Any]:
    """A partition as answers have it. Its prices are what stones cost us, and shown only with `costs`."""
    carats = {name: getattr(partition, name) for name in ("carats_from", "carats_to")}
    return {
        "partition": partition.pk,
        "run": partition.run_id,
        **{name: getattr(partition, name) for name in _SHOWN},
        "working": getattr(partition, "working", False),
        "price_from": partition.price_from if costs else None,
        "price_to": partition.price_to if costs else None,
        **{name: None if value is None else float(value) for name, value in carats.items()},
    }
