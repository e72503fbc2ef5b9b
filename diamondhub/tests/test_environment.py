"""Secret variables: from files, with errors that show nothing, and only for the programs that need them."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from diamondhub import environment
from diamondhub.local import private, stack
from diamondhub.tests import settings_reader

KEYS = f"1:{base64.b64encode(bytes(range(32))).decode()}"
PRODUCTION = {
    "ENV": "production",
    "SECRET_KEY": "k" * 20 + "0123456789abcdefghijKLMNOPQRST-x",
    "ENCRYPTION_KEYS": KEYS,
    # Those of other parts of the product, which they demand.
    "API_KEY_PEPPERS": f"1:{base64.b64encode(bytes(range(100, 132))).decode()}",
    "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "CACHE_URL": "redis://127.0.0.1:1/1",
    "NIVODA_ENDPOINT": "https://supplier.example/api",
    "NIVODA_USERNAME": "us",
    "NIVODA_PASSWORD": "hush-hush",
    "HEARTBEAT_URL": "https://watch.example.com/hush-hush",
    "ALLOWED_HOSTS": "hub.example.com",
    "TRUSTED_PROXIES": "10.0.0.1",
}


def started(code: str = "pass", **variables: str) -> subprocess.CompletedProcess[str]:
    """What a process says that reads the settings in no other environment than this."""
    return settings_reader.run(f"from diamondhub import settings; {code}", surroundings(**variables))


def really_started(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The same of a Python that was started for it."""
    return subprocess.run(
        [sys.executable, "-c", f"from diamondhub import settings; {code}"],
        cwd=settings.BASE_DIR,
        env=surroundings(**variables),
        capture_output=True,
        text=True,
        check=False,
    )


def surroundings(**variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "DIAMONDHUB_VAR": os.environ["DIAMONDHUB_VAR"], **variables}


def test_production_starts_with_all_it_demands() -> None:
    told = really_started("print(settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS > 0)", **PRODUCTION)

    assert (told.stdout.strip(), told.stderr) == ("True True", "")


#: What secrets may hold that production does not demand.
NOT_DEMANDED = {
    "CELERY_BROKER_URL": "redis://:hush-hush@127.0.0.1:1/2",
    "SECRET_KEY_FALLBACKS": "hush" * 10,
    "EMAIL_HOST_PASSWORD": "hush-hush",
    "METRICS_TOKEN": "hush" * 10,
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=hush-hush",
}
#: How a setting shows what it holds, where it is no text under the variable's name.
SHOWN = {"API_KEY_PEPPERS": "settings._API_KEY_PEPPERS", "SECRET_KEY_FALLBACKS": "settings.SECRET_KEY_FALLBACKS[0]"}


@pytest.mark.parametrize("name", sorted(environment.NEEDED_BY))
def test_every_secret_may_lie_in_a_file(tmp_path: Path, name: str) -> None:
    value = {**PRODUCTION, **NOT_DEMANDED}[name]
    (tmp_path / "secret").write_text(f"{value}\n")
    others = {key: each for key, each in {**PRODUCTION, "EMAIL_HOST_USER": "hub"}.items() if key != name}

    told = started(
        f"print(repr({SHOWN.get(name, f'settings.{name}')}))", **others, **{f"{name}_FILE": str(tmp_path / "secret")}
    )

    assert (told.stderr, told.stdout.strip()) == ("", repr(value))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "SECRET_KEY_FILE: the file is empty"),
        (b" \n", "SECRET_KEY_FILE: the file is empty"),
        (b"\xff\xfe\xfd", "SECRET_KEY_FILE: the file is no text in UTF-8"),
        (b"a\0b", "SECRET_KEY_FILE: the file holds a NUL"),
        (b"x" * 64_001, "SECRET_KEY_FILE: the file is longer than 64,000 bytes"),
        (None, "SECRET_KEY_FILE: the file cannot be read: no such file or directory"),
    ],
)
def test_a_file_that_holds_no_secret_stops_the_start_with_one_line(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)

    told = started(SECRET_KEY_FILE=str(tmp_path / "secret"))

    assert told.returncode == 1
    assert told.stderr.strip().splitlines()[-1].endswith(says)


def test_a_process_that_cannot_start_ends_with_the_fault_as_its_last_words() -> None:
    told, really = started(PORT="sekret"), really_started("pass", PORT="sekret")

    assert (told.returncode, told.stderr.splitlines()[-1]) == (really.returncode, really.stderr.splitlines()[-1])
    assert really.returncode == 1


def test_a_secret_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush-hush")

    told = started(NIVODA_PASSWORD="hush-hush", NIVODA_PASSWORD_FILE=str(tmp_path / "secret"))

    assert "NIVODA_PASSWORD and NIVODA_PASSWORD_FILE are both set" in told.stderr
    assert "hush-hush" not in told.stderr


@pytest.mark.parametrize("hosts", ["", "*", "hub.example.com,*", "*.example.com", "https://hub.example.com", "a b"])
def test_production_names_its_hosts(hosts: str) -> None:
    told = started(**{**PRODUCTION, "ALLOWED_HOSTS": hosts})

    assert told.returncode == 1
    assert "ALLOWED_HOSTS" in told.stderr.strip().splitlines()[-1]


def test_development_needs_no_hosts() -> None:
    told = started("print(settings.ALLOWED_HOSTS)")

    assert told.stdout.strip() == "['localhost', '127.0.0.1', '[::1]']"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NIVODA_ENDPOINT", "ftp://u:sekret@h"),
        ("NIVODA_ENDPOINT", "https://u:sekret@h/api"),
        ("NIVODA_ENDPOINT", "https://h/api?token=sekret"),
        ("NIVODA_ENDPOINTS", "https://ok.example/api,https://u:sekret@h/api"),
        ("DATABASE_URL", "postgresql://u:sekret%zz@h/d"),
        ("DATABASE_URL", "postgresql://u:pa/sekret@h/d"),
        ("DATABASE_URL", "postgresql://u:p@h/d?sekret=1"),
        ("REDIS_URL", "redis://:pa/sekret@h/0"),
        ("REDIS_URL", "redis://:sekret@[h/0"),
        ("CELERY_BROKER_URL", "amqp://u:pa?sekret@h"),
        ("CELERY_BROKER_URL", "sekret"),
        ("ENCRYPTION_KEYS", "1:sekret"),
        ("PORT", "sekret"),
        ("EMAIL_HOST", "u:sekret@mail"),
        ("ALERT_EMAILS", "sekret"),
        ("ENV", "sekret"),
        ("LOG_LEVEL", "sekret"),
        ("ALLOWED_HOSTS", "https://u:sekret@h"),
        ("ENCRYPTION_KEY_PROVIDER", "sekret!"),
    ],
)
def test_no_error_shows_what_somebody_wrote_into_a_variable(name: str, value: str) -> None:
    told = started(**{name: value})

    assert told.returncode == 1
    line = told.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in line
    assert name in line
    assert "sekret" not in told.stderr


def test_beat_starts_in_production_without_what_it_does_not_need() -> None:
    told = started("print(settings.PROGRAM)", **environment.for_program("beat", PRODUCTION))

    assert (told.stdout.strip(), told.stderr) == ("beat", "")


def test_feeds_with_accounts_of_their_own_need_none_in_the_environment() -> None:
    others = {name: value for name, value in PRODUCTION.items() if name not in ("NIVODA_USERNAME", "NIVODA_PASSWORD")}

    assert "NIVODA_PASSWORD" in started(**others).stderr
    assert started(**others, NIVODA_ACCOUNTS="feeds").stderr == ""


def test_the_checks_for_deployment_find_nothing_in_production() -> None:
    told = really_started(
        "import django, os; os.environ['DJANGO_SETTINGS_MODULE'] = 'diamondhub.settings'; django.setup();"
        "from django.core.management import call_command; call_command('check', deploy=True, fail_level='WARNING')",
        **PRODUCTION,
    )

    assert told.returncode == 0, told.stderr


# --- who gets which secret -----------------------------------------------------------------------------------------


def test_each_program_of_the_stack_is_given_only_the_secrets_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment.NEEDED_BY:
        monkeypatch.setenv(name, f"planted {name}")
        monkeypatch.setenv(f"{name}_FILE", f"/run/secrets/{name}")

    given = {spec.name: dict(spec.environment) for spec in stack.stack_programs(port=8000)}

    of_beat = [name for name in given["beat"] if name.removesuffix("_FILE") in environment.NEEDED_BY]
    assert sorted(of_beat) == ["CELERY_BROKER_URL", "CELERY_BROKER_URL_FILE", "REDIS_URL", "REDIS_URL_FILE"]
    for program, variables in given.items():
        assert variables["DIAMONDHUB_PROGRAM"] == program
        for name, needed_by in environment.NEEDED_BY.items():
            assert (name in variables) == (f"{name}_FILE" in variables) == (program in needed_by), (program, name)
    assert not any("planted" in str(word) for spec in stack.stack_programs(port=8000) for word in spec.argv)


def test_embedded_servers_know_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIVODA_PASSWORD", "planted")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")

    assert "planted" not in environment.for_server().values()
    assert environment.for_server()["PATH"]


# --- what lies on the disk -----------------------------------------------------------------------------------------


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}


@pytest.fixture
def mask() -> object:
    """The mask of the process, put back after the test."""
    before = os.umask(0o022)
    yield before
    os.umask(before)


def test_what_an_older_release_left_open_is_closed_at_the_start(tmp_path: Path, mask: object) -> None:
    var = tmp_path / "var"
    (var / "spool" / "pricelists").mkdir(parents=True)
    (var / "log").mkdir()
    (var / "spool" / "pricelists" / "a.sqlite").write_text("costs")

    private.keep(var)

    kept = modes(var)
    assert kept["."] & 0o066 == 0
    assert (kept["spool"], kept["log"]) == (0o700, 0o700)
    (var / "log" / "web.log").write_text("new")
    assert modes(var)["log/web.log"] == 0o600


def test_a_shared_folder_and_a_link_are_left_as_they_are(tmp_path: Path, mask: object) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (shared / "log").symlink_to(elsewhere)

    private.keep(shared)

    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o755


def test_the_settings_of_every_process_set_the_mask() -> None:
    told = really_started("import os; print(oct(os.umask(0)))")

    assert told.stdout.strip() == "0o77"
