"""The console in a real browser, on a real server: each module's `served`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browsers import MILLISECONDS, chromium
from tests.console.page import Console, Open
from tests.server.running import Running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def open_console(browser: Browser, served: Running) -> Iterator[Open]:
    """Opens the console. What the browser complains about fails the test."""
    complaints: list[str] = []
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(MILLISECONDS)
    expect.set_options(timeout=MILLISECONDS)

    def open_console(port: int | None = None, **size: int) -> Console:
        page = context.new_page()
        if size:
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: _is_ours(request.url, complaints))
        page.goto(f"http://127.0.0.1:{port or served.port}/docs")
        return Console(page)

    yield open_console
    context.close()
    assert complaints == []


def _is_ours(url: str, complaints: list[str]) -> None:
    if not re.match(r"(http|ws)://127\.0\.0\.1:|data:", url):
        complaints.append(f"loads {url}")


@pytest.fixture
def console(open_console: Open) -> Console:
    """With both clients connected."""
    opened = open_console()
    for client in (opened.a, opened.b):
        client.connect()
    return opened
