"""The spool: the snapshots of one list in a folder that all processes of the host share, fetched, found and forgotten.

A snapshot is named by the hash of the list's bytes and of the parameters that decide how these are read, so it never
changes and is made once. Its `mark`, six digits of that hash, is what a run knows it by (see `adapter`).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from ingest.feeds.pricelist import reading, source
from ingest.feeds.pricelist.errors import SnapshotGone
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.snapshot import FORMAT, Snapshot, make

#: Snapshots of one list that are kept, those used last: a run may still need the one before.
KEPT = 3
MARKS = 1_000_000


class _Newest(msgspec.Struct):
    """A note beside the snapshots of a list: which is the newest, and how to ask whether it still is."""

    name: str
    modified: datetime
    etag: str = ""


class Spool:
    """The snapshots of one list in a folder that all processes of the host share."""

    def __init__(
        self,
        folder: Path,
        parameters: Parameters,
        limits: source.Limits,
        *,
        secrets: Mapping[str, str] | None = None,
        band_factor: float = 1.0,
    ) -> None:
        self._folder = folder
        self._parameters = parameters
        self._limits = limits
        self._secrets = secrets or {}
        self._mapper = Mapper(parameters, band_factor=band_factor)
        self._list = blake2b(
            b"\0".join([FORMAT, parameters.source.encode(), parameters.reading]), digest_size=6
        ).hexdigest()

    def newest(self) -> Snapshot:
        """The list as it is now: fetched, and made a snapshot of unless there is one. Raises `SupplierError`s."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._alone(), TemporaryDirectory(dir=self._folder, prefix="making-") as making:
            known = self._known()
            copy = Path(making) / "list"
            address = source.filled(self._parameters.source, self._secrets)
            etag = known.etag if known else ""
            fetched = source.fetch(address, copy, self._limits, etag=etag, host_key=self._parameters.host_key)
            if fetched is None and known is not None:
                return self._used(known.name, known.modified)
            assert fetched is not None
            name = self._name(fetched.digest)
            modified = min(fetched.modified, datetime.now(UTC))
            if not (self._folder / name).exists():
                made = Path(making) / "snapshot"
                make(copy, made, self._parameters, self._mapper, most_bytes=self._limits.most_bytes)
                made.replace(self._folder / name)
            known = _Newest(name, modified, fetched.etag)
            note = Path(making) / "newest"
            note.write_bytes(msgspec.json.encode(known))
            note.replace(self._note)
            snapshot = self._used(name, modified)
            self._forget_old()
            return snapshot

    def look(self, seconds: float) -> reading.Layout:
        """How the list as it is now is read, by its beginning where that tells. Raises `SupplierError`s."""
        self._folder.mkdir(parents=True, exist_ok=True)
        limits = replace(self._limits, seconds=min(seconds, self._limits.seconds))
        address = source.filled(self._parameters.source, self._secrets)
        host_key = self._parameters.host_key
        begun = source.beginning(address, limits, most=reading.SAMPLE_BYTES, host_key=host_key)
        if not reading.needs_all(begun):
            return reading.examine_beginning(begun, self._parameters)
        with TemporaryDirectory(dir=self._folder, prefix="looking-") as looking:
            copy = Path(looking) / "list"
            source.fetch(address, copy, limits, host_key=host_key)
            return reading.examine(copy, self._parameters, most_bytes=limits.most_bytes)

    def marked(self, mark: int) -> Snapshot:
        """The snapshot with this mark; the list as it is now if that has it. Raises `SnapshotGone` if neither is so."""
        for path in self._kept():
            if _mark(path.name) == mark:
                return self._used(path.name)
        # Planned on another host, or long ago.
        snapshot = self.newest()
        if snapshot.mark != mark:
            raise SnapshotGone
        return snapshot

    def any(self) -> Snapshot:
        """The newest snapshot that this host has, else the list as it is now."""
        known = self._known()
        return self._used(known.name, known.modified) if known else self.newest()

    @property
    def _note(self) -> Path:
        return self._folder / f"{self._list}.json"

    def _name(self, digest: bytes) -> str:
        named = blake2b(digest + self._list.encode(), digest_size=12)
        return f"{self._list}-{int.from_bytes(named.digest()[:8]) % MARKS:06d}-{named.hexdigest()}.sqlite"

    def _known(self) -> _Newest | None:
        try:
            known = msgspec.json.decode(self._note.read_bytes(), type=_Newest)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return known if (self._folder / known.name).exists() else None

    def _used(self, name: str, modified: datetime | None = None) -> Snapshot:
        path = (self._folder / name).absolute()
        with suppress(FileNotFoundError):
            os.utime(path)
        return Snapshot(path, _mark(name), modified)

    def _kept(self) -> list[Path]:
        """Snapshots, the one used last first."""
        used = []
        for path in self._folder.glob(f"{self._list}-*.sqlite"):
            with suppress(FileNotFoundError):
                used.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(used, reverse=True)]

    def _forget_old(self) -> None:
        for path in self._kept()[KEPT:]:
            # Whoever reads it still can: only the name goes.
            path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time fetches and makes: the others find what it made."""
        with (self._folder / f"{self._list}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _mark(name: str) -> int:
    return int(name.split("-")[1])
