"""The console, by what a person sees of it."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

Open = Callable[..., "Console"]


class Console:
    """The page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.a = Client(page.get_by_role("region", name="Client A"))
        self.b = Client(page.get_by_role("region", name="Client B"))
        self.events = page.get_by_role("navigation", name="Events")
        self.reference = page.get_by_role("region", name="Reference")
        self.frames = page.get_by_role("list", name="Frames")
        self.log = page.get_by_role("region", name="Frames")

    def frame(self, text: str | re.Pattern[str]) -> Locator:
        return self.frames.get_by_role("listitem").filter(has_text=text)

    def code(self, client: Client, language: str) -> str:
        """What is copied as a language."""
        client.region.get_by_label("Copy as").select_option(language)
        dialog = self.page.get_by_role("dialog", name="Code")
        expect(dialog).to_be_visible()
        text = dialog.locator("pre").inner_text()
        dialog.get_by_role("button", name="Close").click()
        return text


class Client:
    """One of the two."""

    def __init__(self, region: Locator) -> None:
        self.region = region
        self.state = region.get_by_role("status")
        self.results = region.get_by_role("log", name="Answers").get_by_role("listitem")
        self.questions = region.get_by_role("log", name="Questions")
        self.alert = region.get_by_role("alert")
        self.event = region.get_by_label("Event", exact=True)

    def connect(self) -> None:
        self.region.get_by_role("button", name="Connect").click()
        expect(self.state).to_have_text("open")

    def press(self, name: str) -> None:
        self.region.get_by_role("button", name=name, exact=True).click()

    def fill(self, label: str, text: str) -> None:
        self.region.get_by_label(label, exact=True).fill(text)

    def problem(self, text: str) -> Locator:
        return self.region.locator(".composer .problems li").filter(has_text=text)

    def problems(self) -> list[list[str]]:
        """Each that is shown at the form, behind the name of what it is shown at."""
        shown: list[list[str]] = self.region.locator(".composer .problems li").evaluate_all(
            """(found) => found.map((each) => {
                const list = each.parentElement;
                const at = document.querySelector(`[aria-describedby="${list.id}"]`) ?? list.closest("[role=group]");
                return [at.getAttribute("aria-label"), each.textContent];
            })"""
        )
        return shown
