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


def test_the_hash_depends_on_id_secret_and_pepper(settings: Any) -> None:
    key = keys.PresentedKey("abcDEF012345", "s" * 43)
    hashes = {
        key.secret_hash,
        keys.PresentedKey("abcDEF012346", "s" * 43).secret_hash,
        keys.PresentedKey("abcDEF012345", "t" * 43).secret_hash,
    }

    settings.SECRET_KEY = "another secret key of this installation"

    assert len(hashes | {key.secret_hash}) == 4


def test_a_key_does_not_show_its_secret_in_logs() -> None:
    key = keys.generate()

    assert key.secret not in repr(key)
