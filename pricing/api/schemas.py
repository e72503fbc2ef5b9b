"""What the OpenAPI document says of pricing's bodies and answers, made from the tables that read and write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pricing.conflicts import Kind
from pricing.models import MAX_CLAUSES, Experiment, Repricing, RuleSet
from pricing.written import CLAUSE_FIELDS, RULE_FIELDS, RULE_SET_FIELDS, Written

Schema = dict[str, Any]

#: A repricing's cause, which its reason becomes, is kept in so many characters.
MAX_CAUSE_LENGTH = 200


def _or_null(schema: Schema) -> Schema:
    if "enum" in schema:
        schema = {**schema, "enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]}


def _object(properties: dict[str, Schema], required: Sequence[str] | None = None) -> Schema:
    required = list(properties) if required is None else list(required)
    schema: Schema = {"type": "object", "properties": properties}
    return {**schema, "required": required} if required else schema


def _written(fields: Sequence[Written]) -> dict[str, Schema]:
    return {
        one.name: {**(_or_null(one.kind.schema) if one.nullable else one.kind.schema), "description": one.about}
        for one in fields
    }


def texts(description: str = "") -> Schema:
    """A text."""
    return {"type": "string", "description": description} if description else {"type": "string"}


WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
YES_NO: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
DAY: Schema = {"type": "string", "format": "date"}
DOLLARS: Schema = {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$", "description": "Dollars."}
REVISION: Schema = {"type": "integer", "description": "The draft's revision as it was read; a stale one is a 409."}
REASON: Schema = {"type": "string", "maxLength": 500, "description": "Why; it is kept for those who ask later."}

_CLAUSE = _object(_written(CLAUSE_FIELDS), ())
_CLAUSE["description"] = (
    "All conditions must hold; one that is left out asks nothing, and a stone that lacks the value does not match. "
    "Without any condition every stone matches."
)
_CLAUSES: Schema = {
    "type": "array",
    "items": _CLAUSE,
    "maxItems": MAX_CLAUSES,
    "description": "The rule matches if any clause does; without any it matches nothing.",
}
RULE_BODY = _object({**_written(RULE_FIELDS), "clauses": _CLAUSES}, ("name", "priority"))
RULE = _object(
    {
        "number": {**WHOLE, "description": "The rule's name through all versions."},
        **_written(RULE_FIELDS),
        "clauses": _CLAUSES,
        "words": {"type": "array", "items": texts(), "description": "Each clause for people."},
        "warnings": {
            "type": "array",
            "items": texts(),
            "description": "Why the rule, or a clause, never matches, or matches every stone.",
        },
    }
)
PUT_RULE = _object({"revision": REVISION, "rule": RULE_BODY})
PUT_RULE_ANSWER = _object({"revision": WHOLE, "rule": RULE})
RULE_SET = _object(
    {
        "version": WHOLE,
        "state": {"type": "string", "enum": RuleSet.State.values},
        "revision": REVISION,
        **_written(RULE_SET_FIELDS),
        "rule_count": WHOLE,
        "based_on": _or_null(WHOLE),
        "created_by": texts(),
        "created_at": MOMENT,
        "published_by": texts(),
        "published_at": _or_null(MOMENT),
        "published_reason": texts(),
    }
)
RULE_SET_WITH_RULES = _object({**RULE_SET["properties"], "rules": {"type": "array", "items": RULE}})
NEW_DRAFT = _object(
    {"copy_of": {**WHOLE, "description": "Version to copy; the published one if left out."}, "notes": texts()}, ()
)
CHANGE_DRAFT = _object({"revision": REVISION, **_written(RULE_SET_FIELDS)}, ("revision",))
REVISED = _object({"revision": {**WHOLE, "description": "The draft's new revision."}})
PUBLISH = _object(
    {
        "reason": REASON,
        "revision": {**REVISION, "description": "Required for a draft: only what you read is published."},
        "replaces": {
            **WHOLE,
            "description": "The version in force that you compared with: if it is another by now, a 409.",
        },
        "confirm_below_cost": {**YES_NO, "description": "True: stones may be sold for less than they cost."},
    },
    ("reason",),
)
_NULLABLE_TEXT = _or_null(texts())
REPRICING = _object(
    {
        "repricing": WHOLE,
        "state": {"type": "string", "enum": Repricing.State.values},
        "rule_set": WHOLE,
        "experiment": _NULLABLE_TEXT,
        "as_of": DAY,
        "cause": texts(),
        "started_by": texts(),
        "created_at": MOMENT,
        "finished_at": _or_null(MOMENT),
        "cancelled_by": texts(),
        "cancelled_reason": texts(),
        "dataset_version": _or_null(WHOLE),
        "batches": WHOLE,
        "done": {**WHOLE, "description": "Batches that are done."},
        "stones": {**WHOLE, "description": "Diamonds looked at."},
        "changed": {**WHOLE, "description": "Diamonds written."},
        "repriced": {**WHOLE, "description": "Diamonds with another price than before."},
    }
)
START_REPRICING = _object({"reason": {**REASON, "maxLength": MAX_CAUSE_LENGTH}})
REASON_BODY = _object({"reason": REASON})
_EFFECT = _object(
    {
        **dict.fromkeys(("stones", "changed", "below_cost"), WHOLE),
        **dict.fromkeys(("cost", "old", "new", "effect"), DOLLARS),
    }
)
_MOVERS: Schema = {
    "type": "array",
    "items": _object(
        {
            "id": {"type": "string", "format": "uuid"},
            "stone": texts(),
            **dict.fromkeys(("cost", "old", "new"), DOLLARS),
            "rule": _or_null(WHOLE),
        }
    ),
}
CONFLICTS = _object(
    {
        "rule_set": WHOLE,
        "conflicts": {
            "type": "array",
            "items": _object(
                {
                    "kind": {"type": "string", "enum": [kind.value for kind in Kind]},
                    "rule": _or_null(WHOLE),
                    "message": {"type": "string"},
                    "earlier": {"type": "array", "items": WHOLE},
                }
            ),
        },
    }
)
SIMULATION = _object(
    {
        "rule_set": WHOLE,
        "total": _EFFECT,
        "by_type": {"type": "object", "additionalProperties": _EFFECT},
        "rules": {
            "type": "array",
            "items": _object({"rule": _or_null(WHOLE), "name": _NULLABLE_TEXT, "stones": WHOLE, "effect": DOLLARS}),
        },
        "histogram": {
            "type": "array",
            "items": _object({"from": _or_null(WHOLE), "to": _or_null(WHOLE), "stones": WHOLE}),
            "description": "Stones by the change of their price in percent; those that stay are in no bar.",
        },
        "up": _MOVERS,
        "down": _MOVERS,
    }
)
_PRICE = {
    "price": DOLLARS,
    "cost": DOLLARS,
    "rule_set": WHOLE,
    "rule": _or_null(WHOLE),
    "experiment_arm": _NULLABLE_TEXT,
}
_WHO = {"cause": _NULLABLE_TEXT, "cause_id": _or_null(WHOLE), "actor": _NULLABLE_TEXT}
PRICE_CHANGE = _object({"changed_at": MOMENT, "old": _object(_PRICE), "new": _object(_PRICE), **_WHO})
PAST_PRICE = _object(
    {
        "day": DAY,
        **_PRICE,
        "since": {**_or_null(MOMENT), "description": "When the price came about; null if no change is known."},
        **_WHO,
        "published_by": _NULLABLE_TEXT,
        "published_reason": _NULLABLE_TEXT,
    }
)
EXPLANATION = _object(
    {
        "diamond": {"type": "string", "format": "uuid"},
        "price": DOLLARS,
        "cost": DOLLARS,
        "warning": texts("Empty, or what the stone holds otherwise than its rule set says."),
        "stone_type": texts(),
        "base_margin": NUMBER,
        "rule_set": WHOLE,
        "published_by": texts(),
        "published_at": _or_null(MOMENT),
        "published_reason": texts(),
        "day": {**DAY, "description": "The day for which the rules were asked."},
        "experiment_arm": _NULLABLE_TEXT,
        "rating": _or_null(WHOLE),
        "rule": _or_null(
            _object(
                {
                    "number": WHOLE,
                    "priority": WHOLE,
                    "name": texts(),
                    "modifier": NUMBER,
                    "clause": texts("The first clause that matched, in words."),
                }
            )
        ),
        "steps": {
            "type": "array",
            "items": _object({"step": texts(), "words": texts(), "amount": DOLLARS}),
            "description": "From cost to price, the amount after each step.",
        },
        "passed": {
            "type": "array",
            "items": _object(
                {
                    "number": WHOLE,
                    "priority": WHOLE,
                    "name": texts(),
                    "in_force": YES_NO,
                    "why": texts("Why the rule did not price the stone, in a line."),
                    "clauses": {
                        "type": "array",
                        "items": _object(
                            {
                                "clause": texts(),
                                "unmet": texts("The first condition that did not hold."),
                                "stone": texts("What the stone says there."),
                            }
                        ),
                    },
                    "clauses_left_out": WHOLE,
                }
            ),
            "description": "Rules that were looked at before, and did not price the stone.",
        },
        "rules_left_out": WHOLE,
    }
)
_ARM = _object({"arm": _NULLABLE_TEXT, "stones": WHOLE, "mean_price": _or_null(DOLLARS), "sold": WHOLE})
EXPERIMENT = _object(
    {
        "slug": texts(),
        "state": {"type": "string", "enum": Experiment.State.values},
        "rule_set": WHOLE,
        "share": {**NUMBER, "description": "Percent of the stones."},
        "notes": texts(),
        "created_at": MOMENT,
        "started_by": texts(),
        "started_at": _or_null(MOMENT),
        "ended_by": texts(),
        "ended_at": _or_null(MOMENT),
        "ended_reason": texts(),
    }
)
EXPERIMENT_WITH_RESULTS = _object(
    {
        **EXPERIMENT["properties"],
        "results": {
            **_or_null(_object({"since": MOMENT, "counted_at": MOMENT, "arms": {"type": "array", "items": _ARM}})),
            "description": "The share, and all other stones (`arm` null); null before the start.",
        },
    }
)
NEW_EXPERIMENT = _object(
    {
        "slug": texts("Its name, and that of its arm."),
        "rule_set": {**WHOLE, "description": "Version that prices the share."},
        "share": {**NUMBER, "description": "Percent of the stones, 0.01 to 99.99."},
        "notes": texts(),
    },
    ("slug", "rule_set", "share"),
)
START_EXPERIMENT = _object({"confirm_below_cost": PUBLISH["properties"]["confirm_below_cost"]}, ())


def page(entry: Schema) -> Schema:
    """One page of a list."""
    return _object(
        {
            "results": {"type": "array", "items": entry},
            "next": {**_NULLABLE_TEXT, "description": "`cursor` of the next page; null on the last."},
        }
    )


def body(schema: Schema) -> dict[str, Schema]:
    """A request's body, as `extend_schema` wants it."""
    return {"application/json": schema}
