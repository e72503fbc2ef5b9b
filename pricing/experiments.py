"""Experiments: starting and ending one, who belongs to its share, and what came of it."""

from __future__ import annotations

from hashlib import md5
from uuid import UUID

from pricing.compile import share_threshold
from pricing.models import Experiment


def in_share(experiment: Experiment, stone: UUID) -> bool:
    """Whether the stone belongs to the experiment's share: always the same answer, by a hash of its id and the salt."""
    digest = md5(f"{stone}{experiment.salt}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) < share_threshold(experiment)
