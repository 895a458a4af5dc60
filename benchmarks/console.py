"""How the console feels with 500 events and 300 models: how long a person waits for what they do to be seen."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from typing import Any

import click
from playwright.sync_api import Page, sync_playwright

from .server import ROOT, Server

_APP = "benchmarks.large:app"
_RUN = (sys.executable, "-m", "microsockets")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_UNTIL_SEEN = """async (act) => {
    const from = performance.now();
    act();
    await new Promise((seen) => requestAnimationFrame(() => setTimeout(seen)));
    return performance.now() - from;
}"""
_ACTIONS = {
    "finding an event": """() => {
        const search = document.querySelector(".catalogue input");
        search.value = search.value ? "" : "event_1";
        search.dispatchEvent(new Event("input"));
    }""",
    "reading about another one": """() => {
        const links = [...document.querySelectorAll(".catalogue a")];
        links[Math.floor(Math.random() * links.length)].click();
    }""",
    "writing a payload for another one": """() => {
        const select = document.querySelector(".composer select");
        select.selectedIndex = (select.selectedIndex + 7) % select.options.length;
        select.dispatchEvent(new Event("change"));
    }""",
    "going to another namespace": """() => {
        const select = document.querySelector(".panel select");
        select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
        select.dispatchEvent(new Event("change"));
    }""",
}


def measure(rounds: int) -> dict[str, float]:
    """Milliseconds by what is done, medians: the whole export on the command line, the page until it can be used, and
    what a person does there until it is seen."""
    times = {"microsockets schema": statistics.median(_export() for _ in range(rounds))}
    with Server("the large application", lambda port: [*_RUN, "run", _APP, "--port", str(port)]) as server:
        return times | measure_page(f"http://127.0.0.1:{server.port}/docs", rounds)


def _export() -> float:
    started = time.perf_counter()
    subprocess.run([*_RUN, "schema", _APP], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - started) * 1000


def measure_page(url: str, rounds: int) -> dict[str, float]:
    """What of it happens in the browser."""
    executable = shutil.which("chromium")
    if executable is None:
        raise click.ClickException("this drives Chromium; install it (Debian: apt-get install chromium)")
    found: dict[str, list[float]] = {"opening the page": [], **{name: [] for name in _ACTIONS}}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        for _ in range(rounds):
            page = browser.new_page()
            _open(page, url)
            found["opening the page"].append(page.evaluate("performance.now()"))
            for name, action in _ACTIONS.items():
                found[name].append(page.evaluate(f"({_UNTIL_SEEN})({action})"))
            page.close()
        browser.close()
    return {name: statistics.median(times) for name, times in found.items()}


def _open(page: Page, url: str) -> Any:
    page.goto(url)
    return page.wait_for_selector(".composer")
