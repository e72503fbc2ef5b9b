"""The target of a request as it came."""

from __future__ import annotations

import pytest

from diamondhub.access.target import raw_target

AS_IT_CAME = "/api/v1/a%2Fb?x=%31&y=%7e+%20&z="


@pytest.mark.parametrize("name", ["REQUEST_URI", "RAW_URI"])
def test_the_target_is_the_one_that_the_server_got(name: str) -> None:
    assert raw_target({name: AS_IT_CAME, "PATH_INFO": "/api/v1/a/b", "QUERY_STRING": "x=1"}) == AS_IT_CAME


def test_it_is_never_made_again_from_what_was_decoded() -> None:
    with pytest.raises(LookupError):
        raw_target({"PATH_INFO": "/api/v1/a/b", "QUERY_STRING": "x=1"})
