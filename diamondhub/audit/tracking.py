"""Which tables are audited, and the triggers that do it: `@audited` on a model makes its table of events.

django-pghistory makes the event models and their migrations. Its triggers are ours in two points: an update keeps what was
there before, and no setting of a session switches them off, as `pgtrigger.ignore` would.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import pghistory
import pghistory.trigger
import pgtrigger
from django.db import models
from django.db.models import Q
from pgtrigger import compiler

from diamondhub.access.scopes import Scope
from diamondhub.audit.acting import SETTING, SYSTEM, audit_table
from diamondhub.audit.models import RecordedChange

_M = TypeVar("_M", bound=models.Model)

#: What happened to a row: labels of events.
CREATED, CHANGED, DELETED = "created", "changed", "deleted"
#: SQL for what was told of who acts; null if nothing was.
_TOLD = f"NULLIF(current_setting('{SETTING}', true), '')::jsonb"
#: SQL for whether somebody acts, and not the course of things.
_BY_SOMEBODY = f"{_TOLD} ->> 'user' IS DISTINCT FROM '{SYSTEM}'"
#: PostgreSQL's functions take a hundred arguments; these are pairs.
_PAIRS = 40


@dataclass(frozen=True, slots=True)
class Audited:
    """An audited model: its events, and the name of the foreign key to what it is a part of, if it is one.

    `needs` is the scope without which a client of the API is not shown what its events hold, besides the audit's own.
    What fields in `personal` hold, no client is shown.
    """

    model: type[models.Model]
    events: Any
    part_of: str
    needs: Scope | None = None
    personal: frozenset[str] = frozenset()


#: All audited models, by kind (`app.model`).
AUDITED: dict[str, Audited] = {}


class TriggerSql(compiler.UpsertTriggerSql):
    """A trigger that nobody can have ignored; migrations refer to it."""

    def get_template(self) -> str:
        """The statements that make it; migrations depend on every character."""
        return """
            CREATE OR REPLACE FUNCTION {pgid}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                {func}
            END
            $$;

            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE TRIGGER {pgid} {when} {operation} ON {table}
                FOR EACH {level} {condition}
                EXECUTE FUNCTION {execute};

            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class _Recording(pghistory.trigger.Event):
    """Writes an event per row."""

    event_model: Any

    def get_func(self, model: Any) -> pgtrigger.Func:
        """The trigger's statement: the row, who acted and why, and of an update what was there before."""
        recorded = {field.name for field in model._meta.concrete_fields}
        columns = [field.column for field in self.event_model._meta.concrete_fields if field.name in recorded]
        masked = self.event_model.pgh_masked
        values = {
            **{f'"{column}"': _value(self.row, column, masked) for column in columns},
            "pgh_created_at": "now()",
            "pgh_label": f"'{self.label}'",
            "pgh_obj_id": f'{self.row}."{model._meta.pk.column}"',
            "pgh_who": f"COALESCE({_TOLD} ->> 'user', session_user || ' (SQL)')",
            **{f"pgh_{name}": f"COALESCE({_TOLD} ->> '{name}', '')" for name in ("via", "reason", "request_id")},
        }
        if self.label == CHANGED:
            values["pgh_before"] = _what_changed(columns, masked)
        into, of = ", ".join(values), ", ".join(values.values())
        return pgtrigger.Func(  # type: ignore[no-untyped-call]
            f'INSERT INTO "{self.event_model._meta.db_table}" ({into}) VALUES ({of}); RETURN NULL;'
        )

    def compile(self, model: Any) -> compiler.Trigger:
        """As migrations keep it."""
        compiled = super().compile(model)
        return compiler.Trigger(name=compiled.name, sql=TriggerSql(**compiled.sql.kwargs))


def _value(row: str, column: str, masked: Collection[str]) -> str:
    value = f'{row}."{column}"'
    return f"audit_masked({value})" if column in masked else value


def _what_changed(columns: list[str], masked: Collection[str]) -> str:
    """SQL for the columns that an update changes, with what was there before."""
    return (
        f"(SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each({_object('OLD', columns, masked)}) AS was "
        f"JOIN jsonb_each({_object('NEW', columns, masked)}) AS becomes ON becomes.key = was.key "
        "WHERE becomes.value IS DISTINCT FROM was.value)"
    )


def _object(row: str, columns: list[str], masked: Collection[str]) -> str:
    pairs = [f"'{column}', {_value(row, column, masked)}" for column in columns]
    pieces = [", ".join(pairs[at : at + _PAIRS]) for at in range(0, len(pairs), _PAIRS)]
    return " || ".join(f"jsonb_build_object({piece})" for piece in pieces)


class _Tracked:
    """Makes django-pghistory's trackers use our trigger."""

    def add_event_trigger(self, event_model: Any) -> None:
        """Register the trigger with the audited model."""
        own: Any = self
        pgtrigger.register(
            _Recording(  # type: ignore[no-untyped-call]
                event_model=event_model,
                label=own.label,
                name=f"audit_{own.label}",
                row=own.row,
                operation=own.operation,
                condition=own.condition,
                level=pgtrigger.Row,
            )
        )(event_model.pgh_tracked_model)


class _Created(_Tracked, pghistory.InsertEvent):
    label = CREATED


class _Changed(_Tracked, pghistory.UpdateEvent):
    label = CHANGED


class _Deleted(_Tracked, pghistory.DeleteEvent):
    label = DELETED


class _ChangeBySomebody(pgtrigger.AnyChange):
    """A change that the course of things has not made."""

    def resolve(self, model: Any) -> str:
        """The trigger's condition."""
        return f"(({super().resolve(model)}) AND {_BY_SOMEBODY})"


def _number_of(key: Any, *, indexed: bool) -> models.ForeignKey[Any, Any]:
    """A foreign key as events have it: the number alone, whatever became of the row, and an index only where one asks."""
    return models.ForeignKey(
        key.remote_field.model,
        on_delete=models.DO_NOTHING,
        null=key.null,
        db_constraint=False,
        db_index=indexed,
        related_name="+",
        related_query_name="+",
    )


def audited(
    *,
    exclude: Collection[str] = (),
    masked: Collection[str] = (),
    changes_of: Iterable[str] = (),
    creations: bool = True,
    by_system: bool = True,
    part_of: str = "",
    events: str = "",
    needs: Scope | None = None,
    personal: Collection[str] = (),
) -> Callable[[type[_M]], type[_M]]:
    """Decorator of a model: keep events of what happens to its rows, in the table `<app>_<model>event` or `<app>_<events>`.

    Fields in `exclude` are in no event, and a change of nothing else makes none. If `changes_of` is given, only changes of
    these fields make one; without `creations`, a new row makes none; without `by_system`, what tasks create and change makes
    none. `part_of` names the foreign key to the object in whose history these events are shown as well. JSON fields in
    `masked` may hold addresses of the web: what is secret in these is left out. `needs` is the scope without which a client
    that may read the audit is not shown what these events hold; what people's own fields (`personal`) hold is shown in the
    admin alone. A model that is not ours is audited by a proxy of it, and
    its events are those of the model.

    `makemigrations` makes the table and triggers; protections and the list of all events follow by themselves (see
    `diamondhub.audit.after_migrate`).
    """

    def decorate(model: type[_M]) -> type[_M]:
        name = events or f"{model.__name__}Event"
        concrete: Any = model._meta.concrete_model
        keys = [field for field in concrete._meta.local_fields if isinstance(field, models.ForeignKey)]
        created, changed = (
            _Created(),
            _Changed(condition=pgtrigger.AnyChange(*changes_of)) if changes_of else _Changed(),
        )
        if not by_system:
            created = _Created(condition=pgtrigger.Condition(_BY_SOMEBODY))
            changed = _Changed(condition=_ChangeBySomebody(*changes_of))
        pghistory.track(
            *((created,) if creations else ()),
            changed,
            _Deleted(),
            exclude=list(exclude),
            obj_field=pghistory.ObjForeignKey(related_name="+", related_query_name="+"),
            context_field=None,  # type: ignore[arg-type]  # there is none: who and why are columns of the base
            append_only=False,
            attrs={
                "pgh_masked": frozenset(masked),
                **{key.name: _number_of(key, indexed=key.name == part_of) for key in keys if key.name not in exclude},
            },
            model_name=name,
            base_model=RecordedChange,
            meta={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["pgh_created_at", "pgh_id"], name=f"{name.lower()}_at"),
                    models.Index(fields=["pgh_who", "pgh_created_at"], name=f"{name.lower()}_who"),
                    models.Index(fields=["pgh_label", "pgh_created_at", "pgh_id"], name=f"{name.lower()}_what"),
                    models.Index(
                        fields=["pgh_request_id"], name=f"{name.lower()}_request", condition=~Q(pgh_request_id="")
                    ),
                ],
            },
        )(model)
        event_model = model.pgh_event_model  # type: ignore[attr-defined]
        AUDITED[concrete._meta.label_lower] = Audited(model, event_model, part_of, needs, frozenset(personal))
        audit_table(model._meta.db_table)
        return model

    return decorate
