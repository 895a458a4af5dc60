"""`examples/cluster`: two browsers talk while one of three workers is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browsers import MILLISECONDS, chromium
from tests.e2e.servers import ROOT, free_port
from tests.e2e.test_browser import Tab

pytestmark = [pytest.mark.browser, pytest.mark.brokers, pytest.mark.e2e]

SECONDS = 30.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


class Example:
    """The running example, by what it prints."""

    def __init__(self, port: int, log: Path, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def worker_of_last_chat(self) -> str:
        """Which worker got the last WebSocket."""
        found: list[str] = re.findall(r"^GET /chat HTTP/1.1 -> (worker \d)$", self.log, re.MULTILINE)
        return found[-1]

    def pid(self, name: str) -> int:
        found = re.search(rf"^{name}: process (\d+)$", self.log, re.MULTILINE)
        assert found is not None, self.log
        return int(found[1])


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Example]:
    port, log = free_port(), tmp_path / "log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MICROSOCKETS_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "examples.cluster", "--port", str(port)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    running = Example(port, log, process)
    try:
        running.until(lambda: "open http://" in running.log)
        yield running
    finally:
        process.terminate()
        process.wait(SECONDS)
    for name in ("broker", "worker 1", "worker 2", "worker 3"):
        assert not Path(f"/proc/{running.pid(name)}").exists(), f"{name} was left behind"


def test_two_browsers_talk_while_a_worker_is_killed(example: Example, browser: Browser, room: str) -> None:
    expect.set_options(timeout=MILLISECONDS)
    tabs: list[Tab] = []
    workers: list[str] = []
    for name in ("Ada", "Bob"):
        context = browser.new_context(locale="en-GB")
        context.set_default_timeout(MILLISECONDS)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{example.port}/")
        tabs.append(Tab(page).join(name, room))
        workers.append(example.worker_of_last_chat())
    ada, bob = tabs
    ada.sees_members("Ada", "Bob")
    ada.say("can you hear me?")
    expect(bob.message("can you hear me?")).to_be_visible()

    os.kill(example.pid(workers[1]), signal.SIGKILL)
    moved = [tab for tab, worker in zip(tabs, workers, strict=True) if worker == workers[1]]
    for tab in moved:
        expect(tab.message("You are back")).to_be_visible(timeout=15_000)
    for tab in tabs:
        expect(tab.connection).to_have_text("Connected")
        expect(tab.members).to_have_count(2, timeout=15_000)
    assert example.worker_of_last_chat() != workers[1]
    # Who moves from one process to another has not left, unless this machine is too busy to move within the lease.
    left = ada.message("Bob left").count()
    assert left <= 1
    expect(ada.message("Bob joined")).to_have_count(left + 1)

    bob.say("still here")
    expect(ada.message("still here")).to_be_visible()
    ada.say("so am I")
    expect(bob.message("so am I")).to_be_visible()
    for tab in tabs:
        tab.page.context.close()
