"""Experiments: preparing, starting and ending one, who belongs to its share, and what came of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import md5
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg.errors import QueryCanceled

from diamondhub.admin.base import bounded
from diamondhub.alerts.outbox import announce
from diamondhub.audit.acting import acting
from pricing import publishing, reprice
from pricing.compile import share_threshold
from pricing.errors import (
    ExperimentNotPrepared,
    ExperimentNotRunning,
    ExperimentUnderWay,
    NoSuchExperiment,
    ReasonMissing,
    SellsBelowCost,
)
from pricing.measuring import measure
from pricing.models import EXPERIMENT_STATES, Experiment, Repricing, RuleSet
from pricing.simulate import simulate_share
from pricing.validation import clean_experiment

log = structlog.get_logger(__name__)

#: The longest that the measurement may take (seconds): pages and requests have not much more.
MEASURE_SECONDS = 12.0
#: What of the simulation at the start is kept.
_EXPECTED = ("stones", "changed", "below_cost", "cost_cents", "old_cents", "new_cents")


def in_share(experiment: Experiment, stone: UUID) -> bool:
    """Whether the stone belongs to the experiment's share: always the same answer, by a hash of its id and the salt."""
    digest = md5(f"{stone}{experiment.salt}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) < share_threshold(experiment)


def new(slug: str, rule_set: RuleSet, share: Decimal, *, notes: str = "") -> Experiment:
    """Prepare an experiment that gives `share` percent of the stones to a rule set, with a salt of its own.

    Raises Django's `ValidationError` by field for a slug that is taken or none, for a share out of range, and for a draft
    that somebody has just thrown away.
    """
    with transaction.atomic():
        # Two at once by one name: the second is told.
        _in_turn()
        # Who throws it away waits, and then finds it in use.
        if RuleSet.objects.select_for_update(no_key=True).filter(pk=rule_set.pk).values_list("pk").first() is None:
            raise ValidationError({"rule_set": f"There is no rule set {rule_set.version} any more."})
        experiment = Experiment(slug=slug, rule_set=rule_set, share=share, notes=notes, salt=secrets.token_hex(16))
        clean_experiment(experiment)
        experiment.save(force_insert=True)
    return experiment


def discard(experiment_id: int) -> None:
    """Throw a prepared experiment away. Raises `NoSuchExperiment` and `ExperimentNotPrepared`."""
    with transaction.atomic():
        experiment = _locked(experiment_id)
        if experiment.state != Experiment.State.PREPARED:
            raise ExperimentNotPrepared(
                f"experiment {experiment.slug} is {experiment.state}: it stays for those who ask"
            )
        experiment.delete()


def start(experiment_id: int, *, actor: str, reason: str = "", below_cost_confirmed: bool = False) -> Repricing:
    """Seal the experiment's rule set, and begin to price its share by that; what is expected of it is kept.

    In one transaction with the start of the repricing that follows. Raises `NoSuchExperiment`, `ExperimentNotPrepared`,
    `ExperimentUnderWay` while another one runs, and `SellsBelowCost` unless that was confirmed.
    """
    with acting(actor, reason=reason), transaction.atomic():
        experiment = _locked(experiment_id)
        if experiment.state != Experiment.State.PREPARED:
            raise ExperimentNotPrepared(f"experiment {experiment.slug} is {experiment.state}: prepare a new one")
        running = Experiment.objects.filter(state=Experiment.State.RUNNING).first()
        if running is not None:
            raise ExperimentUnderWay(f"experiment {running.slug} is running: end it first")
        rule_set = publishing.seal(experiment.rule_set_id)
        effect = simulate_share(experiment).total
        if effect.below_cost and not below_cost_confirmed:
            raise SellsBelowCost(effect.below_cost)
        EXPERIMENT_STATES.move(
            experiment,
            Experiment.State.RUNNING,
            started_by=actor[:150],
            started_at=timezone.now(),
            started_reason=reason.strip()[:500],
            results={"expected": {name: getattr(effect, name) for name in _EXPECTED}},
        )
        repricing = reprice.start(cause=f"experiment {experiment.slug} begins", actor=actor)
        announce(
            dedupe_key=f"experiment:{experiment.pk}:started",
            kind="experiment_started",
            severity="info",
            subject=f"Experiment {experiment.slug} is started by {actor}: {experiment.share.normalize():f} % of the stones",
            details={
                "experiment": experiment.slug,
                "rule_set": rule_set.version,
                "share": str(experiment.share),
                "reason": reason.strip()[:500],
            },
            trace_id=repricing.trace_id,
        )
    return repricing


def end(experiment_id: int, *, actor: str, reason: str) -> Repricing:
    """End a running experiment, keep the table of what came of it, and price its share as all others again.

    Raises `ReasonMissing`, `NoSuchExperiment` and `ExperimentNotRunning`.
    """
    if not reason.strip():
        raise ReasonMissing
    with acting(actor, reason=reason), transaction.atomic():
        experiment = _locked(experiment_id)
        if experiment.state != Experiment.State.RUNNING:
            raise ExperimentNotRunning(f"experiment {experiment.slug} is {experiment.state}, there is nothing to end")
        EXPERIMENT_STATES.move(
            experiment,
            Experiment.State.ENDED,
            ended_by=actor[:150],
            ended_at=timezone.now(),
            ended_reason=reason[:500],
            results=_count(experiment),
        )
        repricing = reprice.start(cause=f"experiment {experiment.slug} ends", actor=actor)
        announce(
            dedupe_key=f"experiment:{experiment.pk}:ended",
            kind="experiment_ended",
            severity="info",
            subject=f"Experiment {experiment.slug} is ended by {actor}: {reason}",
            details={"experiment": experiment.slug, "reason": reason, "results": experiment.results},
            trace_id=repricing.trace_id,
        )
    return repricing


def results(experiment: Experiment) -> dict[str, Any]:
    """The results of the experiment so far; of one that has ended, those that were kept; empty for one that never started.

    `arms` has a row for the share, whose `arm` is the slug, and one for all stones without an arm (None): `stones` of the
    catalogue that are not delisted, their `mean_price_cents` (None without stones), and those `sold` since the start.
    `expected` is what the simulation at the start said, `measured` what came of the stones that were for sale then
    (`pricing.measuring`); either is None if it is not known.
    """
    if experiment.state == Experiment.State.RUNNING:
        return _count(experiment)
    kept: dict[str, Any] = experiment.results
    return kept


def _count(experiment: Experiment) -> dict[str, Any]:
    with connection.cursor() as cursor:
        # One sequential scan. A repricing touches sold stones too: sold since then is what a payload of since then says.
        cursor.execute(
            """
            SELECT
                experiment_arm,
                count(*) FILTER (WHERE availability <> 'delisted'),
                round(avg(price_cents) FILTER (WHERE availability <> 'delisted'))::bigint,
                count(*) FILTER (WHERE availability = 'sold' AND source_updated_at >= %(since)s)
            FROM catalog_diamond
            WHERE experiment_arm IS NULL OR experiment_arm = %(arm)s
            GROUP BY experiment_arm
            """,
            {"since": experiment.started_at, "arm": experiment.slug},
        )
        by_arm: Mapping[str | None, tuple[int, int | None, int]] = {arm: tuple(row) for arm, *row in cursor.fetchall()}
    rows = [(arm, *by_arm.get(arm, (0, None, 0))) for arm in (experiment.slug, None)]
    assert experiment.started_at is not None
    now = timezone.now()
    return {
        "since": experiment.started_at.isoformat(),
        "counted_at": now.isoformat(),
        "arms": [
            {"arm": arm, "stones": stones, "mean_price_cents": mean, "sold": sold} for arm, stones, mean, sold in rows
        ],
        "expected": experiment.results.get("expected"),
        "measured": _measured(experiment, now),
    }


def _measured(experiment: Experiment, now: datetime) -> dict[str, Any] | None:
    """The measurement; None if it takes so long that it would keep somebody from ending the experiment."""
    try:
        with bounded(MEASURE_SECONDS):
            return measure(experiment, now)
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        log.warning("experiment_not_measured", experiment=experiment.slug, seconds=MEASURE_SECONDS)
        return None


def _locked(experiment_id: int) -> Experiment:
    _in_turn()
    experiment = Experiment.objects.select_for_update(no_key=True).filter(pk=experiment_id).first()
    if experiment is None:
        raise NoSuchExperiment
    return experiment


def _in_turn() -> None:
    """Wait for others who are just changing experiments, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('pricing_experiment'))")
