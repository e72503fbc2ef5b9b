"""Creating a feed from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test.utils import override_settings

from ingest.feeds import adapters
from ingest.models import Feed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    with override_settings(PRICELIST_DIR=tmp_path, VAR_DIR=tmp_path / "var"):
        adapters._build.cache_clear()
        yield tmp_path
    adapters._build.cache_clear()


def create(slug: str = "rosy", parameters: str = '{"source": "list.csv"}', **options: object) -> str:
    out = StringIO()
    call_command("create_feed", slug, adapter="pricelist", parameters=parameters, stdout=out, **options)
    return out.getvalue()


def test_a_feed_of_a_list_that_can_be_read_is_created(folder: Path) -> None:
    (folder / "list.csv").write_text("Stock #,Weight,Total Price\nA-1,0.50,900\n")

    said = json.loads(create(name="Rosy Blue", as_json=True))

    feed = Feed.objects.get(slug="rosy")
    assert (feed.name, feed.adapter, feed.parameters) == ("Rosy Blue", "pricelist", {"source": "list.csv"})
    assert said["feed"] == "rosy"


@pytest.mark.parametrize(
    ("slug", "parameters", "says"),
    [
        ("rosy", '{"source": "list.csv"}', "there is no price list list.csv"),
        ("rosy", '{"sauce": 1}', "parameters are wrong"),
        ("rosy", "{", "--parameters is not JSON"),
        ("rosy", "[]", "--parameters is a JSON object"),
        ("rosy", '{"source": ' + "[" * 50_000 + "]" * 49_000 + "}", "--parameters has brackets deeper in each other"),
        ("rosy", '{"source": ' + "[" * 100_000, "--parameters is too long"),
        ("rosy", '{"source": "list.csv\\u0000"}', "--parameters has a text that no database takes"),
        ("rosy", '{"source": NaN}', "--parameters has a number that no database takes"),
        ("not a slug", '{"source": "list.csv"}', "slug"),
        ("nivoda-natural", '{"source": "list.csv"}', "already exists"),
    ],
)
def test_a_feed_that_would_fail_is_refused_in_one_line(slug: str, parameters: str, says: str) -> None:
    with pytest.raises(CommandError, match=says) as refused:
        create(slug, parameters)

    assert "\n" not in str(refused.value)
    assert not Feed.objects.filter(adapter="pricelist").exists()
