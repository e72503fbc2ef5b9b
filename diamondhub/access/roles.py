"""Ready-made groups: who does what, as one table of permissions, made after each `migrate`.

People may change the groups as they like. A group is given each permission of the table once: what somebody took away stays
away, what a later version adds is added, and a group that somebody deleted, or had made under that name, is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

from diamondhub.access.models import Role
from diamondhub.audit.acting import SYSTEM, acting


def _of(app: str, model: str, *verbs: str) -> frozenset[str]:
    return frozenset(f"{app}.{verb}_{model}" for verb in verbs)


def _views(*models: str) -> frozenset[str]:
    return frozenset(f"{app}.view_{model}" for app, model in (name.split(".") for name in models))


_STONES = _views("catalog.diamond", "catalog.datasetversion", "pricing.pricechange")
_RULES = _views("pricing.ruleset", "pricing.rule", "pricing.clause", "pricing.experiment", "pricing.repricing")
_RUNS = _views(
    "ingest.feed", "ingest.run", "ingest.partition", "ingest.consolidationbatch", "ingest.deadletter", "ingest.pause"
)
_MACHINERY = _views(
    *("telemetry.heartbeat", "operations.worker", "operations.problem", "alerts.event", "alerts.delivery"),
    *("alerts.channel", "alerts.channelstate", "alerts.rule"),
    *("operations.pruning", "operations.examination"),
)
_CLIENTS = _views(
    *("access.apiclient", "access.apikey", "catalog.catalogview", "catalog.exchangerate", "catalog.export"),
    *("webhooks.subscription", "webhooks.delivery"),
)

#: The groups by name, with their permissions. A permission that no model has yet is given once there is one.
ROLES: Mapping[str, frozenset[str]] = {
    # Makes prices: rules, experiments, publishing; sees stones and what runs bring.
    "Merchandiser": _STONES
    | _RULES
    | _RUNS
    | _views("catalog.catalogview", "catalog.exchangerate", "operations.problem")
    | _of("pricing", "ruleset", "add", "change", "delete", "publish")
    | _of("pricing", "rule", "add", "change", "delete")
    | _of("pricing", "clause", "add", "change", "delete")
    | _of("pricing", "experiment", "add", "change", "delete")
    | _of("pricing", "repricing", "add", "change")
    | _of("catalog", "exchangerate", "add", "change"),
    # Keeps everything going: runs, feeds, dead letters, workers, alerts.
    "Duty": _STONES
    | _RULES
    | _RUNS
    | _MACHINERY
    | _CLIENTS
    | _views("ingest.rawdiamond", "audit.auditevent", "access.signin")
    | _of("ingest", "run", "add", "change")
    | _of("ingest", "feed", "change")
    | _of("ingest", "deadletter", "replay", "discard")
    | _of("operations", "problem", "change")
    | _of("operations", "worker", "change")
    | _of("operations", "examination", "add")
    | _of("alerts", "channel", "add", "change")
    | _of("alerts", "rule", "add", "change", "delete")
    | _of("alerts", "delivery", "change")
    | _of("webhooks", "subscription", "change"),
    # Sees everything that was done, and by whom; changes nothing.
    "Auditor": _STONES
    | _RULES
    | _RUNS
    | _MACHINERY
    | _CLIENTS
    | _views("audit.auditevent", "access.signin", "auth.user", "auth.group")
    | _of("audit", "auditevent", "export"),
    # Lets shops in: clients, their keys, what they see and are told.
    "API admin": _CLIENTS
    | _views("catalog.diamond", "operations.problem", "audit.auditevent")
    | _of("access", "apiclient", "add", "change")
    | _of("access", "apikey", "add", "change")
    | _of("catalog", "catalogview", "add", "change", "delete")
    | _of("catalog", "exchangerate", "add", "change")
    | _of("webhooks", "subscription", "change"),
}


def after_migrate(*, using: str, **_: Any) -> None:
    """Signal handler of `post_migrate`, when all permissions are made."""
    with acting(SYSTEM, via="command migrate", reason="ready-made groups"):
        make(using)


@transaction.atomic
def make(using: str = "default") -> None:
    """Make the groups that were never made, and give each what it was never given."""
    known = {role.name: role for role in Role.objects.using(using).select_for_update()}
    for name, wanted in ROLES.items():
        permissions = _permissions(wanted, using)
        role = known.get(name)
        if role is None:
            group, is_new = Group.objects.using(using).get_or_create(name=name)
            if is_new:
                group.permissions.set(permissions.values())
            # A group that somebody had made is theirs.
            Role.objects.using(using).create(name=name, group=group if is_new else None, given=sorted(permissions))
            continue
        new = sorted(set(permissions) - set(role.given))
        if not new:
            continue
        if role.group is not None:
            role.group.permissions.add(*(permissions[each] for each in new))
        role.given = sorted({*role.given, *new})
        role.save(update_fields=["given"])


def _permissions(names: Iterable[str], using: str) -> dict[str, Permission]:
    """The permissions of these names that there are."""
    wanted = Q(pk__in=[])
    for name in names:
        app, _, codename = name.partition(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    rows = Permission.objects.using(using).filter(wanted).select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}": row for row in rows}


def groups_with(permission: str) -> list[str]:
    """The names of the groups that have a permission, the ready-made ones first."""
    app, _, codename = permission.partition(".")
    names = Group.objects.filter(permissions__content_type__app_label=app, permissions__codename=codename)
    return sorted(names.values_list("name", flat=True), key=lambda name: (name not in ROLES, name))
