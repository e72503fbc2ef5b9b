"""Sealed values: what opens them, what does not, and what errors tell."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamondhub.access import secrets
from diamondhub.access.secrets import KeyMissing, SecretError

OLD, NEW = (base64.b64encode(bytes(range(start, start + 32))).decode() for start in (0, 100))
WHOSE = "access.ApiKey:42:signing_secret"


@pytest.fixture(autouse=True)
def one_key(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = f"1:{OLD}"


@given(st.binary(max_size=300), st.text(max_size=50))
def test_what_was_sealed_opens_under_the_same_identity(plain: bytes, identity: str) -> None:
    sealed = secrets.seal(plain, identity=identity)

    assert secrets.unseal(sealed, identity=identity) == plain


def test_a_value_does_not_open_as_another_rows() -> None:
    sealed = secrets.seal(b"hush-hush", identity=WHOSE)

    with pytest.raises(SecretError, match=r"access\.ApiKey:43:signing_secret does not open"):
        secrets.unseal(sealed, identity="access.ApiKey:43:signing_secret")


def test_no_bit_of_a_sealed_value_can_be_changed() -> None:
    sealed = secrets.seal(b"hush-hush", identity=WHOSE)

    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SecretError):
            secrets.unseal(bytes(changed), identity=WHOSE)


@pytest.mark.parametrize("length", [0, 1, 5, 16, 32, 40])
def test_half_a_sealed_value_does_not_open(length: int) -> None:
    sealed = secrets.seal(b"hush-hush", identity=WHOSE)

    with pytest.raises(SecretError):
        secrets.unseal(sealed[:length], identity=WHOSE)


def test_the_same_value_is_never_sealed_alike() -> None:
    sealed = {secrets.seal(b"hush-hush", identity=WHOSE) for _ in range(100)}

    assert len(sealed) == 100
    assert not any(b"hush" in value for value in sealed)


def test_the_newest_key_seals_and_older_ones_still_open(settings: Any) -> None:
    before = secrets.seal(b"hush-hush", identity=WHOSE)

    settings.ENCRYPTION_KEYS = f"1:{OLD}, 2:{NEW}"
    after = secrets.seal(b"hush-hush", identity=WHOSE)

    assert (secrets.version_of(before), secrets.version_of(after)) == (1, 2)
    assert secrets.unseal(before, identity=WHOSE) == secrets.unseal(after, identity=WHOSE) == b"hush-hush"


def test_a_key_that_was_taken_out_too_early_is_named(settings: Any) -> None:
    sealed = secrets.seal(b"hush-hush", identity=WHOSE)

    settings.ENCRYPTION_KEYS = f"2:{NEW}"

    with pytest.raises(KeyMissing, match="sealed by key version 1, which is not there"):
        secrets.unseal(sealed, identity=WHOSE)


def test_another_key_under_the_same_version_opens_nothing(settings: Any) -> None:
    sealed = secrets.seal(b"hush-hush", identity=WHOSE)

    settings.ENCRYPTION_KEYS = f"1:{NEW}"

    with pytest.raises(SecretError, match="version 1 is another key"):
        secrets.unseal(sealed, identity=WHOSE)


def test_without_any_key_nothing_is_sealed(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = ""

    with pytest.raises(SecretError, match="set ENCRYPTION_KEYS"):
        secrets.seal(b"hush-hush", identity=WHOSE)


@pytest.mark.parametrize("separator", [",", ", ", "\n", " \n\t"])
def test_keys_may_stand_in_a_row_or_on_lines(separator: str) -> None:
    keys = secrets.parse_keys(f"2:{NEW}{separator}1:{OLD}\n")

    assert keys == {1: bytes(range(32)), 2: bytes(range(100, 132))}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (OLD, "entry 1 is not <version>:<base64 of 32 bytes>"),
        (f"1:{OLD},{NEW}", "entry 2 is not"),
        (f"0:{OLD}", "entry 1 is not"),
        (f"-1:{OLD}", "entry 1 is not"),
        (f"99999999999:{OLD}", "entry 1 is not"),
        (f"9999999999:{OLD}", "entry 1 is not"),
        (f"١:{OLD}", "entry 1 is not"),
        (f"1:{OLD[:-4]}", "entry 1 is not"),
        (f"1:{OLD}{OLD}", "entry 1 is not"),
        ("1:hunter2-hunter2", "entry 1 is not"),
        (f"1:{'A' * 43}=", "entry 1 is not random"),
        (f"1:{OLD},1:{NEW}", "version 1 is there twice"),
        (f"1:{OLD},2:{OLD}", "entry 2 repeats the key"),
    ],
)
def test_keys_that_are_none_are_told_by_their_place_and_not_shown(text: str, why: str) -> None:
    with pytest.raises(SecretError, match=why) as refused:
        secrets.parse_keys(text)

    assert OLD[:10] not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_both_alphabets_of_base64_are_read() -> None:
    key = bytes(range(224, 256))

    read = [secrets.parse_keys(f"1:{code(key).decode()}") for code in (base64.b64encode, base64.urlsafe_b64encode)]

    assert read == [{1: key}, {1: key}]


class Vault:
    """A provider as an operator may write one."""

    def keys(self) -> dict[int, bytes]:
        return {7: bytes(range(32))}


class LockedVault:
    """A provider that fails with words it should not have said."""

    def keys(self) -> dict[int, bytes]:
        raise OSError("denied for token hunter2")


def test_keys_may_come_from_a_class_that_the_environment_names(settings: Any) -> None:
    settings.ENCRYPTION_KEY_PROVIDER = f"{__name__}.Vault"

    sealed = secrets.seal(b"hush-hush", identity=WHOSE)

    assert secrets.version_of(sealed) == 7
    assert secrets.unseal(sealed, identity=WHOSE) == b"hush-hush"


@pytest.mark.parametrize("name", ["LockedVault", "Nobody"])
def test_a_provider_that_fails_is_named_without_its_words(settings: Any, name: str) -> None:
    settings.ENCRYPTION_KEY_PROVIDER = f"{__name__}.{name}"

    with pytest.raises(SecretError, match=f"ENCRYPTION_KEY_PROVIDER: {__name__}.{name} gives no keys") as refused:
        secrets.seal(b"hush-hush", identity=WHOSE)

    assert "hunter2" not in str(refused.value)
