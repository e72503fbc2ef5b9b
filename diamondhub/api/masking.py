"""Settings as they may be shown to programs: whatever may sign in anywhere is left out."""

from __future__ import annotations

import re
from typing import Any

from diamondhub.telemetry import scrub

#: Of an address in a setting no more is shown than its host: the rest may be the secret by which it is read.
_BEHIND_HOST = re.compile(r"(://[^/\s?#]+)[/?#]\S*")


def masked(value: Any) -> Any:
    """A JSON value without secrets, by name, value and shape; within objects and lists addresses end with their host."""
    return _hosts_only(scrub.nested(value)) if isinstance(value, dict | list) else scrub.nested(value)


def _hosts_only(value: Any) -> Any:
    if isinstance(value, str):
        return _BEHIND_HOST.sub(rf"\1/{scrub.HIDDEN}", value)
    if isinstance(value, dict):
        return {name: _hosts_only(inner) for name, inner in value.items()}
    return [_hosts_only(inner) for inner in value] if isinstance(value, list) else value
