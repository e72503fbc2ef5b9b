"""Price every stone anew, or stop that."""

from __future__ import annotations

import argparse
import time
from typing import Any

from django.core.management.base import CommandError

from diamondhub.commands import actor
from pricing import reprice
from pricing.errors import PricingError
from pricing.management.commands._common import PricingCommand
from pricing.models import Repricing

#: How long to rest while others do the batches (seconds).
REST = 0.5
#: What is kept of a cause, and of a reason to cancel (characters).
MAX_CAUSE_LENGTH, MAX_REASON_LENGTH = 200, 500


class Command(PricingCommand):
    """`reprice [--cause …] [--wait] [--json]`, or `reprice --cancel N --reason … [--json]`.

    With `--wait` it takes part in the work itself, so that it ends without any worker too, and exits 0 only if the
    repricing completes.
    """

    help = "Price every stone by the rules in force, or cancel a repricing."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--cause", help="why, for the history (default: asked for by command)")
        parser.add_argument("--wait", action="store_true", help="work at it, and wait until it is over")
        parser.add_argument("--cancel", type=int, metavar="N", help="stop this repricing; what is done stays done")
        parser.add_argument("--reason", help="why it is cancelled; needed to cancel")
        self.add_json(parser)

    def run(self, *, cancel: int | None, cause: str | None, reason: str | None, wait: bool, **options: Any) -> None:
        as_json: bool = options["as_json"]
        for option, text, longest in (("--cause", cause, MAX_CAUSE_LENGTH), ("--reason", reason, MAX_REASON_LENGTH)):
            if text is not None and not (len(text) <= longest and text.isprintable()):
                raise PricingError(f"{option} must be at most {longest} printable characters")
        if cancel is not None:
            if wait or cause is not None:
                raise PricingError("--cancel goes with --reason only")
            stopped = reprice.cancel(cancel, actor=actor(), reason=reason or "")
            stopped.refresh_from_db()
            self.say(reprice.report(stopped), f"repricing {stopped.pk} is cancelled", as_json=as_json)
            return
        if reason is not None:
            raise PricingError("--reason goes with --cancel; a new repricing has a --cause")
        started = reprice.start(cause=(cause or "").strip() or "asked for by command", actor=actor())
        if not wait:
            words = f"repricing {started.pk} is started by rule set {started.rule_set.version}"
            self.say(reprice.report(started), words, as_json=as_json)
            return
        done = self._finish(started, as_json=as_json)
        report = reprice.report(done)
        words = (
            f"repricing {done.pk} {done.state}: {report['stones']:,} stones, {report['changed']:,} written, "
            f"{report['repriced']:,} with another price"
        )
        self.say(report, words, as_json=as_json)
        if done.state != Repricing.State.COMPLETED:
            raise CommandError(f"repricing {done.pk} was {done.state}: {done.cancelled_reason}")

    def _finish(self, repricing: Repricing, *, as_json: bool) -> Repricing:
        """Work at the repricing until it is over, whoever else does; shows how far it is."""
        shown = ""
        while True:
            reprice.work(repricing.pk, seconds=2.0)
            repricing.refresh_from_db()
            if repricing.state != Repricing.State.READY:
                return repricing
            totals = reprice.totals(repricing)
            words = f"{totals['done']:,} of {totals['batches']:,} batches"
            if failing := repricing.batches.filter(state="ready").exclude(last_error="").first():
                words += f"; batch {failing.ordinal} fails: {failing.last_error}"
            if words != shown and not as_json:
                self.stderr.write(words)
                shown = words
            time.sleep(REST)
