"""Chromium, as the tests drive it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, sync_playwright

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
MILLISECONDS = 10_000
"""How long the page may take for anything; only a failure takes as long."""
PHONE = {"width": 390, "height": 780}


@contextlib.contextmanager
def chromium() -> Generator[Browser, None, None]:
    """A browser that is gone when the block is left."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.fail("these tests drive Chromium; install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        yield browser
        browser.close()
