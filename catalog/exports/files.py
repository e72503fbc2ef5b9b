"""Where the files of exports are: written aside on this host, then moved into Django's storage `exports` (settings).

By default the storage is a folder beside the place where they are written, so that moving is renaming.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import structlog
from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages

from catalog.exports.models import Export
from diamondhub.operations import retention
from diamondhub.operations.sizes import Amount

log = structlog.get_logger(__name__)

#: What no row names is taken for lost after this long: a worker names its file some seconds after it was moved.
LOST_AFTER = timedelta(hours=6)
#: Files that one bit of a pruning removes.
CHUNK = 100


class _Finished(File):  # type: ignore[type-arg]  # it takes none when it runs
    """A file that is written: a storage of files takes it by its path, others read it."""

    def temporary_file_path(self) -> str:
        """Where it is."""
        return str(self.name)


def storage() -> Storage:
    """The storage of the files."""
    return storages["exports"]


@contextmanager
def aside(export_id: int, token: int) -> Iterator[Path]:
    """A path to write to, with nothing there; whatever is there afterwards is removed."""
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left_behind in folder.glob(f"{export_id}-*.part"):
        # Of a worker that was killed, or that has lost the lease.
        left_behind.unlink(missing_ok=True)
    path = folder / f"{export_id}-{token}.part"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def keep(path: Path, name: str) -> str:
    """Move what was written into the storage; returns the name by which it is found there. Raises `OSError`."""
    with open(path, "rb") as written:
        os.fsync(written.fileno())
        return storage().save(name, _Finished(written, name=str(path)))


def remove(name: str) -> None:
    """Remove a file; one that cannot be removed now goes with those that no row names."""
    if not name:
        return
    try:
        storage().delete(name)
    except OSError as error:
        log.warning("export_file_not_removed", file=name, error=str(error))


def open_file(name: str) -> tuple[IO[bytes], bool]:
    """A file to read from, and whether it is one of this host, which is read without waiting. Raises `FileNotFoundError`."""
    try:
        path = storage().path(name)
    except NotImplementedError:
        return storage().open(name, "rb"), False
    return open(path, "rb"), True


def _folder() -> Path:
    return Path(settings.EXPORTS_DIR) / "making"


def _lost() -> Iterator[str]:
    """Names of files in the storage that no row names."""
    try:
        _folders, names = storage().listdir("")
    except (FileNotFoundError, NotImplementedError):
        return
    named = set(Export.objects.exclude(file="").values_list("file", flat=True))
    young = datetime.now(UTC) - LOST_AFTER
    for name in names:
        with suppress(FileNotFoundError):
            if name not in named and storage().get_modified_time(name) < young:
                yield name


def _left_behind() -> Iterator[Path]:
    """Files that were begun aside, and given up."""
    young = (datetime.now(UTC) - LOST_AFTER).timestamp()
    for path in _folder().glob("*.part"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < young:
                yield path


def _remove_lost() -> Iterator[retention.Removed]:
    removed = 0
    for name in list(_lost()):
        remove(name)
        removed += 1
        if removed == CHUNK:
            yield {KIND: removed}
            removed = 0
    for path in list(_left_behind()):
        path.unlink(missing_ok=True)
        removed += 1
    yield {KIND: removed}


def _lost_amount() -> Amount:
    """The bytes of these files; rows there are none."""
    total = 0
    for name in _lost():
        with suppress(FileNotFoundError):
            total += storage().size(name)
    for path in _left_behind():
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return Amount(0, total)


KIND = "lost_export_files"
LOST_FILES = retention.Step(
    KIND,
    _remove_lost,
    lambda: {KIND: sum(1 for _ in _lost()) + sum(1 for _ in _left_behind())},
    after=("exports",),
    would_free=_lost_amount,
)
