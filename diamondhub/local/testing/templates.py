"""The template of the tests' databases: a cluster with a migrated database, made once and copied by tests and stacks.

It lies in `var/prepared` beside the `var` of the tests, and is made anew when any source but a test has changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from diamondhub.local import private
from diamondhub.local.postgres import TEMPLATE_MARK, Postgres

ROOT = Path(__file__).resolve().parent.parent.parent.parent
SOURCES = ("diamondhub", "catalog", "pricing", "ingest")


def fingerprint() -> str:
    """A digest of all sources that migrations, and the code that they call, may depend on."""
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for app in SOURCES:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "tests" not in path.parts:
                digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return f"migrated for tests {digest.hexdigest()}"


def prepared() -> Path:
    """The `var` of the template cluster, made if it is missing or was made of other sources."""
    var = ROOT / "var" / "prepared"
    private.make(var)
    mark = fingerprint()
    with open(var / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = [path.read_text() for path in (var / "postgres").glob(f"*/{TEMPLATE_MARK}")]
        if made != [mark]:
            for folder in ("postgres", "run"):
                _remove(var / folder)
            server = Postgres(var)
            server.start()
            try:
                migrate(server.url, mark)
            finally:
                server.stop()
            server.mark_as_template(mark)
    return var


def migrate(url: str, mark: str) -> None:
    """Migrate a database, and keep the fingerprint of its sources in its comment."""
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "diamondhub.settings",
            "LOG_LEVEL": "WARNING",
        },
        check=True,
    )
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(mark)))


def set_apart(url: str) -> None:
    """Keep a copy of a server's migrated database for `template`: programs that tests start write into the database itself.

    For a server that has just begun as a copy of the template cluster, before anybody else connects.
    """
    mark = fingerprint()
    named, made = _names(url)
    with _administering(url) as admin:
        if _mark_of(admin, made) == mark:
            return
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(made)))
        copying = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY ALLOW_CONNECTIONS false"
        admin.execute(sql.SQL(copying).format(sql.Identifier(made), sql.Identifier(named)))
        admin.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(made), sql.Literal(mark)))


@contextmanager
def _administering(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection that one process has at a time, so that a second one finds the database that the first one made."""
    with psycopg.connect(make_conninfo(url, dbname="postgres"), autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(hashtext('diamondhub tests'))")
        yield admin


def _mark_of(admin: psycopg.Connection[tuple[Any, ...]], name: str) -> str | None:
    """The comment of a database; None if there is no such."""
    asked = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    return next((mark for (mark,) in admin.execute(asked, [name])), None)


def _names(url: str) -> tuple[str, str]:
    """The names of a server's own database and of the template on it."""
    named = str(conninfo_to_dict(url).get("dbname", "diamondhub"))
    return named, f"test_{named}_template"


def template(url: str) -> str:
    """The name of a migrated database on the server of `url` that nobody has written into, made if there is none."""
    mark = fingerprint()
    _, made = _names(url)
    with _administering(url) as admin:
        if _mark_of(admin, made) == mark:
            return made
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(made)))
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(made)))
        # A URL, since DATABASE_URL takes nothing else.
        migrate(urlsplit(url)._replace(path=f"/{made}").geturl(), mark)
    return made


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        shutil.rmtree(folder.resolve(), ignore_errors=True)
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
