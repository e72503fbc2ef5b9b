"""`manage.py test`: lint, types, the import rule, then every test. With arguments, only pytest with these."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.management.base import BaseCommand

#: Checks that must pass before the tests run, the cheapest first.
CHECKS = (
    ("lint", ["ruff", "check", "."]),
    ("format", ["ruff", "format", "--check", "."]),
    ("import rule", ["lint-imports"]),
)
#: The type checker runs beside the tests, a quarter of whose time it takes.
TYPES = ["mypy", "."]
#: Tests of whole processes that run at once: they mostly wait.
WAITING = 3


@dataclass
class Part:
    """A program that runs beside others; `output` keeps its lines until all are over; None if it prints at once."""

    name: str
    command: Sequence[str | Path]
    environment: dict[str, str] = field(default_factory=dict)
    #: Lower priority than the tests of whole processes, whose programs wait for each other's answers.
    niceness: int = 0
    output: IO[bytes] | None = None
    status: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [str(word) for word in self.command],
            env={**os.environ, **self.environment},
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            preexec_fn=self._make_way,
        )

    def _make_way(self) -> None:
        os.nice(self.niceness)

    def wait(self) -> None:
        assert self.process is not None
        self.status = abs(self.process.wait())

    def show(self) -> None:
        if self.output is not None:
            print(f"--- {self.name}", flush=True)
            self.output.seek(0)
            sys.stdout.buffer.write(self.output.read())
            sys.stdout.flush()


class Command(BaseCommand):
    """Check the project."""

    help = "Lint, types, import rule and all tests; with arguments: pytest with these arguments only."

    def run_from_argv(self, argv: list[str]) -> None:
        """Pass everything after `test` to pytest untouched; exits with the first failing check's status."""
        arguments = argv[2:]
        tools = Path(sys.executable).parent
        os.chdir(settings.BASE_DIR)
        pytest = [sys.executable, "-m", "pytest"]
        # Generators that walk sets would make other examples in every process, whatever their seeds.
        os.environ.setdefault("PYTHONHASHSEED", "0")
        if arguments:
            print("--- tests", flush=True)
            # Replaced, not called: a signal to this command reaches pytest, which stops its servers.
            os.execv(sys.executable, [*pytest, *arguments, *by_file(arguments)])
        failed = []
        for name, (program, *options) in CHECKS:
            print(f"--- {name}: {program} {' '.join(options)}", flush=True)
            if subprocess.run([tools / program, *options], check=False).returncode:
                failed.append(name)
        if failed:
            sys.exit(f"failed: {', '.join(failed)}")
        with ExitStack() as held:
            types = Part(f"types: {' '.join(TYPES)}", [tools / TYPES[0], *TYPES[1:]])
            if {"DATABASE_URL", "REDIS_URL"} & set(os.environ):
                # Both lanes would share one Redis, which tests flush.
                parts = [Part("tests", pytest), types]
            else:
                parts = [*_lanes(pytest, held), types]
            sys.exit(_side_by_side(parts, held))


def by_file(arguments: Sequence[str]) -> list[str]:
    """What keeps the tests of a file together where several processes run them: some share a stack and tell its story."""
    several = any(word.startswith(("-n", "--numprocesses")) for word in arguments)
    return ["--dist", "loadfile"] if several and not any(word.startswith("--dist") for word in arguments) else []


def _lanes(pytest: list[str], held: ExitStack) -> list[Part]:
    """The tests in two lanes that share a PostgreSQL: those of whole processes, which mostly wait, beside all others."""
    from diamondhub.local.testing import lanes, servers

    os.environ.setdefault("DIAMONDHUB_VAR", str(settings.BASE_DIR / "var" / "test"))
    os.environ["DIAMONDHUB_EMBEDDED_FSYNC"] = "off"
    held.callback(servers.close)
    servers.database_url()
    # One random order for both lanes, printed so that a failure that depends on it can be repeated.
    seed = f"--randomly-seed={random.getrandbits(32)}"
    print(f"--- order of the tests: {seed}", flush=True)
    # One more than cores, since each waits for its database; at the end they have the machine to themselves.
    workers = max(2, os.cpu_count() or 1) + 1
    plain = [*pytest, seed, "-m", "not processes", "-n", str(workers), "--dist", "worksteal"]
    waiting = [*pytest, seed, "-m", "processes", "-n", str(WAITING), "-p", lanes.__name__, *map(str, lanes.files())]
    return [
        Part("tests", plain, {"DIAMONDHUB_TEST_LANE": "plain"}, niceness=5),
        Part("tests of whole processes", waiting, {"DIAMONDHUB_TEST_LANE": "processes"}),
    ]


def _side_by_side(parts: list[Part], held: ExitStack) -> int:
    """Run all parts to their ends; returns 0 if all went well. A last line counts the tests by outcome."""
    begun = time.time()

    def stop(number: int, _frame: object) -> None:
        for part in parts:
            if part.process is not None:
                part.process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    print(f"--- {', beside '.join(part.name for part in parts)}", flush=True)
    for part in parts[1:]:
        part.output = tempfile.TemporaryFile()  # noqa: SIM115 - read when all are over
        held.callback(part.output.close)
    with ThreadPoolExecutor(len(parts)) as waiting:
        for part in parts:
            part.start()
        list(waiting.map(Part.wait, parts))
    for part in parts:
        part.show()
    print(_totals(begun))
    failed = [part.name for part in parts if part.status]
    if failed:
        print(f"failed: {', '.join(failed)}")
    return max(part.status for part in parts)


def _totals(begun: float) -> str:
    """The outcomes of all tests of this run in words, from the files that its parts have written."""
    from diamondhub.local.testing import durations

    outcomes = Counter[str]()
    for file in durations.folder().glob("*.json"):
        if file.stat().st_mtime >= begun:
            outcomes.update(json.loads(file.read_text())["outcomes"])
    said = [f"{outcomes.pop(name, 0)} {name}" for name in ("passed", "failed", "skipped")]
    said += [f"{count} {name}" for name, count in outcomes.items()]
    return f"{', '.join(said)} in {time.time() - begun:.0f} s"
