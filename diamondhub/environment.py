"""The secrets among the environment's variables: how they come in, and which program of the product needs which.

Each may lie in a file instead, which `<NAME>_FILE` names. The settings read them, and the supervisor withholds from a
program what it does not need. Standard library alone: it is read before there are settings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

#: Longest file of a secret (bytes).
MAX_FILE_BYTES = 64_000

_WEB, _IO, _CPU, _BEAT, _INDEX = "web", "worker-io", "worker-cpu", "beat", "index"
#: The secret variables, and the programs that need them: the web signs in clients and people, the I/O worker asks suppliers
#: and sends alerts, the other worker maps and prices, beat rings, the index reads the catalogue.
NEEDED_BY: Mapping[str, frozenset[str]] = {
    "SECRET_KEY": frozenset({_WEB, _IO}),
    "SECRET_KEY_FALLBACKS": frozenset({_WEB}),
    "ENCRYPTION_KEYS": frozenset({_WEB, _IO}),
    "API_KEY_PEPPERS": frozenset({_WEB}),
    "DATABASE_URL": frozenset({_WEB, _IO, _CPU, _INDEX}),
    "REDIS_URL": frozenset({_WEB, _IO, _CPU, _BEAT}),
    "CACHE_URL": frozenset({_WEB}),
    "CELERY_BROKER_URL": frozenset({_WEB, _IO, _CPU, _BEAT}),
    "NIVODA_USERNAME": frozenset({_WEB, _IO}),
    "NIVODA_PASSWORD": frozenset({_WEB, _IO}),
    # The web sends alerts when the workers do not.
    "EMAIL_HOST_PASSWORD": frozenset({_WEB, _IO}),
    "HEARTBEAT_URL": frozenset({_IO}),
    "METRICS_TOKEN": frozenset({_WEB, _IO, _CPU, _INDEX}),
    "OTEL_EXPORTER_OTLP_HEADERS": frozenset({_WEB, _IO, _CPU, _INDEX}),
}
#: What libraries read by themselves, and who needs it.
_OF_LIBRARIES = {
    "PGPASSWORD": frozenset({_WEB, _IO, _CPU, _INDEX}),
    "PGPASSFILE": frozenset({_WEB, _IO, _CPU, _INDEX}),
}
#: What a server that is not ours to configure by environment may know: where programs and libraries are, and the language.
_OF_SERVERS = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "USER", "LOGNAME")


class WrongVariable(Exception):
    """A variable cannot be taken as it is. The message says why, and never shows a value."""


def secret(name: str) -> str:
    """The value of a secret variable, or what the file that `<name>_FILE` names holds; "" if there is neither.

    Raises `WrongVariable` if there are both, and for a file that cannot be read, is empty, too long or no text.
    """
    value, path = os.environ.get(name, ""), os.environ.get(f"{name}_FILE", "")
    if not path:
        return value
    if value:
        raise WrongVariable(f"{name} and {name}_FILE are both set: set one of them")
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        words = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise WrongVariable(f"{name}_FILE: the file cannot be read: {words.lower()}") from None
    if len(content) > MAX_FILE_BYTES:
        raise WrongVariable(f"{name}_FILE: the file is longer than {MAX_FILE_BYTES:,} bytes")
    try:
        text = content.decode().strip("\r\n")
    except UnicodeDecodeError:
        raise WrongVariable(f"{name}_FILE: the file is no text in UTF-8") from None
    if not text.strip():
        raise WrongVariable(f"{name}_FILE: the file is empty")
    if "\0" in text:
        raise WrongVariable(f"{name}_FILE: the file holds a NUL")
    return text


def is_named(name: str) -> bool:
    """Whether the environment has this variable, by itself or by a file."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def is_needed(name: str, program: str) -> bool:
    """Whether a program needs a secret variable; one that runs under no name, like a command, may need all of them."""
    needed_by = NEEDED_BY.get(name) or _OF_LIBRARIES.get(name)
    return not program or needed_by is None or program in needed_by


def for_program(program: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program of the stack: its name as `DIAMONDHUB_PROGRAM`, and of the secrets what it needs."""
    kept = {name: value for name, value in environment.items() if is_needed(re.sub("_FILE$", "", name), program)}
    return {**kept, "DIAMONDHUB_PROGRAM": program}


def for_server() -> dict[str, str]:
    """The environment of an embedded server: none of ours."""
    return {name: os.environ[name] for name in _OF_SERVERS if name in os.environ}
