"""What a stone is, by all that its fields say of it (`nature`): natural or grown in a laboratory, treated or not.

What one field says and no other denies holds, the feed's own word only where nothing speaks, and what two fields deny each
other nobody sells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ingest.errors import MappingError
from ingest.feeds.nature import Said


class Evidence(NamedTuple):
    """A field that says something: its name as the supplier calls it, what stands there, and what that says."""

    field: str
    cell: str
    said: Said


class Nature(NamedTuple):
    """What a stone is."""

    lab_grown: bool
    growth_method: str | None
    treated: bool | None


def hint_of(evidence: Sequence[Evidence]) -> Evidence | None:
    """The field that hints at a grown stone, if no other says whether it was grown."""
    if any(spoken.said.grown is not None or spoken.said.unclear for spoken in evidence):
        return None
    return next((spoken for spoken in evidence if spoken.said.hints), None)


def decide(evidence: Sequence[Evidence], *, default: bool, told: bool = True) -> Nature:
    """Bring together what the fields say; `default` is whether a stone of which none speaks was grown, `told` whether the
    feed itself says so, which settles what fields only hint at.

    Raises `MappingError` if two fields deny each other, or if it is no diamond, or not clear what it is.
    """
    grown = treated = doubt = None
    methods = set()
    for spoken in evidence:
        said = spoken.said
        if said.other:
            raise MappingError(spoken.field, f"{spoken.cell[:60]!r} is no polished diamond but {said.other}")
        if said.grown is not None:
            if grown is not None and grown.said.grown is not said.grown:
                raise _contradiction(grown, spoken, "lab-grown" if grown.said.grown else "natural")
            grown = grown or spoken
        if said.treated is not None:
            treated = spoken if treated is None else _treated_by(treated, spoken)
        if said.unclear:
            doubt = doubt or spoken
        if said.method:
            methods.add(said.method)
    if grown is None and doubt is not None and not default:
        raise MappingError(
            doubt.field,
            f"{doubt.cell[:60]!r} may mean a lab-grown stone or a natural one, and no other column says which",
        )
    if grown is None and not told and (hint := hint_of(evidence)) is not None:
        raise MappingError(
            hint.field,
            f"{hint.cell[:60]!r} may be said of a lab-grown stone, and no other column says whether it is; "
            "if all stones of the feed are of one kind, say it as its `labgrown`",
        )
    is_grown = default if grown is None else bool(grown.said.grown)
    is_treated = None if treated is None else treated.said.treated
    if (
        is_grown
        and is_treated
        and treated is not None
        and treated.said.one_treatment
        and "HPHT" in treated.field.upper()
    ):
        # A flag that is called so says of a grown stone how it was grown.
        is_treated = None
        methods = methods or {"HPHT"}
    if is_treated is None and doubt is not None and not is_grown and "HPHT" in doubt.cell.upper():
        is_treated = True
    return Nature(is_grown, methods.pop() if is_grown and len(methods) == 1 else None, is_treated)


def _treated_by(first: Evidence, second: Evidence) -> Evidence:
    """The field that counts of two that speak of treatments. Raises `MappingError` if they deny each other."""
    if first.said.treated is second.said.treated:
        return first
    denies, affirms = (first, second) if second.said.treated else (second, first)
    if not denies.said.one_treatment:
        raise _contradiction(first, second, "treated" if first.said.treated else "not treated")
    # It was not treated in this way, but in another.
    return affirms


def _contradiction(first: Evidence, second: Evidence, what: str) -> MappingError:
    return MappingError(
        second.field, f"{second.cell[:60]!r} denies what {first.field} says: {first.cell[:60]!r}, that is {what}"
    )
