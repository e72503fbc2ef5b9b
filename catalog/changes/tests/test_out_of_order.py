"""Processes that commit out of order, and die: whoever follows the changes meanwhile ends with exactly the catalogue."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo

from catalog.changes import feed, log
from catalog.models import DatasetVersion, Diamond
from catalog.searching.database import one_moment
from catalog.tests.factories import build_diamond
from diamondhub.local.processes import die_with_parent

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

WRITER = Path(__file__).with_name("writer.py")
#: Versions to be made before the test has seen enough.
VERSIONS = 300


def _writer(seed: int) -> subprocess.Popen[bytes]:
    parameters: dict[str, Any] = connection.get_connection_params()
    known = {name: parameters[name] for name in ("dbname", "user", "password", "host", "port") if name in parameters}
    process = subprocess.Popen(
        [sys.executable, str(WRITER), str(seed)],
        env={**os.environ, "CONNINFO": make_conninfo(**known)},
        stdout=subprocess.PIPE,
        preexec_fn=die_with_parent(signal.SIGKILL),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def _catalogue() -> dict[UUID, tuple[int, str]]:
    return {
        stone: (price, state)
        for stone, price, state in Diamond.objects.values_list("pk", "price_cents", "availability")
    }


def test_a_follower_ends_with_the_catalogue_whoever_commits_late_or_dies(database_server: str) -> None:
    Diamond.objects.bulk_create(build_diamond() for _ in range(60))
    start = log.current().number
    known = _catalogue()
    place = feed.Place(start)
    writers = [_writer(seed) for seed in range(4)]
    seeds = iter(range(4, 1_000))
    deadline = monotonic() + 600

    def follow() -> None:
        nonlocal place
        with one_moment(30):
            page = feed.read(place, limit=3)
            ids = [stone for _, stone in page.stones]
            known.update(
                {
                    stone: (price, state)
                    for stone, price, state in Diamond.objects.filter(pk__in=ids).values_list(
                        "pk", "price_cents", "availability"
                    )
                }
            )
        place = page.behind or feed.Place(page.through)

    try:
        killed = 0
        while (newest := log.current().number) < start + VERSIONS or killed <= 3:
            assert monotonic() < deadline, f"{newest - start} versions"
            follow()
            if newest > start + killed * 40:
                # Somebody dies in the middle of something, and somebody else begins.
                killed += 1
                writers[killed % 4].kill()
                writers[killed % 4].wait()
                writers[killed % 4] = _writer(next(seeds))
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
            if writer.stdout is not None:
                writer.stdout.close()
    # Sessions of the dead end when the server notices.
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
                "AND backend_type = 'client backend'"
            )
            if cursor.fetchone() == (0,):
                break
            assert monotonic() < deadline
    while place.stone is not None or place.version < log.current().number:
        follow()

    assert killed > 3
    assert known == _catalogue()
    versions = DatasetVersion.objects.filter(version__gt=start).order_by("version").values_list("version", flat=True)
    assert list(versions) == list(range(start + 1, log.current().number + 1))
