"""Secrets at rest: a value is encrypted by itself (AES-256-GCM) and opens only as what it was sealed as.

`seal` and `unseal` are all that others need; `diamondhub.access.sealed` has the column of a table. The key-encryption keys
come in versions: the newest seals, every one unseals, `rotate_secrets` brings old values to the newest. No key per value
lies between: one key is good for 2^32 values, and a few thousand are sealed anew in seconds.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import struct
from collections.abc import Mapping
from functools import cache
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.module_loading import import_string

#: What a sealed value begins with: the format's number and the version of its key; then come nonce, text and tag.
_HEADER = struct.Struct(">BI")
_FORMAT = 1
NONCE_BYTES, TAG_BYTES, KEY_BYTES = 12, 16, 32
MAX_VERSION = 2**31 - 1
#: A key of so few different bytes was typed by a person.
MIN_DIFFERENT_BYTES = 12
_ENTRY = re.compile(r"([1-9][0-9]{0,9}):([A-Za-z0-9+/_-]{43}=?)", re.ASCII)


class SecretError(Exception):
    """A secret cannot be sealed or opened. The message names whose it is and what to do, never the secret or a key."""


class KeyMissing(SecretError):
    """The value is sealed by a key version that is not there."""

    def __init__(self, identity: str, version: int) -> None:
        super().__init__(
            f"{identity} is sealed by key version {version}, which is not there: put it back into ENCRYPTION_KEYS"
        )
        self.version = version


class KeyProvider(Protocol):
    """A source of key-encryption keys. `ENCRYPTION_KEY_PROVIDER` names a class of this kind, called without arguments."""

    def keys(self) -> Mapping[int, bytes]:
        """All keys of 32 bytes by their versions, 1 and up; the highest seals. Asked once in the life of a process."""


class EnvironmentKeys:
    """The keys that ENCRYPTION_KEYS, or the file that ENCRYPTION_KEYS_FILE names, has."""

    def keys(self) -> Mapping[int, bytes]:
        return parse_keys(settings.ENCRYPTION_KEYS)


def parse_keys(text: str) -> dict[int, bytes]:
    """Keys written as `2:<base64>,1:<base64>` (or a line each). Raises `SecretError`, which shows none of it."""
    keys: dict[int, bytes] = {}
    for place, entry in enumerate(re.split(r"[\s,]+", text.strip(", \t\r\n")) if text.strip() else [], 1):
        match = _ENTRY.fullmatch(entry)
        try:
            key = base64.b64decode(match[2].rstrip("=") + "=", altchars=_altchars(match[2])) if match else b""
        except binascii.Error:
            key = b""
        if match is None or len(key) != KEY_BYTES or int(match[1]) > MAX_VERSION:
            raise SecretError(
                f"entry {place} is not <version>:<base64 of 32 bytes>, as in 1:$(openssl rand -base64 32)"
            )
        if len(set(key)) < MIN_DIFFERENT_BYTES:
            raise SecretError(f"entry {place} is not random: make a key with openssl rand -base64 32")
        if int(match[1]) in keys:
            raise SecretError(f"version {match[1]} is there twice")
        if key in keys.values():
            raise SecretError(f"entry {place} repeats the key of another version")
        keys[int(match[1])] = key
    return keys


def _altchars(encoded: str) -> bytes:
    return b"-_" if {"-", "_"} & set(encoded) else b"+/"


def seal(plain: bytes, *, identity: str) -> bytes:
    """Encrypt a value with the newest key. It opens under the same identity only, e.g. `access.ApiKey:42:signing_secret`."""
    version = newest_version()
    header = _HEADER.pack(_FORMAT, version)
    nonce = os.urandom(NONCE_BYTES)
    return header + nonce + AESGCM(_keys()[version]).encrypt(nonce, plain, header + identity.encode())


def unseal(sealed: bytes, *, identity: str) -> bytes:
    """Open a sealed value. Raises `KeyMissing`, or `SecretError` for what was changed or sealed as something else."""
    sealed = bytes(sealed)
    version = version_of(sealed)
    if version is None:
        raise SecretError(f"{identity} holds no sealed value: set it again")
    key = _keys().get(version)
    if key is None:
        raise KeyMissing(identity, version)
    header, nonce, text = (
        sealed[: _HEADER.size],
        sealed[_HEADER.size :][:NONCE_BYTES],
        sealed[_HEADER.size + NONCE_BYTES :],
    )
    try:
        return AESGCM(key).decrypt(nonce, text, header + identity.encode())
    except InvalidTag:
        raise SecretError(
            f"{identity} does not open: it was changed, was sealed as something else, or version {version} is another key"
        ) from None


def version_of(sealed: bytes) -> int | None:
    """The version of the key that a value is sealed by; None if it is no sealed value."""
    if len(sealed) < _HEADER.size + NONCE_BYTES + TAG_BYTES:
        return None
    form, version = _HEADER.unpack_from(sealed)
    return int(version) if form == _FORMAT else None


def newest_version() -> int:
    """The version that seals. Raises `SecretError` if there is no key at all."""
    versions = _keys()
    if not versions:
        raise SecretError("there is no key to seal secrets with: set ENCRYPTION_KEYS")
    return max(versions)


def versions() -> frozenset[int]:
    """The versions that are there."""
    return frozenset(_keys())


@cache
def _keys() -> Mapping[int, bytes]:
    name = settings.ENCRYPTION_KEY_PROVIDER
    if not name:
        return EnvironmentKeys().keys()
    try:
        provider: KeyProvider = import_string(name)()
        keys = dict(provider.keys())
    except Exception as error:  # noqa: BLE001 - an operator's class may raise anything
        # Its own words may hold anything.
        raise SecretError(f"ENCRYPTION_KEY_PROVIDER: {name} gives no keys ({type(error).__name__})") from None
    if not all(
        isinstance(version, int) and 1 <= version <= MAX_VERSION and isinstance(key, bytes) and len(key) == KEY_BYTES
        for version, key in keys.items()
    ):
        raise SecretError(f"ENCRYPTION_KEY_PROVIDER: {name} must give keys of {KEY_BYTES} bytes by versions from 1 on")
    return keys


@receiver(setting_changed)
def _forget(**_: object) -> None:
    _keys.cache_clear()
