"""A receiver for tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from diamondhub.webhooks.tests.receivers import Receiver, listening


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_HOSTS = ["127.0.0.1"]
    with listening() as listener:
        yield listener
