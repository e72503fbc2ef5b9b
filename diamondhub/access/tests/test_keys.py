"""The text of a key: its form, its checksum, its hash."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamondhub.access import keys


def test_a_new_key_is_read_back() -> None:
    key = keys.generate()

    assert keys.parse(key.text) == key
    assert len(key.text) == len("dh_") + 12 + 1 + 43 + 6


def test_small_secrets_are_padded_to_their_full_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_bytes", lambda _length: bytes(32))

    key = keys.generate()

    assert key.secret == "0" * 43
    assert keys.parse(key.text) == key


@given(st.integers(0, 67), st.sampled_from(string.ascii_letters + string.digits))
def test_one_mistyped_character_is_noticed(place: int, character: str) -> None:
    text = keys.PresentedKey("abcDEF012345", "s" * 43).text
    if place >= len(text) or text[place] == character:
        return

    assert keys.parse(text[:place] + character + text[place + 1 :]) is None


@given(st.text())
def test_any_other_text_is_no_key(text: str) -> None:
    assert keys.parse(text) is None


def test_a_newline_after_a_key_is_not_overlooked() -> None:
    assert keys.parse(keys.generate().text + "\n") is None


def test_the_hash_depends_on_kind_id_secret_and_pepper(settings: Any) -> None:
    settings.API_KEY_PEPPERS = {1: b"1" * 32, 2: b"2" * 32}
    key = keys.PresentedKey("abcDEF012345", "s" * 43)

    hashes = {
        key.hashed(1),
        key.hashed(2),
        keys.PresentedKey("abcDEF012345", "s" * 43, keys.PUBLISHABLE).hashed(1),
        keys.PresentedKey("abcDEF012346", "s" * 43).hashed(1),
        keys.PresentedKey("abcDEF012345", "t" * 43).hashed(1),
    }

    assert len(hashes) == 5
    assert all(hashed is not None and len(hashed) == 32 for hashed in hashes)


def test_a_new_secret_key_of_the_installation_changes_no_hash_but_those_from_before_there_were_peppers(
    settings: Any,
) -> None:
    key = keys.PresentedKey("abcDEF012345", "s" * 43)
    before = key.hashed(1), key.hashed(0)

    settings.SECRET_KEY = "another secret key of this installation"

    assert key.hashed(1) == before[0]
    assert key.hashed(0) != before[1]


def test_keys_from_before_there_were_peppers_are_hashed_as_they_were(settings: Any) -> None:
    settings.SECRET_KEY = "the secret key of an installation that is older than its peppers"

    hashed = keys.PresentedKey("abcDEF012345", "s" * 43).hashed(0)

    assert hashed is not None
    assert hashed.hex() == "4146cfbc7f48959b3eda82659cb34efa35c20fcf38715589d1600499dbc2f131"


def test_there_is_no_hash_under_a_pepper_that_is_gone(settings: Any) -> None:
    settings.API_KEY_PEPPERS = {2: b"2" * 32}

    assert keys.generate().hashed(1) is None


def test_a_publishable_key_says_so_and_is_read_back() -> None:
    key = keys.generate(publishable=True)

    assert key.text.startswith("dhp_")
    assert keys.parse(key.text) == key
    assert key.is_publishable


def test_a_publishable_key_cannot_be_rewritten_into_a_secret_one() -> None:
    public = keys.generate(publishable=True)

    secret = keys.PresentedKey(public.key_id, public.secret)

    assert secret.hashed(1) != public.hashed(1)


def test_a_key_does_not_show_its_secret_in_logs() -> None:
    key = keys.generate()

    assert key.secret not in repr(key)
