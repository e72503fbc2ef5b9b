"""Clients that may export, and a folder of each test's own for the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from catalog.exports.tests.asking import signed_in


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Where the files are."""
    settings.EXPORTS_DIR = tmp_path / "exports"
    exports = {**settings.STORAGES["exports"]}
    exports["OPTIONS"] = {**exports["OPTIONS"], "location": tmp_path / "exports" / "files"}
    settings.STORAGES = {**settings.STORAGES, "exports": exports}
    return tmp_path / "exports"


@pytest.fixture
def http() -> Client:
    """A client that may export."""
    return signed_in("shop")
