"""Rule sets as YAML files: written so that reading one and writing it again gives the same text.

A file has margins, notes and rules, and nothing of a set's life: no version, no state, no dates. Reading one makes a draft.
What comes from outside is read by `safe_load`'s constructor from a tree that was looked at first: anchors, aliases, tags,
repeated names and what is too large or too deep are refused with their line.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from diamondhub.api.mistakes import Mistakes
from pricing import editing, validation
from pricing.errors import InvalidRules
from pricing.faults import Others
from pricing.models import Clause, Rule, RuleSet
from pricing.written import RuleSetFields, WrittenRule, WrittenRuleSet, write, write_rule

#: The shape of the files.
FORMAT = 1
#: Longest file (bytes), and how deep it nests; a full set of a thousand rules is a tenth as long and 6 levels deep.
MAX_BYTES, MAX_DEPTH = 4_000_000, 12
#: Values of a file, about as many as a full one has.
MAX_VALUES = 500_000
#: Longest name of a field, and longest value that is no text (characters): each value's place is kept, and YAML reads
#: numbers to the base of 60, digit by digit.
MAX_NAME_LENGTH, MAX_PLAIN_LENGTH = 50, 50
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_TEXT = "tag:yaml.org,2002:str"


def to_yaml(rule_set: RuleSet) -> str:
    """A set, fetched with its rules and clauses, as the text of a file; the same for the same rules."""
    rules = sorted(rule_set.rules.all(), key=lambda rule: rule.priority)
    value = {
        "format": FORMAT,
        **write(rule_set, RuleSetFields, sparse=True),
        "rules": [write_rule(rule, sparse=True) for rule in rules],
    }
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def from_yaml(content: bytes, *, actor: str) -> RuleSet:
    """A new draft from the content of a file. Raises `InvalidRules`, and then nothing is saved."""
    rule_set, rules = read(content)
    return editing.new_rule_set(rule_set, rules, actor=actor)


def read(content: bytes) -> tuple[RuleSet, list[tuple[Rule, list[Clause]]]]:
    """The margins, and the rules with their clauses, that a file says; nothing is saved.

    Raises `InvalidRules` with all that is wrong, each with its line.
    """
    value, lines = _parsed(content)
    mistakes = Mistakes()
    rule_set, rules = _read(value, mistakes)
    if mistakes.errors:
        raise InvalidRules([(_with_line(error.field, lines), error.message) for error in mistakes.errors])
    return rule_set, rules


# --- The rules that a file says --------------------------------------------------------------------------------------


def _read(value: Any, mistakes: Mistakes) -> tuple[RuleSet, list[tuple[Rule, list[Clause]]]]:
    rule_set = RuleSet()
    rules: list[tuple[Rule, list[Clause]]] = []
    if not isinstance(value, dict):
        mistakes.add("", "the file must be a mapping with margins and rules")
        return rule_set, rules
    margins = {name: inner for name, inner in value.items() if name not in ("format", "rules")}
    written_rules = value.get("rules")
    if value.get("format") != FORMAT or value["format"] is True:
        mistakes.add("format", f"must be {FORMAT}")
    with mistakes.under(""):
        rule_set = WrittenRuleSet.shared().run_validation(margins)
    if not isinstance(written_rules, list):
        mistakes.add("rules", "must be a list of rules")
    elif problem := validation.check_counts(len(written_rules), 0):
        mistakes.add("rules", problem)
    else:
        before = Others()
        places: dict[int, str] = {}
        for order, written in enumerate(written_rules):
            place = f"rules[{order}]"
            with mistakes.under(place):
                rules.append(WrittenRule.shared().run_validation(written))
            # Whatever else is wrong with the rule. Rules of a file are told by where they stand in it.
            named = _named(written)
            for fault in before.faults_of(named):
                said = f"is {getattr(named, fault.field)}, as that of {places[id(fault.other)]}"
                mistakes.add(f"{place}.{fault.field}", said)
            before.add(named)
            places[id(named)] = place
            if mistakes.are_many:
                break
    return rule_set, rules


def _named(written: Any) -> Rule:
    """A rule with nothing but its number and priority, as far as they are whole numbers."""
    given = written if isinstance(written, dict) else {}
    return Rule(**{name: given[name] for name in ("number", "priority") if type(given.get(name)) is int})


def _with_line(place: str, lines: dict[str, int]) -> str:
    known = place
    while known and known not in lines:
        # A field that is missing stands nowhere; what it is missing from does.
        known = re.sub(r"(\.?[^.\[\]]+|\[\d+\])$", "", known)
    line = lines.get(known)
    return f"line {line}, {place}" if line and place else place


# --- The form of a file --------------------------------------------------------------------------------------------------


class _NotTaken(InvalidRules):
    """The file cannot be read as rules."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__([(f"line {line}" if line else "", message)])


def _parsed(content: bytes) -> tuple[Any, dict[str, int]]:
    """The file's value, and the line of each place in it."""
    if len(content) > MAX_BYTES:
        raise _NotTaken(f"the file is longer than {MAX_BYTES:,} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _NotTaken("the file is not UTF-8", content.count(b"\n", 0, error.start) + 1) from None
    try:
        _look_through(text)
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            raise _NotTaken("the file is empty")
        lines: dict[str, int] = {}
        return _value(root, "", lines, SafeConstructor()), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _NotTaken(
            f"this is not YAML: {error.problem or error.context}", mark.line + 1 if mark else None
        ) from None
    except yaml.YAMLError as error:
        raise _NotTaken(f"this is not YAML: {' '.join(str(error).split())[:200]}") from None


def _look_through(text: str) -> None:
    """Refuse what a file of rules never has before anything is built of it."""
    depth = values = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _NotTaken("anchors and aliases (& and *) are not taken", line)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _NotTaken("there is more than one document in the file", line)
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _NotTaken(f"the file nests more than {MAX_DEPTH} levels deep", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if isinstance(event, yaml.NodeEvent):
            values += 1
            if values > MAX_VALUES:
                raise _NotTaken(f"the file has more than {MAX_VALUES:,} values", line)
            if getattr(event, "tag", None) not in (None, "!"):
                raise _NotTaken("tags (!) are not taken", line)


def _value(node: yaml.Node, place: str, lines: dict[str, int], constructor: SafeConstructor) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(place, line)
    if isinstance(node, yaml.SequenceNode):
        return [_value(inner, f"{place}[{order}]", lines, constructor) for order, inner in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        mapping = {}
        for key, inner in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None or key.tag != _TEXT:
                raise _NotTaken("the names of fields are plain texts", key.start_mark.line + 1)
            if len(name) > MAX_NAME_LENGTH:
                raise _NotTaken(f"{name[:40]!a}… is no name of a field", key.start_mark.line + 1)
            if name in mapping:
                raise _NotTaken(f"{name[:60]!a} stands twice", key.start_mark.line + 1)
            where = f"{place}.{name}" if place else name
            lines[where] = key.start_mark.line + 1
            mapping[name] = _value(inner, where, lines, constructor)
        return mapping
    if node.tag != _TEXT and len(node.value) > MAX_PLAIN_LENGTH:
        raise _NotTaken(f"{node.value[:40]!a}… is no value", line)
    try:
        return constructor.construct_object(node)
    except ValueError:
        # A day that there is not.
        raise _NotTaken(f"{node.value[:40]!a} is no value", line) from None
