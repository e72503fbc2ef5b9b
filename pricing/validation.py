"""The values that rule sets, rules, clauses and experiments may have: the one place that admits what people type.

Admin forms, the API and imports fill an unsaved row and have it admitted by its `clean_…` before anything is saved, rules
and clauses through `pricing.faults`. The row's values are brought into their normal form; whatever is wrong is raised as
one `ValidationError` by field of the model. The constraints of the database say the same once more, for statements by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from unicodedata import category

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import CharField, DecimalField, Field, ForeignKey, Model, TextField

from catalog import fancy_colors
from catalog.models import Diamond
from catalog.shapes import KNOWN_SHAPES, spelled_shape
from pricing.conditions import CONDITIONS, STONE_TYPES, ListCondition
from pricing.models import MAX_CENTS, MAX_CLAUSES, MAX_NAMES, MAX_RULES, Clause, Experiment, Rule, RuleSet

#: Names of one list that are told to be wrong.
MAX_TOLD = 20
#: The highest priority.
MAX_PRIORITY = 1_000_000
#: What a rule's name may hold beside letters and digits; markup and statements are better not shown to anybody.
_SIGNS = frozenset(" .,:()&+-/%'#=$€£°–—×≤≥!?*@[]_")
_COMMENTS = re.compile(r"--|/\*")

Errors = dict[str, list[str]]


def clean_rule_set(rule_set: RuleSet) -> None:
    """Admit a rule set's margins, floor and notes. Raises `ValidationError` by field."""
    _raise(_clean_fields(rule_set, skip={"version", "state"}))


def clean_rule(rule: Rule) -> None:
    """Admit a rule without its clauses. Raises `ValidationError` by field."""
    if isinstance(rule.name, str):
        rule.name = rule.name.strip()
    errors = _clean_fields(rule)
    if "name" not in errors and (not _is_name(rule.name) or _COMMENTS.search(rule.name)):
        _add(errors, "name", "A name holds letters, digits, spaces and . , : ( ) & + - / % ' # = $ only.")
    if "priority" not in errors and not 1 <= rule.priority <= MAX_PRIORITY:
        _add(errors, "priority", f"A priority is a whole number from 1 to {MAX_PRIORITY:,}.")
    if "fixed_cents" not in errors and abs(rule.fixed_cents) > MAX_CENTS:
        _add(errors, "fixed_cents", f"A fixed amount is at most {MAX_CENTS // 100:,} dollars, either way.")
    if not errors.keys() & {"ending_cents", "ending_step_cents"}:
        _check_ending(rule, errors)
    if not errors.keys() & {"valid_from", "valid_to"} and (
        rule.valid_from and rule.valid_to and rule.valid_to < rule.valid_from
    ):
        _add(errors, "valid_to", "The last day must not be before the first one.")
    _raise(errors)


def clean_clause(clause: Clause) -> None:
    """Admit a clause, its lists of names brought into the catalogue's spelling. Raises `ValidationError` by field."""
    errors: Errors = {}
    for condition in CONDITIONS:
        if isinstance(condition, ListCondition):
            _clean_names(clause, condition, errors)
    for field, messages in _clean_fields(clause, skip=set(errors)).items():
        errors.setdefault(field, []).extend(messages)
    for condition in CONDITIONS:
        if not errors.keys() & set(condition.fields) and (problem := condition.problem(clause)):
            _add(errors, *problem)
    _raise(errors)


def clean_experiment(experiment: Experiment) -> None:
    """Admit an experiment that is prepared; its slug must be free. Raises `ValidationError` by field."""
    errors = _clean_fields(experiment)
    if "slug" not in errors and Experiment.objects.filter(slug=experiment.slug).exclude(pk=experiment.pk).exists():
        _add(errors, "slug", "There is an experiment of this name already.")
    _raise(errors)


def check_counts(rules: int, clauses: int) -> str:
    """The fault of a set of so many rules, or of a rule of so many clauses, in words; empty if there is none."""
    if rules > MAX_RULES:
        return f"A rule set has at most {MAX_RULES:,} rules."
    if clauses > MAX_CLAUSES:
        return f"A rule has at most {MAX_CLAUSES} clauses."
    return ""


def _is_name(text: str) -> bool:
    return all(letter in _SIGNS or category(letter)[0] in "LMN" for letter in text)


def _check_ending(rule: Rule, errors: Errors) -> None:
    ending, step = rule.ending_cents, rule.ending_step_cents
    if ending is None and step is None:
        return
    if step is None:
        _add(errors, "ending_step_cents", "An ending needs its steps: 99 in steps of 100 gives 99, 199, 299 dollars.")
    elif ending is None:
        _add(errors, "ending_cents", "Steps need an ending: 99 in steps of 100 gives 99, 199, 299 dollars.")
    elif not 1 <= step <= MAX_CENTS:
        _add(errors, "ending_step_cents", f"Steps are from one cent to {MAX_CENTS // 100:,} dollars.")
    elif ending >= step:
        _add(errors, "ending_cents", "An ending must be below its steps.")


# --- Lists of names --------------------------------------------------------------------------------------------------


def _clean_names(clause: Clause, condition: ListCondition, errors: Errors) -> None:
    """Fold, sort and admit one list; whatever stands twice stands once afterwards."""
    given = getattr(clause, condition.name)
    if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
        _add(errors, condition.name, "This must be a list of names.")
        return
    if len(given) > MAX_NAMES:
        _add(errors, condition.name, f"A list has at most {MAX_NAMES} names.")
        return
    names = set()
    for name in given:
        try:
            names.add(_NORMAL[condition.name](name))
        except ValueError as error:
            _add(errors, condition.name, f"{name[:40]!a}: {error}")
            if len(errors[condition.name]) >= MAX_TOLD:
                return
    if condition.name not in errors and condition.name == "shapes":
        _check_shapes(names, errors)
    if getattr(clause, f"{condition.name}_excluded") is True and not given:
        _add(errors, condition.name, f"Say none of which: there is no {condition.label} here.")
    if condition.name not in errors:
        setattr(clause, condition.name, sorted(names))


def _stone_type(text: str) -> str:
    folded = re.sub(r"[\s-]+", "_", text.strip().lower())
    if folded not in STONE_TYPES:
        raise ValueError(f"stone types are {', '.join(STONE_TYPES)}")
    return folded


def _shape(text: str) -> str:
    name = spelled_shape(text) if len(text) <= 100 else None
    if name is None or not _storable(text):
        raise ValueError("this is no name of a shape")
    return name


def _check_shapes(names: set[str], errors: Errors) -> None:
    """Shapes are those that the trade knows, and those that a supplier brought."""
    unknown = names - set(KNOWN_SHAPES)
    for name in sorted(unknown):
        if len(errors.get("shapes", ())) >= MAX_TOLD:
            return
        # Both values of the first column, so that the index of kinds serves it.
        if not Diamond.objects.filter(lab_grown__in=(False, True), shape=name).exists():
            _add(errors, "shapes", f"{name}: neither we nor any stone of the catalogue knows this shape.")


def _lab(text: str) -> str:
    name = re.sub(r"[^A-Z0-9]+", "_", text.replace(".", "").upper(), flags=re.ASCII).strip("_")
    if not name or len(name) > 32 or not _storable(text):
        raise ValueError("a laboratory has 1 to 32 letters and digits, such as GIA")
    return name


def _feed(text: str) -> str:
    name = text.strip().lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,49}", name, re.ASCII):
        raise ValueError("a feed is named by its slug, such as nivoda-natural")
    return name


def _supplier(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > 200 or not name.isprintable():
        raise ValueError("a supplier's name has 1 to 200 printable characters")
    return name


def _fancy_color(text: str) -> str:
    name = fancy_colors.color_name(text) if len(text) <= 100 and _storable(text) else None
    if name is None:
        raise ValueError("this is no name of a fancy colour, such as YELLOW")
    return name


#: How the names of each list are spelt in the catalogue; raises `ValueError` with what is accepted.
_NORMAL: dict[str, Callable[[str], str]] = {
    "stone_types": _stone_type,
    "shapes": _shape,
    "labs": _lab,
    "feeds": _feed,
    "suppliers": _supplier,
    "fancy_colors": _fancy_color,
}


# --- Single fields ---------------------------------------------------------------------------------------------------


def _clean_fields(row: Model, *, skip: set[str] | None = None) -> Errors:
    """Errors of the editable fields by the model, and of values that PostgreSQL would not take."""
    errors: Errors = {}
    skip = skip or set()
    mine = [field for field in row._meta.concrete_fields if field.editable and not isinstance(field, ForeignKey)]
    for field in mine:
        if field.name not in skip and (problem := _unstorable(field, getattr(row, field.attname))):
            errors[field.name] = [problem]
    others = {field.name for field in row._meta.concrete_fields} - {field.name for field in mine}
    try:
        # Uniqueness is the caller's: it knows what else is about to change. The constraints are said in words above.
        row.full_clean(exclude=others | skip | set(errors), validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        for name, messages in error.message_dict.items():
            errors.setdefault(name, []).extend(messages)
    return errors


def _unstorable(field: Field[Any, Any], value: Any) -> str:
    """The reason why a value cannot be looked at as the field would, empty if it can."""
    if isinstance(field, DecimalField) and value is not None:
        try:
            finite = Decimal(str(value)).is_finite()
        except InvalidOperation:
            # Not a number at all: the field has words for it.
            finite = True
        return "" if finite else "This must be a finite number."
    if isinstance(field, CharField | TextField) and isinstance(value, str):
        longest = field.max_length
        if longest is not None and len(value) > longest:
            return f"This must not be longer than {longest:,} characters; it has {len(value):,}."
        if not _storable(value, lines=field.name == "notes"):
            return "This must be plain text without control characters."
    return ""


def _storable(text: str, *, lines: bool = False) -> bool:
    """Whether it is plain text: no NUL, no control characters (but those of lines), no half of a surrogate pair."""
    allowed = "\n\r\t" if lines else ""
    return all(letter in allowed or category(letter) not in {"Cc", "Cs"} for letter in text)


def _add(errors: Errors, field: str, message: str) -> None:
    errors.setdefault(field, []).append(message)


def _raise(errors: Errors) -> None:
    if errors:
        raise ValidationError({(field or NON_FIELD_ERRORS): messages for field, messages in errors.items()})


def refusals(clean: Callable[[Any], None], row: Model) -> Sequence[tuple[str, str]]:
    """The fields of a row that its `clean_…` refuses, with what is wrong with each, one pair a message."""
    try:
        clean(row)
    except ValidationError as error:
        return messages_of(error)
    return ()


def messages_of(error: ValidationError) -> Sequence[tuple[str, str]]:
    """The fields at fault with what is wrong with each, one pair a message."""
    return [(field, message) for field, messages in error.message_dict.items() for message in messages]
