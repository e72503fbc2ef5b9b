"""Faults are planted in a running stack, and the start page is looked at in a browser: how long until it says so, whether
one click leads to the cause, and whether it is well again when the fault is gone. The last test prints the table.

A fault is a row of `FAULTS`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from diamondhub.tests.patience import BROWSER_LAUNCH_MS, BROWSER_STEP_MS
from ingest.tests.stack import PATIENCE, ROOT, Sandbox, Stack, until

pytestmark = [pytest.mark.processes, pytest.mark.in_order]

#: Where pictures of the page with each fault are left, if somebody wants to look at them.
SHOTS = os.environ.get("DIAMONDHUB_SHOTS")
PASSWORD = "a long enough one"
#: Each fault is to be on the page within this (seconds). What is measured is printed; a test gives up much later.
WITHIN = 30.0

Act = Callable[[Stack, Sandbox], Any]


@dataclass(frozen=True)
class Fault:
    """One planted fault: what is done, the title and some words of what the page says of it, and how it is undone."""

    name: str
    plant: Act
    title: str
    words: str
    mend: Act
    #: A word of the page that the problem's link leads to.
    cause: str
    #: What tells its entry from others of its title.
    entry: str = ""


def nothing(_stack: Stack, _sandbox: Sandbox) -> None:
    """Undo nothing."""


def fail_the_supplier(stack: Stack, sandbox: Sandbox) -> None:
    # So slow that no run has all of its few pages before the command that starts it has ended.
    sandbox.post("faults", latency_ms=2_000)
    stack.start("nivoda-natural", "--full")
    sandbox.post("faults", http_5xx={"rate": 1.0, "status": 503})


def mend_the_supplier(stack: Stack, sandbox: Sandbox) -> None:
    sandbox.post("faults")
    (run,) = stack.rows("SELECT id, state FROM ingest_run ORDER BY id DESC LIMIT 1")
    if run["state"] not in ("completed", "failed", "cancelled"):
        stack.manage("cancel_run", str(run["id"]), "--reason", "the supplier was mended")


def kill_a_worker_many_times(stack: Stack, _sandbox: Sandbox) -> None:
    for _ in range(4):
        killed = stack.processes["worker-cpu"]
        stack.kill("worker-cpu")
        until(partial(_another_than, stack, killed), seconds=30, what="the worker is there again")


def _another_than(stack: Stack, pid: int) -> Any:
    return stack.value(
        "SELECT count(*) FROM operations_worker WHERE program = 'worker-cpu' AND pid <> %(pid)s AND ended_at IS NULL",
        pid=pid,
    )


def age_a_feed(stack: Stack, _sandbox: Sandbox) -> None:
    stack.rows("UPDATE ingest_feed SET watermark = now() - interval '3 days' WHERE slug = 'nivoda-labgrown'")


def renew_a_feed(stack: Stack, _sandbox: Sandbox) -> None:
    stack.rows("UPDATE ingest_feed SET watermark = now() WHERE slug = 'nivoda-labgrown'")


def hold_a_run(stack: Stack, sandbox: Sandbox) -> None:
    stack.rows("UPDATE ingest_feed SET error_budget = 0 WHERE slug = 'nivoda-labgrown'")
    sandbox.post("faults", poison={"stones": 60, "feed": "labgrown"})
    stack.start("nivoda-labgrown", "--full")
    until(
        lambda: stack.value("SELECT count(*) FROM ingest_run WHERE state = 'in_review'"),
        seconds=60,
        what="a run waits for approval",
    )


def release_the_run(stack: Stack, sandbox: Sandbox) -> None:
    sandbox.post("faults")
    run = stack.value("SELECT id FROM ingest_run WHERE state = 'in_review'")
    stack.manage("cancel_run", str(run), "--reason", "planted")


def freeze(*names: str) -> Act:
    def do(stack: Stack, _sandbox: Sandbox) -> None:
        for name in names:
            stack.send(name, signal.SIGSTOP)

    return do


def thaw(*names: str) -> Act:
    def do(stack: Stack, _sandbox: Sandbox) -> None:
        for name in names:
            stack.send(name, signal.SIGCONT)

    return do


#: A port that nobody listens at: what is sent there is refused.
CLOSED_PORT = "9"


def send_mail_in_vain(stack: Stack, _sandbox: Sandbox) -> None:
    assert stack.manage("test_alert", "--channel", "email").returncode != 0


def take_down_a_channel(stack: Stack, _sandbox: Sandbox) -> None:
    made = stack.manage(
        "shell",
        "-c",
        "from diamondhub.alerts import configuring; from diamondhub.alerts.models import Channel; "
        f"configuring.save(Channel(name='duty', kind='webhook'), url='http://127.0.0.1:{CLOSED_PORT}/alerts')",
    )
    assert made.returncode == 0, made.stderr
    assert stack.manage("test_alert", "--channel", "duty").returncode != 0


def switch_the_channel_off(stack: Stack, _sandbox: Sandbox) -> None:
    stack.rows("UPDATE alerts_channel SET active = false WHERE name = 'duty'")


def break_the_repricing(stack: Stack, _sandbox: Sandbox) -> None:
    stack.rows("ALTER TABLE pricing_repricingbatch ADD CONSTRAINT planted CHECK (state <> 'completed') NOT VALID")
    stack.manage("reprice", "--cause", "planted")


def mend_the_repricing(stack: Stack, _sandbox: Sandbox) -> None:
    stack.rows("ALTER TABLE pricing_repricingbatch DROP CONSTRAINT planted")


FAULTS = (
    Fault(
        "no e-mail leaves",
        send_mail_in_vain,
        "A channel of alerts fails",
        "The channel email fails",
        nothing,
        "email",
        "email",
    ),
    Fault(
        "a channel is down",
        take_down_a_channel,
        "A channel of alerts fails",
        "The channel duty fails",
        switch_the_channel_off,
        "duty",
        "duty",
    ),
    Fault(
        "a repricing does not get on",
        break_the_repricing,
        "A repricing",
        "does not get on",
        mend_the_repricing,
        "repricing",
    ),
    Fault(
        "the supplier answers 503 only",
        fail_the_supplier,
        "The supplier fails",
        "of our last",
        mend_the_supplier,
        "503",
    ),
    Fault(
        "a worker is killed many times",
        kill_a_worker_many_times,
        "A worker is restarted again and again",
        "worker-cpu",
        nothing,
        "worker-cpu",
    ),
    Fault(
        "a feed is three days old", age_a_feed, "A feed is too old", "nivoda-labgrown", renew_a_feed, "nivoda-labgrown"
    ),
    Fault(
        "letters are over budget",
        hold_a_run,
        "Too many stones could not be processed",
        "nivoda-labgrown",
        release_the_run,
        "nivoda-labgrown",
    ),
    Fault(
        "a run waits for a person",
        hold_a_run,
        "A run waits for a person",
        "nivoda-labgrown",
        release_the_run,
        "nivoda-labgrown",
    ),
    Fault(
        "the index's builder hangs",
        freeze("index"),
        "A worker is gone",
        "index on",
        thaw("index"),
        "index",
    ),
    Fault(
        "beat and workers are dead",
        freeze("beat", "worker-io", "worker-cpu"),
        "Nobody listens to a queue",
        "Nothing goes on by itself",
        thaw("beat", "worker-io", "worker-cpu"),
        "worker-io",
    ),
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    supplier = Sandbox(2_000)
    yield supplier
    supplier.stop()


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox) -> Iterator[Stack]:
    running = Stack(
        ROOT / "var" / "test" / "stacks" / f"{os.getpid()}-planted-faults",
        sandbox,
        RETRY_CAP_SECONDS="1",
        PARTITION_ERROR_BUDGET="50",
        ALERT_CHANNELS="log,email",
        ALERT_EMAILS="duty@example.com",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=CLOSED_PORT,
        WEBHOOK_HOSTS="127.0.0.1",
    )
    made = running.manage(
        *("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.com"),
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )
    assert made.returncode == 0, made.stderr
    # The feeds are as old as the database from which this one was copied.
    running.rows("UPDATE ingest_feed SET watermark = now()")
    yield running
    running.stop()


def _shows_the_queues(page: Any) -> bool:
    """Whether the start page is there; loads it anew if something else is, as a person would, and prints what was."""
    from playwright.sync_api import TimeoutError as NotThere

    try:
        page.get_by_role("heading", name="Queues").wait_for(timeout=PATIENCE * 10_000)
    except NotThere:
        print(f"{page.url}: {page.locator('body').inner_text()[:2_000]}")
        page.goto(page.url)
        return False
    return True


@pytest.fixture(scope="module")
def home(chromium: str, stack: Stack) -> Iterator[Any]:
    """The start page in a browser, which stays open and is never loaded anew but by the tests that click."""
    from playwright.sync_api import sync_playwright

    url = stack.url()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=BROWSER_LAUNCH_MS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(BROWSER_STEP_MS)
        page.goto(f"{url}/admin/")
        page.get_by_label("Username").fill("root")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        until(partial(_shows_the_queues, page), seconds=90, what="the start page shows the queues")
        yield page
        browser.close()


#: Seconds until each fault was on the page, in the order in which they were planted.
measured: dict[str, float] = {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_on_the_start_page_and_one_click_leads_to_its_cause(
    fault: Fault, stack: Stack, sandbox: Sandbox, home: Any
) -> None:
    fault.plant(stack, sandbox)
    began = time.monotonic()
    try:
        entry = home.locator(".dh-problem", has_text=fault.title).filter(has_text=fault.entry).first
        entry.wait_for(timeout=PATIENCE * WITHIN * 1_000)
        home.locator(".dh-needs", has_text=fault.words).wait_for(timeout=PATIENCE * WITHIN * 1_000)
        measured[fault.name] = time.monotonic() - began
        if SHOTS:
            home.screenshot(path=str(Path(SHOTS) / f"{fault.name.replace(' ', '-')}.png"), full_page=True)

        with home.expect_navigation():
            entry.get_by_role("link", name=fault.title).click()

        assert fault.cause in home.locator("main, #main, body").first.inner_text()
    finally:
        fault.mend(stack, sandbox)
        home.goto(f"{stack.url()}/admin/")


def test_what_was_mended_needs_nobody_any_more(stack: Stack, home: Any) -> None:
    for title in ("A feed is too old", "A worker is gone", "Nobody listens to a queue"):
        home.locator(".dh-problem", has_text=title).first.wait_for(state="detached", timeout=PATIENCE * 60_000)

    assert stack.value("SELECT count(*) FROM operations_worker WHERE ended_at IS NULL") >= 4


def test_the_table_of_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\nseconds until a planted fault was on the start page")
        for name, seconds in measured.items():
            print(f"{seconds:8.1f}  {name}")

    assert len(measured) == len(FAULTS)
