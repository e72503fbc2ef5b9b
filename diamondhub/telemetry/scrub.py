"""Takes secrets out of what is written down: logs, reasons of dead letters, last errors, alerts.

Three ways find them: by value (what this process knows: its settings' passwords, and tokens that `know` was told of), by
the name that a value stands under at any depth (`nivoda_password`, `apiKey`), and by shape in running text (an address's
user and query, a bearer token, an API key). What goes in may be hostile, so depth, number and length are bounded, and what
lies beyond is left out rather than let through.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import string
import threading
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import islice
from math import isfinite
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

#: Stands where a secret was.
HIDDEN = "…"
#: A shorter secret is no secret, and would be found in every second word (characters).
MIN_SECRET = 5
#: Of a longer text the head and the tail are kept (characters).
MAX_TEXT = 32_768
#: So many characters of all texts of one structure are kept, so many values, and so deep.
MAX_CHARACTERS, MAX_VALUES, MAX_DEPTH = 65_536, 1_000, 8
#: Secrets told of at run time that are remembered: tokens of suppliers, which live for hours, passwords of feeds, and what
#: opens some channels of alerts.
MAX_TOLD = 32
#: Names of events, feeds and loggers come again and again: texts so short are scrubbed once (characters).
MAX_SHORT = 64
#: Longest name of a secret that is looked for, and longest name that is kept (characters).
MAX_NAME = 200
#: Digits of the longest number that is written down: Python itself refuses to write numbers of 4,300.
MAX_BITS = 1_000

# --- secrets by value --------------------------------------------------------------------------------------------------

_told: tuple[str, ...] = ()
_telling = threading.Lock()


def know(secret: str) -> None:
    """Hide this from now on, in every spelling; the last `MAX_TOLD` are remembered."""
    global _told
    if secret in _told:
        return
    with _telling:
        # Replaced whole, so that who reads it needs no lock.
        _told = (*_told, secret)[-MAX_TOLD:]
    forget()


@receiver(setting_changed)
def forget(**_: object) -> None:
    """Look anew at what the settings hold."""
    _spellings.cache_clear()
    _short_text.cache_clear()


#: Settings that are secrets whole.
_NAMED_BY_SETTINGS = ("SECRET_KEY", "NIVODA_PASSWORD", "EMAIL_HOST_PASSWORD", "HEARTBEAT_URL", "METRICS_TOKEN")


def _secrets_of_the_settings() -> Iterator[str]:
    yield from (getattr(settings, name, "") for name in _NAMED_BY_SETTINGS)
    yield from getattr(settings, "SECRET_KEY_FALLBACKS", ())
    for header in getattr(settings, "OTEL_EXPORTER_OTLP_HEADERS", "").split(","):
        value = header.partition("=")[2].strip()
        yield from (value, unquote(value), value.rpartition(" ")[2])
    yield from (
        key.partition(":")[2].rstrip("=") for key in re.split(r"[\s,]+", getattr(settings, "ENCRYPTION_KEYS", ""))
    )
    for pepper in getattr(settings, "API_KEY_PEPPERS", {}).values():
        yield base64.b64encode(pepper).decode().rstrip("=")
    yield from (database.get("PASSWORD") or "" for database in settings.DATABASES.values())
    yield os.environ.get("PGPASSWORD", "")
    for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"):
        try:
            password = urlsplit(getattr(settings, name, "") or "").password or ""
        except ValueError:
            continue
        yield from (password, unquote(password))


@lru_cache(maxsize=1)
def _spellings() -> tuple[str, ...]:
    """All secrets as they may be spelled, the longest first. Until the settings are read (see `forget`) there are few."""
    secrets = {*_told, *(_secrets_of_the_settings() if settings.configured else ())}
    spelled = {form for secret in secrets if len(secret) >= MIN_SECRET for form in _spelled(secret)}
    return tuple(sorted(spelled, key=lambda form: (-len(form), form)))


def _spelled(secret: str) -> set[str]:
    """As it is, in addresses, in JSON and Python (also one inside the other), in HTML and in Base64."""
    raw = secret.encode("utf-8", "surrogatepass")
    encoded = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    encoded |= {quote(form, safe="") for form in encoded}
    encoded |= {re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), form) for form in encoded}
    literals = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    literals |= {json.dumps(form)[1:-1] for form in literals} | {repr(raw)[2:-1]}
    marked = {html.escape(secret), html.escape(secret, quote=False), base64.b64encode(raw).decode().rstrip("=")}
    return {form for form in {secret, *encoded, *literals, *marked} if len(form) >= MIN_SECRET}


# --- secrets by name ---------------------------------------------------------------------------------------------------

_NAMES = (
    "password|passwd|passphrase|passcode|pwd|secret|token|authorization|api[-_ ]?key|credential|private[-_ ]?key"
    "|access[-_ ]?key|signing[-_ ]?key|cookie|session[-_ ]?id|session[-_ ]?key|pepper"
)
_SECRET_NAME = re.compile(f"{_NAMES}|^(?:auth|dsn)$", re.IGNORECASE)


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether what stands under this name is nobody's business."""
    return _SECRET_NAME.search(name) is not None


# --- secrets by shape --------------------------------------------------------------------------------------------------

#: What begins a secret in running text, in small letters: a name, or the word before a token.
_BEGINNING = re.compile(f"{_NAMES}|bearer|basic|digest|negotiate")
#: What may follow a name: a quoted text (of Python, of JSON, or of JSON inside of JSON) or a word.
_AFTER_NAME = re.compile(
    r"""([\w.-]{0,40}(?:\\{0,4}["'])?\s{0,4}(?:=>|[=:]|%3d|%3a)\s{0,4})"""
    r"""(?:[bru]{0,2}"(?:[^"\\]|\\.)*"?|[bru]{0,2}'(?:[^'\\]|\\.)*'?|\\+"[^"]*"?|\\+'[^']*'?|(?:(?!%26)[^\s&;,)\]}"'<>])+)""",
    re.DOTALL,
)
_AFTER_HEADER = re.compile(r"""((?:\\{0,4}["'])?\s{0,4}[=:]\s{0,4}(?:\\{0,4}["'])?)[^\r\n"'\\]+""")
_AFTER_SCHEME = re.compile(r"(\s{1,4})[\w.~+/=-]{6,}")
_AFTER = dict.fromkeys(("bearer", "basic", "digest", "negotiate"), _AFTER_SCHEME)
_AFTER |= dict.fromkeys(("authorization", "cookie"), _AFTER_HEADER)
_ADDRESS = re.compile(r"""://[^\s"'<>]+""")
_PARAMETER = re.compile(r"""([?&](?:key|sig|signature|auth|code|state|nonce)=)[^\s&#"'<>]+""", re.IGNORECASE)
_SHAPED = re.compile(
    r"(dhp?_[0-9A-Za-z]{4,64}_)[0-9A-Za-z]{8,}"
    r"|(dhs_)[0-9A-Za-z]{8,}"
    r"|(whsec_)[0-9A-Za-z+/=]{8,}"
    r"|(?<![\w-])(eyJ)[\w-]{8,}(?:\.[\w-]*){1,4}"
    r"|(AKIA|ASIA)[0-9A-Z]{12,}"
    r"|(gh[opsru]_|github_pat_|glpat-|xox[a-z]-|[prs]k_(?:live|test)_|sk-)[\w-]{12,}"
    r"|(hooks\.slack\.com/)[\w/-]+"
    r"|(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[^-]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)
#: What begins a known shape; a search for literals alone is much quicker than one for shapes.
_MARK = re.compile(
    "dh[ps]?_|whsec_|eyJ|AKIA|ASIA|gho_|ghp_|ghr_|ghs_|ghu_|github_pat_|glpat-|xox|k_live_|k_test_|sk-|hooks.slack|-----BEGIN"
)
_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def _without_shapes(words: str) -> str:
    lowered = words.lower()
    # Some letters become two.
    words = _without_named(words, lowered if len(lowered) == len(words) else words.translate(_SMALL))
    if "://" in words:
        words = _ADDRESS.sub(_without_user_and_query, words)
    if "=" in words:
        words = _PARAMETER.sub(rf"\g<1>{HIDDEN}", words)
    if _MARK.search(words):
        words = _SHAPED.sub(lambda match: next(filter(None, match.groups())) + HIDDEN, words)
    return words


def _without_named(words: str, lowered: str) -> str:
    kept: list[str] = []
    at = 0
    for name in _BEGINNING.finditer(lowered):
        if name.start() < at:
            continue
        secret = _AFTER.get(name[0], _AFTER_NAME).match(lowered, name.end())
        if secret is not None:
            kept += (words[at : secret.end(1)], HIDDEN)
            at = secret.end()
    return "".join([*kept, words[at:]]) if kept else words


def _without_user_and_query(address: re.Match[str]) -> str:
    """A password that nobody encoded may hold any of `/?#@`, so what stands before the last @ is all hidden."""
    user, at, rest = address[0][3:].rpartition("@")
    rest, mark, _ = rest.partition("?")
    return f"://{HIDDEN if user else ''}{at}{rest}{mark}{HIDDEN if mark else ''}"


# --- texts and structures ----------------------------------------------------------------------------------------------


def text(words: str, limit: int = MAX_TEXT) -> str:
    """The words without secrets, NULs and lone surrogates, which no column takes and no terminal should get.

    Of more than `limit` characters the head and the tail are kept, with what is left out counted.
    """
    return _short_text(words) if len(words) <= MAX_SHORT else _any_text(words, limit)


@lru_cache(maxsize=8192)
def _short_text(words: str) -> str:
    return _any_text(words, MAX_TEXT)


def _any_text(words: str, limit: int) -> str:
    spellings = _spellings()
    words = _cut(words, limit, spellings)
    for form in spellings:
        if form in words:
            words = words.replace(form, HIDDEN)
    words = _without_shapes(words).replace("\0", "␀")
    return words if words.isascii() else words.encode("utf-8", "replace").decode()


def reason(words: object, limit: int = 500) -> str:
    """An error's or anybody's words for a column of the database, cut."""
    return text(_shown(words), max(limit, 1_000) * 2)[:limit]


def nested(value: object) -> Any:
    """A structure of texts, numbers, mappings and lists without secrets; of anything else its words."""
    return _Walk().value(value, depth=0)


def _cut(words: str, limit: int, spellings: Iterable[str]) -> str:
    if len(words) <= limit:
        return words
    head = _outside(words, limit * 3 // 4, spellings, step=-1)
    tail = _outside(words, len(words) - limit // 4, spellings, step=1)
    return f"{words[:head]} {HIDDEN} {tail - head:,} characters {HIDDEN} {words[tail:]}"


def _outside(words: str, at: int, spellings: Iterable[str], *, step: int) -> int:
    """A place at or near `at`, between words if it can be, that no secret lies across: half of one would not be found."""
    near = words[at - MAX_NAME : at] if step < 0 else words[at : at + MAX_NAME]
    space = near.rfind(" ") if step < 0 else near.find(" ")
    if space >= 0:
        at = at - len(near) + space if step < 0 else at + space
    moved = True
    while moved:
        moved = False
        for form in spellings:
            start = words.find(form, max(0, at - len(form) + 1), at + len(form) - 1)
            if start >= 0:
                at, moved = (start if step < 0 else start + len(form)), True
    return at


def _shown(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a log line must not fail for what somebody's object says of itself
        return f"<{type(value).__name__}>"


class _Walk:
    """One walk through a structure, with what is left of its bounds."""

    def __init__(self) -> None:
        self._values = MAX_VALUES
        self._characters = MAX_CHARACTERS

    def value(self, value: object, *, depth: int) -> Any:
        self._values -= 1
        if self._values < 0:
            return HIDDEN
        # Most values are these; the checks of what is abstract cost ten times as much.
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int):
            return value if value.bit_length() <= MAX_BITS else HIDDEN
        if isinstance(value, float):
            # JSON has no word for the others, and jsonb refuses Python's.
            return value if isfinite(value) else str(value)
        if isinstance(value, bytes | bytearray):
            return self._text(repr(bytes(value[:MAX_TEXT])))
        if isinstance(value, Mapping | list | tuple | AbstractSet):
            return self._structure(value, depth) if depth < MAX_DEPTH else HIDDEN
        return self._text(_shown(value))

    def _structure(self, value: Any, depth: int) -> Any:
        try:
            return self._mapping(value, depth) if isinstance(value, Mapping) else self._list(value, depth)
        except Exception:  # noqa: BLE001 - somebody's own mapping may raise anything
            return f"<{type(value).__name__}>"

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key, under in islice(value.items(), self._values + 1):
            name = (key if isinstance(key, str) else _shown(key))[:MAX_NAME]
            hide = is_secret(name) and not (under is None or under is True or under is False)
            kept[self._text(name)] = HIDDEN if hide else self.value(under, depth=depth + 1)
        return kept

    def _list(self, value: Iterable[Any], depth: int) -> list[Any]:
        return [self.value(item, depth=depth + 1) for item in islice(value, self._values + 1)]

    def _text(self, words: str) -> str:
        length = len(words)
        if length <= self._characters and length <= MAX_SHORT:
            self._characters -= length
            return _short_text(words)
        allowed = min(MAX_TEXT, self._characters)
        if length > allowed and allowed < MAX_NAME:
            return HIDDEN
        self._characters -= min(length, allowed)
        return text(words, allowed)
