"""The clients of the documentation against real web servers, and what two of these servers let through together."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from diamondhub.access.tests.signing import ADDRESS, Signer, signing_client
from diamondhub.local import processes
from diamondhub.local.stack import stack_programs
from diamondhub.local.tests.test_services import until
from diamondhub.local.valkey import Valkey
from diamondhub.tests.patience import HANG_SECONDS

# The one that flushes Redis comes last: limits begin strictly in a Redis that has forgotten them.
pytestmark = [pytest.mark.processes, pytest.mark.in_order, pytest.mark.django_db(transaction=True)]

CLIENTS = Path(settings.BASE_DIR) / "docs" / "api" / "clients"
#: The interpreters of the documented clients, and how to get those that machines often lack.
LANGUAGES = {"sign.py": sys.executable, "sign.mjs": "node", "sign.php": "php"}
HOW_TO_GET = {"sign.mjs": "apt-get install nodejs", "sign.php": "apt-get install php-cli"}


@dataclass
class Replica:
    """One web server of several; each has one process."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text(errors="replace")
        try:
            return self.get("/health/live", {}) == 200
        except OSError:
            return False

    def get(self, target: str, headers: dict[str, str]) -> int:
        """The status of an answer."""
        request = urllib.request.Request(f"http://{self.host}{target}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=HANG_SECONDS) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A Redis of the replicas' own, since it is killed."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def replicas(
    valkey: Valkey, django_db_setup: None, database_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Replica]]:
    """Two web servers on the tests' database, as two hosts would be."""
    folder = tmp_path_factory.mktemp("web")
    database = urlsplit(database_server)._replace(path=f"/{settings.DATABASES['default']['NAME']}").geturl()
    environment = {
        "DATABASE_URL": database,
        "REDIS_URL": valkey.url,
        "CELERY_BROKER_URL": valkey.url,
        "SECRET_KEY": settings.SECRET_KEY,
        "WEB_CONCURRENCY": "1",
        # All of this file's requests come from one address.
        "ADDRESS_RATE": "1000",
        "ADDRESS_BURST": "10000",
        "DIAMONDHUB_BOOTSTRAP": "off",
    }
    running = [started(environment, folder / f"web-{number}.log") for number in (1, 2)]
    for replica in running:
        until(replica.answers)
    yield running
    for replica in running:
        processes.stop(replica.process, signal.SIGTERM, seconds=30)


def started(environment: dict[str, str], log: Path) -> Replica:
    port = processes.free_port()
    (web,) = [program for program in stack_programs(port=port, environment=environment) if program.name == "web"]
    with open(log, "wb") as output:
        process = processes.spawn(web.argv, cwd=web.cwd, environment=web.environment, output=output)
    return Replica(port, process, log)


@pytest.fixture
def running_redis(valkey: Valkey) -> Iterator[Valkey]:
    """Redis, which runs again whatever a test did to it."""
    yield valkey
    if valkey.pid is not None and valkey.alive():
        os.kill(valkey.pid, signal.SIGCONT)
    else:
        valkey.start()


@dataclass
class Sent:
    """What a documented client printed of an answer."""

    status: int
    body: Any


def run(client: str, replica: Replica, signer: Signer, method: str, target: str, body: str = "") -> Sent:
    """A documented client as its reader would call it."""
    interpreter = shutil.which(LANGUAGES[client])
    if interpreter is None:
        pytest.skip(
            f"there is no {LANGUAGES[client]} on this machine ({HOW_TO_GET[client]}): docs/api/clients/{client} was NOT run"
        )
    url = f"http://{replica.host}{target}"
    done = subprocess.run(
        [interpreter, str(CLIENTS / client), method, url, *([body] if body else [])],
        env={
            "PATH": os.environ["PATH"],
            "DIAMONDHUB_KEY_ID": signer.key_id,
            "DIAMONDHUB_SIGNING_SECRET": signer.secret,
        },
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    status, _, text = done.stdout.decode().partition("\n")
    return Sent(int(status), json.loads(text) if text.strip() else None)


@pytest.mark.parametrize("client", LANGUAGES)
def test_a_documented_client_is_let_in(client: str, replicas: list[Replica]) -> None:
    signer, _ = signing_client("pricing:edit", "pricing:read", "catalog:read")
    odd = f"{ADDRESS}?%73hape=ROUND%2CPRINCESS&&limit=2"

    read = run(client, replicas[0], signer, "GET", odd)
    written = run(client, replicas[0], signer, "POST", "/api/v1/rule-sets", '{"notes": "Frühling + 10 %"}')
    empty = run(client, replicas[0], signer, "GET", f"{ADDRESS}?shape=a+b%20c%7e&x=")

    assert (read.status, "results" in read.body) == (200, True)
    assert (written.status, written.body.get("notes")) == (201, "Frühling + 10 %")
    assert (empty.status, empty.body["type"].endswith("invalid-parameters")) == (400, True)


@pytest.mark.parametrize("client", LANGUAGES)
def test_a_documented_client_with_a_wrong_secret_is_refused(client: str, replicas: list[Replica]) -> None:
    signer, _ = signing_client()
    signer.secret = signer.secret[:-1]

    assert run(client, replicas[0], signer, "GET", ADDRESS).status == 401


def same_for_both(signer: Signer) -> dict[str, str]:
    """Headers of a request to one name that both replicas have."""
    return {**Signer(signer.key_id, signer.secret, host="localhost").headers("GET", ADDRESS), "Host": "localhost"}


def test_of_many_at_once_with_one_nonce_two_servers_let_one_through(replicas: list[Replica]) -> None:
    signer, _ = signing_client()

    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            headers = same_for_both(signer)
            statuses = list(threads.map(lambda place: replicas[place % 2].get(ADDRESS, headers), range(8)))  # noqa: B023 - it is over before the next round

            assert sorted(statuses) == [200] + [401] * 7


def test_a_body_that_was_not_signed_is_refused_with_its_place_kept(replicas: list[Replica]) -> None:
    signer, _ = signing_client("pricing:edit")
    target = "/api/v1/rule-sets"
    headers = Signer(signer.key_id, signer.secret, host=replicas[0].host).headers("POST", target, b'{"notes": "a"}')
    request = urllib.request.Request(
        f"http://{replicas[0].host}{target}", data=b'{"notes": "b"}', headers=headers, method="POST"
    )

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=HANG_SECONDS)

    assert refused.value.code == 400
    assert json.load(refused.value)["type"].endswith("digest-mismatch")


def test_what_one_server_let_through_another_refuses_whatever_becomes_of_redis(
    replicas: list[Replica], running_redis: Valkey
) -> None:
    import redis

    signer, _ = signing_client()
    first, second = replicas
    requests: list[dict[str, str]] = []

    def let_in() -> bool:
        requests.append(same_for_both(signer))
        status = first.get(ADDRESS, requests[-1])
        # The client's limits are strict for a moment when Redis has forgotten them; its nonce is spent all the same.
        assert status in (200, 429)
        return status == 200

    def new_one_is_taken_once() -> None:
        until(let_in)
        # Everything that came before, too.
        assert [second.get(ADDRESS, again) for again in requests] == [401] * len(requests)
        assert [first.get(ADDRESS, again) for again in requests] == [401] * len(requests)

    new_one_is_taken_once()
    redis.Redis.from_url(running_redis.url).flushall()
    new_one_is_taken_once()
    assert running_redis.pid is not None
    os.kill(running_redis.pid, signal.SIGSTOP)
    new_one_is_taken_once()
    os.kill(running_redis.pid, signal.SIGCONT)
    os.kill(running_redis.pid, signal.SIGKILL)
    until(lambda: not running_redis.alive())
    new_one_is_taken_once()
    running_redis.start()
    new_one_is_taken_once()
