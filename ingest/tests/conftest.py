"""One sandbox and one stack for all tests of a module: starting them costs more than most of what they are asked."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ingest.tests.stack import ROOT, Sandbox, Stack

STONES = 4_000


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    supplier = Sandbox(STONES)
    yield supplier
    supplier.stop()


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Stack]:
    name = request.module.__name__.rpartition(".")[2]
    running = Stack(ROOT / "var" / "test" / "stacks" / f"{os.getpid()}-{name}", sandbox)
    yield running
    running.stop()
