"""The scrubber: no planted secret comes out, wherever it lies, and hostile input costs little."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from diamondhub.telemetry import scrub

PASSWORD = 'corr3ct/horse @b"ttery\\ stäple'


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test tells the scrubber is forgotten after it."""
    monkeypatch.setattr(scrub, "_told", ())
    scrub.forget()
    yield
    scrub.forget()


class Talkative:
    def __init__(self, words: str) -> None:
        self.words = words

    def __str__(self) -> str:
        return self.words


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Endless(Mapping[str, object]):
    def __getitem__(self, key: str) -> object:
        return self

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no keys")

    def __len__(self) -> int:
        return 1


def texts(structure: Any) -> Iterator[str]:
    """Every text and every name of a structure."""
    if isinstance(structure, dict):
        for name, value in structure.items():
            yield name
            yield from texts(value)
    elif isinstance(structure, list):
        for value in structure:
            yield from texts(value)
    elif isinstance(structure, str):
        yield structure


# --- by value ----------------------------------------------------------------------------------------------------------

secrets = st.text(st.characters(codec="utf-8", exclude_characters="…"), min_size=8, max_size=40).filter(
    lambda text: text.strip() == text
)
words = st.text(max_size=30)
SPELLINGS: list[Callable[[str], str]] = [
    str,
    quote,
    lambda secret: quote(secret, safe=""),
    quote_plus,
    lambda secret: json.dumps(secret)[1:-1],
    lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    lambda secret: repr(secret)[1:-1],
    lambda secret: repr(secret.encode())[2:-1],
    html.escape,
    lambda secret: quote(quote(secret, safe=""), safe=""),
]


@st.composite
def plantings(draw: st.DrawFn) -> tuple[str, str, Any]:
    """A secret, how it is spelled, and a structure in which it lies somewhere."""
    secret = draw(secrets)
    spelled = draw(st.sampled_from(SPELLINGS))(secret)
    said = draw(words) + spelled + draw(words)
    planted: Any = draw(
        st.sampled_from([said, said.encode(), Talkative(said), ValueError(said), {said: 1}, {said: said}, (said, 2)])
    )
    for _ in range(draw(st.integers(0, 12))):
        around: list[Any] = draw(st.lists(st.one_of(st.none(), st.integers(), words), max_size=3))
        shape = draw(st.integers(0, 4))
        if shape == 0:
            planted = [*around, planted]
        elif shape == 1:
            planted = (planted, *around)
        elif shape == 2:
            planted = {draw(words): planted, **dict.fromkeys(map(str, around), 1)}
        elif shape == 3:
            planted = Talkative(json.dumps(planted, default=repr))
        else:
            planted = {"error": planted, 7: around}
    return secret, spelled, planted


@given(plantings())
@example(("password", "password", {"password": ["password"]}))
@example((PASSWORD, PASSWORD, "x" * 24_570 + PASSWORD + "y" * 100_000))
@example((PASSWORD, PASSWORD, "x" * 100_000 + PASSWORD + "y" * 8_180))
def test_a_known_secret_never_comes_out(planting: tuple[str, str, Any]) -> None:
    secret, spelled, structure = planting
    scrub.know(secret)

    out = scrub.nested(structure)

    assert not [text for text in texts(out) if secret in text or spelled in text]
    assert spelled not in scrub.reason(structure)


@pytest.mark.parametrize("name", ["SECRET_KEY", "NIVODA_PASSWORD", "EMAIL_HOST_PASSWORD"])
def test_the_settings_secrets_are_known(settings: Any, name: str) -> None:
    setattr(settings, name, PASSWORD)

    assert scrub.text(f"refused: {PASSWORD}!") == "refused: …!"


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"])
def test_the_passwords_of_servers_are_known_encoded_and_not(settings: Any, name: str) -> None:
    setattr(settings, name, f"redis://hub:{quote(PASSWORD, safe='')}@example.com:1/0")

    assert scrub.text(f"refused: {PASSWORD}!") == "refused: …!"
    assert scrub.text(f"refused: {quote(PASSWORD, safe='')}!") == "refused: …!"


def test_a_secret_that_lies_across_the_place_of_a_cut_is_not_cut_in_half() -> None:
    scrub.know(PASSWORD)

    for shift in range(len(PASSWORD) + 2):
        cut = scrub.text("x" * (75 - shift) + PASSWORD + "y" * 200 + PASSWORD + "z" * (25 - shift % 25), 100)

        assert not any(PASSWORD[start : start + 6] in cut for start in range(len(PASSWORD) - 5))


def test_the_last_tokens_that_it_was_told_of_are_known() -> None:
    for number in range(scrub.MAX_TOLD + 1):
        scrub.know(f"token-number-{number:03}")

    assert scrub.text("a token-number-008 and token-number-001") == "a … and …"
    assert len(scrub._told) == scrub.MAX_TOLD


# --- by name -----------------------------------------------------------------------------------------------------------

NAMES = ["password", "nivoda_password", "NIVODA_PASSWORD", "apiKey", "X-API-Key", "access_token", "clientSecret"]
NAMES += [
    "Authorization",
    "session_id",
    "Set-Cookie",
    "private key",
    "csrfmiddlewaretoken",
    "passwd",
    "dsn",
    "credentials",
]


@given(
    name=st.sampled_from(NAMES),
    secret=st.one_of(st.text(min_size=6), st.lists(st.text(min_size=6)), st.integers(min_value=100_000)),
    depth=st.integers(0, 12),
)
def test_what_stands_under_a_secrets_name_never_comes_out_at_any_depth(name: str, secret: Any, depth: int) -> None:
    structure: Any = {name: secret}
    for level in range(depth):
        structure = {"in": structure} if level % 2 else [structure]

    out = scrub.nested(structure)

    assert set(texts(out)) <= {name, "in", scrub.HIDDEN}


@pytest.mark.parametrize("name", ["key_id", "dedupe_key", "feed", "author", "passed", "lease", "run_id", "monkey"])
def test_other_names_are_left_alone(name: str) -> None:
    assert scrub.nested({name: "clear"}) == {name: "clear"}


def test_that_there_is_no_secret_is_no_secret() -> None:
    assert scrub.nested({"password": None, "has_token": True}) == {"password": None, "has_token": True}


# --- by shape ----------------------------------------------------------------------------------------------------------

KEY = "dh_abcDEF012345_" + "s" * 49
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("redis://:hushhush@cache.example:6379/0 is away", "redis://…@cache.example:6379/0 is away"),
        ("postgresql://hub:hush/hu?sh#@db/hub", "postgresql://…@db/hub"),
        ("https://lists.example/a.csv?sig=hushhush&e=1 gave 403", "https://lists.example/a.csv?… gave 403"),
        ("https://lists.example/a.csv gave 403", "https://lists.example/a.csv gave 403"),
        ("GET /lists?key=hushhush&page=2", "GET /lists?key=…&page=2"),
        ("password=hushhush, host=db", "password=…, host=db"),
        ("{'nivoda_password': 'hush\\'hush', 'a': 1}", "{'nivoda_password': …, 'a': 1}"),
        ('{"apiKey": "hush \\"hush\\"", "a": 1}', '{"apiKey": …, "a": 1}'),
        ('"{\\"token\\": \\"hush, hush\\"}"', '"{\\"token\\": …}"'),
        ("a=1&access_token=hushhush&b=2", "a=1&access_token=…&b=2"),
        ("a%3D1%26access_token%3Dhushhush%26b%3D2", "a%3D1%26access_token%3D…%26b%3D2"),
        ("Client(user='hub', password='hush hush')", "Client(user='hub', password=…)"),
        ("Authorization: Bearer hush.hush-hush\nHost: x", "Authorization: …\nHost: x"),
        ("Cookie: a=hush; b=hush\r\nHost: x", "Cookie: …\r\nHost: x"),
        ("it refused bearer hush.hush-hush, twice", "it refused bearer …, twice"),
        ("Basic aHViOmh1c2g=", "Basic …"),
        (f"the key {KEY} is revoked", "the key dh_abcDEF012345_… is revoked"),
        (f"signs with dhs_{'s' * 49}.", "signs with dhs_…."),
        (f"{TOKEN} has ended", "eyJ… has ended"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIA…"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIhush\nhush==\n-----END RSA PRIVATE KEY-----!",
            "-----BEGIN RSA PRIVATE KEY-----…!",
        ),
        ("https://hooks.slack.com/services/T0/B0/hushhush", "https://hooks.slack.com/…"),
    ],
)
def test_a_secret_is_known_by_its_shape_and_the_rest_stays(said: str, left: str) -> None:
    assert scrub.text(said) == left
    assert scrub.text(f"{said}{' ' * scrub.MAX_SHORT}").rstrip() == left


@pytest.mark.parametrize(
    "said",
    [
        "run 12 of nivoda-natural is planning",
        "the supplier answered 503 after 3 attempts",
        "price 1,234.50: 40 % margin (rule 'ROUND 1-2 ct')",
        "2026-11-28T11:00:00Z 6f1c2b3a-0000-5000-8000-123456789abc",
        "there is no such token",
    ],
)
def test_what_is_no_secret_is_not_touched(said: str) -> None:
    assert scrub.text(said) == said


# --- hostile input -----------------------------------------------------------------------------------------------------

MEGABYTES = [
    *("a", "a ", "password=", "http://", '"\\', "a@", "://a", "eyJ", "eyJ-", "dh_", "password", "authorization "),
    *("-----BEGIN PRIVATE KEY-----", "token%3d", "bearer ", "\\", "\ud800", "\0", "İ", "?key=", "'", "password='"),
]


@pytest.mark.parametrize("piece", MEGABYTES)
def test_a_megabyte_is_cut(piece: str) -> None:
    out = scrub.text(piece * (1_000_000 // len(piece)))

    assert len(out) <= scrub.MAX_TEXT * 2


def test_a_structure_that_contains_itself_ends() -> None:
    round_and_round: dict[str, Any] = {}
    round_and_round["again"] = [round_and_round] * 100

    out = scrub.nested(round_and_round)

    assert len(list(texts(out))) <= scrub.MAX_VALUES * 2


def test_of_ten_thousand_names_and_of_much_text_some_are_kept() -> None:
    out = scrub.nested({f"name{number}": "words " * 1_000 for number in range(10_000)})

    assert len(out) <= scrub.MAX_VALUES + 1
    assert sum(map(len, texts(out))) <= scrub.MAX_CHARACTERS * 2


@pytest.mark.parametrize(
    ("value", "out"),
    [
        (Unspeakable(), "<Unspeakable>"),
        (Endless(), "<Endless>"),
        ({Unspeakable(): 1}, {"<Unspeakable>": 1}),
        pytest.param(10**5000, scrub.HIDDEN, id="5,000 digits"),
        (float("nan"), "nan"),
        (b"\xff\x00", "b'\\xff\\x00'"),
        ({1, 2}, [1, 2]),
    ],
)
def test_anything_can_be_asked_for_its_words(value: object, out: object) -> None:
    scrubbed = scrub.nested(value)

    assert scrubbed == out


def test_a_reason_is_what_a_column_takes() -> None:
    said = scrub.reason(ValueError("a\0b\ud800c" + "d" * 10_000), 100)

    assert said.startswith("a␀b?cddd")
    assert len(said) == 100
