"""What tests of feeds' secrets share: the account of the settings, a secret, and the keys that it is sealed with."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from ingest.tests import factories

SECRET = "correct horse battery staple"
OLD, NEW = (base64.b64encode(bytes(range(start, start + 32))).decode() for start in (0, 100))


@pytest.fixture(autouse=True)
def account(settings: Any) -> Iterator[None]:
    settings.NIVODA_ENDPOINT, settings.NIVODA_USERNAME = "https://supplier.example/api", "ours"
    settings.NIVODA_PASSWORD = "the password of the settings"
    settings.ENCRYPTION_KEYS = f"1:{OLD}"
    factories.forget_clients()
    yield
    factories.forget_clients()
