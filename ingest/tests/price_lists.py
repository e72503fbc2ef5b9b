"""What tests of lists that are looked at share: a folder of price lists, and feeds of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.test.utils import override_settings

from ingest.feeds import adapters
from ingest.feeds.pricelist.tests.lists import text
from ingest.models import Feed
from pricing.tests.factories import first_rule_set


@contextmanager
def folder_of_lists(tmp_path: Path) -> Iterator[Path]:
    first_rule_set()
    (tmp_path / "lists").mkdir()
    with override_settings(PRICELIST_DIR=tmp_path / "lists", VAR_DIR=tmp_path / "var"):
        adapters._build.cache_clear()
        yield tmp_path / "lists"
    adapters._build.cache_clear()


def put(folder: Path, rows: list[dict[str, str]], name: str = "list.csv") -> Path:
    path = folder / name
    path.write_text(text(rows))
    return path


def made() -> list[Feed]:
    """The feeds of price lists that there are."""
    return list(Feed.objects.filter(adapter="pricelist"))


def rosy(**parameters: Any) -> Feed:
    return Feed.objects.create(
        slug="rosy", name="Rosy", adapter="pricelist", parameters={"source": "list.csv", **parameters}
    )
