"""Whose database the demo empties, and what it says of one that it does not."""

from __future__ import annotations

import pytest

from diamondhub.local import services
from diamondhub.local.processes import var_dir
from ingest.demo import NotADisposableDatabase, empty_catalogue
from ingest.models import Run
from ingest.tests import rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _somebodys_run() -> None:
    rows.run(started_by="olga (command line)")


def test_who_named_no_database_is_not_told_to_unset_it(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded = services.Services()
    embedded.needed = ["DATABASE_URL", "REDIS_URL"]
    monkeypatch.setattr(services, "_current", embedded)

    with pytest.raises(NotADisposableDatabase) as refused:
        empty_catalogue()

    assert "DATABASE_URL" not in str(refused.value)
    assert f"remove {var_dir()} to begin anew, or set DIAMONDHUB_VAR to another folder" in str(refused.value)
    assert Run.objects.exists()


def test_who_named_a_database_is_told_to_name_another_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded = services.Services()
    embedded.needed = ["REDIS_URL"]
    monkeypatch.setattr(services, "_current", embedded)

    with pytest.raises(NotADisposableDatabase, match="set DATABASE_URL to another one, or unset it"):
        empty_catalogue()

    assert Run.objects.exists()
