"""Secrets at rest: sealed with AES-256-GCM, and opened only as what they were sealed as."""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_LENGTH = 12


def seal(plain: bytes, *, identity: str) -> bytes:
    """The secret, encrypted so that it can only be opened for the same `identity`: its table, row and column."""
    nonce = os.urandom(_NONCE_LENGTH)
    return nonce + AESGCM(_key()).encrypt(nonce, plain, identity.encode())


def unseal(sealed: bytes, *, identity: str) -> bytes:
    """What `seal` was given. Raises `cryptography.exceptions.InvalidTag` for another identity, or another key."""
    return AESGCM(_key()).decrypt(sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], identity.encode())


def _key() -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), b"diamondhub.access.secrets", hashlib.sha256)
