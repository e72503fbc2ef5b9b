"""The events that clients can be told of, and what a client must be able to read to be told of each."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import TextChoices

from diamondhub.access.scopes import Scope


class EventKind(TextChoices):
    """The kinds of events; names are for ever, receivers compare them."""

    CATALOG_CHANGED = "catalog.changed", "catalog.changed"
    RUN_COMPLETED = "run.completed", "run.completed"
    RULE_SET_PUBLISHED = "rule_set.published", "rule_set.published"


#: What is sent when somebody asks for a test; nobody subscribes to it.
TEST = "webhook.test"

#: The scope by which a client could read the same by itself.
NEEDED: Mapping[str, Scope] = {
    EventKind.CATALOG_CHANGED: Scope.CATALOG_READ,
    EventKind.RUN_COMPLETED: Scope.RUNS_READ,
    EventKind.RULE_SET_PUBLISHED: Scope.PRICING_READ,
}

#: Kinds of which only the newest is worth telling: what is still waiting is replaced by it.
REPLACING = frozenset({EventKind.CATALOG_CHANGED})
