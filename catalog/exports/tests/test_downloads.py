"""Files fetched in parts: what `Range`, `If-Range` and their like mean, and downloads that break off."""

from __future__ import annotations

import io
from typing import Any, ClassVar

import pytest
from django.core.files.storage import FileSystemStorage, Storage
from django.http import FileResponse, StreamingHttpResponse
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from catalog.api.export_files import FilePart
from catalog.exports import files
from catalog.exports.tests.asking import ADDRESS, bytes_of, file_of, written
from catalog.tests.factories import a_diamond
from diamondhub.api.ranges import NotSatisfiable, part_of
from diamondhub.serving.bounds import MAX_STREAMS


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=0-", (0, 99)),
        ("bytes=10-19", (10, 19)),
        ("bytes=10-1000", (10, 99)),
        ("bytes=99-99", (99, 99)),
        ("bytes=-1", (99, 99)),
        ("bytes=-100", (0, 99)),
        ("bytes=-1000", (0, 99)),
        ("Bytes= 10-19 ", (10, 19)),
        (f"bytes=5-{'9' * 5000}", (5, 99)),
        (f"bytes=-{'9' * 5000}", (0, 99)),
        ("bytes=0005-0006", (5, 6)),
        # What is no range of bytes, and several, mean the whole.
        ("bytes=0-1,5-6", None),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes=a-b", None),
        ("bytes=1-2-3", None),
        ("bytes=+1-2", None),
        ("bytes=１-２", None),
        ("items=0-5", None),
        ("", None),
    ],
)
def test_a_range_is_a_part_or_the_whole(header: str, part: tuple[int, int] | None) -> None:
    found = part_of(header, 100)

    assert (None if found is None else (found.first, found.last)) == part


@pytest.mark.parametrize(
    ("header", "length"), [("bytes=100-", 100), ("bytes=100-200", 100), ("bytes=-0", 100), ("bytes=0-", 0)]
)
def test_a_range_without_a_byte_of_the_file_is_refused(header: str, length: int) -> None:
    with pytest.raises(NotSatisfiable):
        part_of(header, length)


def test_the_end_of_an_empty_file_is_the_whole_of_it() -> None:
    assert part_of("bytes=-5", 0) is None


@given(
    content=st.binary(max_size=60),
    first=st.integers(0, 60),
    length=st.integers(0, 60),
    moves=st.lists(st.tuples(st.integers(-5, 70), st.sampled_from([0, 1, 2]), st.integers(-1, 70)), max_size=5),
)
def test_a_part_reads_and_winds_as_a_file_of_its_own(
    content: bytes, first: int, length: int, moves: list[tuple[int, int, int]]
) -> None:
    first = min(first, len(content))
    alone = io.BytesIO(content[first : first + length])
    part = FilePart(io.BytesIO(content), first, len(alone.getvalue()))

    for offset, whence, size in moves:
        if whence == 0:
            offset = max(0, offset)
        assert part.seek(offset, whence) == alone.seek(offset, whence)
        assert part.read(size) == alone.read(size)
        assert part.tell() == alone.tell()


def fetched(http: Client, **headers: str) -> Any:
    return http.get(f"{ADDRESS}/{the_export(http)['export']}/file", headers=headers)


def the_export(http: Client) -> dict[str, Any]:
    (export,) = http.get(ADDRESS).json()["results"]
    answer: dict[str, Any] = export
    return answer


@pytest.mark.django_db(transaction=True)
def test_a_download_goes_on_where_it_broke_off(http: Client) -> None:
    for _ in range(5):
        a_diamond()
    export = written(http, gzip=True)
    whole = file_of(http, export)
    content = bytes_of(whole)

    rest = fetched(http, Range="bytes=100-", **{"If-Range": whole["ETag"]})
    by_date = fetched(http, Range="bytes=100-", **{"If-Range": whole["Last-Modified"]})
    end = fetched(http, Range="bytes=-10")

    assert (whole.status_code, whole["Accept-Ranges"]) == (200, "bytes")
    assert whole["ETag"] == f'"{export["sha256"]}"'
    assert [answer.status_code for answer in (rest, by_date, end)] == [206] * 3
    assert rest["Content-Range"] == f"bytes 100-{len(content) - 1}/{len(content)}"
    assert int(rest["Content-Length"]) == len(content) - 100
    assert content[:100] + bytes_of(rest) == content
    assert bytes_of(by_date) == content[100:]
    assert bytes_of(end) == content[-10:]
    assert rest["Repr-Digest"] == whole["Repr-Digest"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "if_range", ['"another"', 'W/"{sha256}"', "{sha256}", "Mon, 01 Jan 2024 00:00:00 GMT", "nonsense", ""]
)
def test_the_rest_of_another_file_is_the_whole_of_this_one(http: Client, if_range: str) -> None:
    a_diamond()
    export = written(http)

    answer = fetched(http, Range="bytes=10-", **{"If-Range": if_range.format(**export)})

    assert (answer.status_code, len(bytes_of(answer))) == (200, export["bytes"])
    assert "Content-Range" not in answer


@pytest.mark.django_db(transaction=True)
def test_what_else_is_asked_of_a_file_by_its_tag(http: Client) -> None:
    a_diamond()
    export = written(http)
    tag = f'"{export["sha256"]}"'
    address = f"{ADDRESS}/{export['export']}/file"

    known = fetched(http, **{"If-None-Match": f'"x", W/{tag}'})
    any_file = fetched(http, **{"If-None-Match": "*"})
    other = fetched(http, **{"If-Match": '"another"'})
    weak = fetched(http, **{"If-Match": f"W/{tag}"})
    same = fetched(http, **{"If-Match": tag})
    beyond = fetched(http, Range=f"bytes={export['bytes']}-")
    several = fetched(http, Range="bytes=0-1,4-5")
    head = http.head(address, headers={"Range": "bytes=0-1"})

    assert (known.status_code, known.content, known["ETag"]) == (304, b"", tag)
    assert (any_file.status_code, any_file["ETag"]) == (304, tag)
    assert [answer.status_code for answer in (other, weak, same)] == [412, 412, 200]
    assert (beyond.status_code, beyond["Content-Range"]) == (416, f"bytes */{export['bytes']}")
    assert beyond.json()["type"].endswith("/range-not-satisfiable")
    assert (several.status_code, len(bytes_of(several))) == (200, export["bytes"])
    assert (head.status_code, int(head["Content-Length"]), bytes_of(head)) == (200, export["bytes"], b"")


@pytest.mark.django_db(transaction=True)
def test_an_empty_file_is_sent_as_such(http: Client) -> None:
    written(http)

    whole, end, start = (fetched(http, **headers) for headers in ({}, {"Range": "bytes=-5"}, {"Range": "bytes=0-"}))

    assert (whole.status_code, whole["Content-Length"], bytes_of(whole)) == (200, "0", b"")
    assert end.status_code == 200
    assert start.status_code == 416


class Faraway(Storage):
    """A storage that says no paths, as one of another host."""

    opened: ClassVar[list[Any]] = []

    def __init__(self, **options: Any) -> None:
        self._inner = FileSystemStorage(**options)

    def exists(self, name: str) -> bool:
        return self._inner.exists(name)

    def _save(self, name: str, content: Any) -> str:
        return self._inner.save(name, content)

    def _open(self, name: str, mode: str = "rb") -> Any:
        file = self._inner.open(name, mode)
        self.opened.append(file)
        return file


@pytest.mark.django_db(transaction=True)
def test_a_file_of_another_host_is_a_bounded_stream_and_closed_when_its_reader_goes(
    http: Client, settings: Any
) -> None:
    exports = {**settings.STORAGES["exports"], "BACKEND": f"{__name__}.Faraway"}
    settings.STORAGES = {**settings.STORAGES, "exports": exports}
    Faraway.opened.clear()
    a_diamond()
    export = written(http)

    abandoned = fetched(http, Range="bytes=5-24")
    is_stream = isinstance(abandoned, StreamingHttpResponse) and not isinstance(abandoned, FileResponse)
    abandoned.close()
    part = fetched(http, Range="bytes=5-24")

    assert is_stream
    assert Faraway.opened[0].closed
    assert bytes_of(part) == bytes_of(file_of(http, export))[5:25]


@pytest.mark.django_db(transaction=True)
def test_files_of_this_host_need_no_place_of_a_stream_and_are_closed_with_the_answer(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []

    def open_file(name: str) -> tuple[Any, bool]:
        file, is_here = original(name)
        opened.append(file)
        return file, is_here

    original = files.open_file
    monkeypatch.setattr(files, "open_file", open_file)
    a_diamond()
    written(http)
    # More than there are places, all unread.
    answers = [fetched(http) for _ in range(MAX_STREAMS + 3)]
    open_files = [file for file in opened if not file.closed]
    for answer in answers:
        answer.close()

    assert [answer.status_code for answer in answers] == [200] * (MAX_STREAMS + 3)
    assert all(isinstance(answer, FileResponse) for answer in answers)
    assert open_files
    assert all(file.closed for file in opened)
