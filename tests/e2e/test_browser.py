"""The chat's page in a real browser, under each server."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, WebSocketRoute, expect

from tests.browsers import MILLISECONDS, PHONE, chromium
from tests.e2e.cable import Cable
from tests.e2e.servers import ROOT, Server, free_port, serve

pytestmark = [pytest.mark.browser, pytest.mark.e2e]

OpenTab = Callable[..., "Tab"]


class Tab:
    """A tab with the chat, by what a person sees in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.user = page.get_by_label("Your name")
        self.room = page.get_by_label("Room", exact=True)
        self.join_button = page.get_by_role("button", name="Join", exact=True)
        self.text = page.get_by_label("Message", exact=True)
        self.send_button = page.get_by_role("button", name="Send")
        self.log = page.get_by_role("log", name="Messages")
        self.members = page.get_by_role("complementary", name="Who is here").get_by_role("listitem")
        self.connection = page.get_by_role("status")
        self.alert = page.get_by_role("alert")

    def ask_to_join(self, user: str, room: str) -> None:
        self.user.fill(user)
        self.room.fill(room)
        self.join_button.click()

    def join(self, user: str, room: str) -> Tab:
        self.ask_to_join(user, room)
        expect(self.page.get_by_role("heading", name=f"Room {room}")).to_be_visible()
        expect(self.connection).to_have_text("Connected")
        return self

    def say(self, text: str) -> None:
        self.text.fill(text)
        self.send_button.click()

    def message(self, text: str) -> Locator:
        return self.log.get_by_role("listitem").filter(has_text=text)

    def sees_members(self, *names: str) -> None:
        expect(self.members.locator("bdi")).to_have_text(list(names))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Of module scope: while it lives, this thread has a running event loop, which asynchronous tests would trip over.
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What `scripts/demo` runs: most of the page is the same under all servers."""
    with serve("microsockets", tmp_path_factory.mktemp("server") / "server.log") as running:
        yield running
        assert "Traceback" not in running.read_log()


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts, which share nothing with each other."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(locale="en-GB", **options)
        context.set_default_timeout(MILLISECONDS)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser complained about; must stay empty."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def open_tab(new_context: Callable[..., BrowserContext], complaints: list[str]) -> OpenTab:
    """Opens the chat in a tab of its own, by default in one common window."""
    common: list[BrowserContext] = []

    def open_tab(server: Server, context: BrowserContext | None = None) -> Tab:
        if context is None:
            if not common:
                common.append(new_context())
            context = common[0]
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(server.page_url)
        return Tab(page)

    return open_tab


@pytest.fixture(autouse=True)
def expect_timeout() -> None:
    expect.set_options(timeout=MILLISECONDS)


def test_two_tabs_chat(every_server: Server, room: str, open_tab: OpenTab, tmp_path: Path) -> None:
    ada = open_tab(every_server).join("Ada", room)
    ada.sees_members("Ada")
    expect(ada.message("You are the first one here")).to_be_visible()
    bob = open_tab(every_server).join("Bob", room)
    bob.sees_members("Ada", "Bob")
    ada.sees_members("Ada", "Bob")
    expect(ada.message("Bob joined")).to_be_visible()

    ada.say("hello from the first tab")
    expect(bob.message("hello from the first tab")).to_contain_text("Ada")
    bob.say("hello from the second tab")
    expect(ada.message("hello from the second tab")).to_contain_text("Bob")
    for tab, own, other in ((ada, "first", "second"), (bob, "second", "first")):
        expect(tab.message(f"hello from the {own} tab")).to_have_class("message own")
        expect(tab.message(f"hello from the {other} tab")).to_have_class("message")
        expect(tab.log.get_by_role("time")).to_have_count(2)

    bob.text.press_sequentially("hm")
    expect(ada.page.get_by_text("Bob is typing")).to_be_visible()
    bob.page.screenshot(path=tmp_path / "typing-own.png")
    ada.page.screenshot(path=tmp_path / "two-tabs.png")
    bob.text.press("Enter")
    expect(ada.message("hm")).to_be_visible()
    expect(ada.page.get_by_text("Bob is typing")).to_be_hidden()

    bob.page.close()
    ada.sees_members("Ada")
    expect(ada.message("Bob left")).to_be_visible()
    ada.page.screenshot(path=tmp_path / "alone.png")


def test_the_typing_notice_goes_away_by_itself(server: Server, room: str, open_tab: OpenTab) -> None:
    ada = open_tab(server)
    ada.page.clock.install()
    ada.join("Ada", room)
    bob = open_tab(server).join("Bob", room)
    bob.text.press_sequentially("hm")
    expect(ada.page.get_by_text("Bob is typing")).to_be_visible()
    ada.page.clock.run_for(5_000)
    expect(ada.page.get_by_text("Bob is typing")).to_be_hidden()


def test_a_name_that_is_taken_is_shown(server: Server, room: str, open_tab: OpenTab, tmp_path: Path) -> None:
    ada = open_tab(server).join("Ada", room)
    other = open_tab(server)
    other.ask_to_join("Ada", room)
    expect(other.alert.filter(has_text="Somebody in this room has that name already.")).to_be_visible()
    expect(other.user).to_be_focused()
    expect(other.user).to_have_attribute("aria-invalid", "true")
    other.page.screenshot(path=tmp_path / "name-taken.png")
    other.join("Grace", room)
    ada.sees_members("Ada", "Grace")


def test_an_error_is_shown_and_the_message_can_be_sent_again(
    server: Server, room: str, open_tab: OpenTab, tmp_path: Path
) -> None:
    ada = open_tab(server).join("Ada", room)
    failed = ada.page.get_by_role("button", name="Not sent. Try again")
    for number in range(100):
        ada.say(f"message {number}")
        if failed.count():
            break
    expect(ada.alert.filter(has_text="Too many events")).to_be_visible()
    ada.page.screenshot(path=tmp_path / "error.png")
    ada.page.get_by_role("button", name="Dismiss").click()
    expect(ada.alert.filter(has_text="Too many events")).to_have_count(0)
    deadline = time.monotonic() + MILLISECONDS / 1000
    while failed.count():
        assert time.monotonic() < deadline, "the server went on refusing"
        failed.first.click()
        expect(ada.log.locator(".pending")).to_have_count(0)


def test_what_others_write_stays_text(server: Server, room: str, open_tab: OpenTab) -> None:
    ada = open_tab(server).join("Ada", room)
    mallory = open_tab(server).join("<b>Mallory</b>", room)
    mallory.say('<img src="x" onerror="document.title=1"><script>document.title = 2</script>')
    expect(ada.message('<img src="x" onerror=')).to_contain_text("<b>Mallory</b>")
    expect(ada.log.locator("img, script, b")).to_have_count(0)
    ada.sees_members("Ada", "<b>Mallory</b>")
    expect(ada.page).to_have_title(room)


def test_the_keyboard_is_enough(server: Server, room: str, open_tab: OpenTab) -> None:
    tab = open_tab(server)
    keyboard = tab.page.keyboard
    expect(tab.user).to_be_focused()
    keyboard.type("Ada")
    keyboard.press("Tab")
    keyboard.press("ControlOrMeta+A")
    keyboard.type(room)
    keyboard.press("Enter")
    expect(tab.text).to_be_focused()
    keyboard.type("one line")
    keyboard.press("Shift+Enter")
    keyboard.type("and another")
    keyboard.press("Enter")
    expect(tab.message("one line")).to_contain_text("and another")
    expect(tab.text).to_have_value("")
    expect(tab.text).to_be_focused()
    for _ in range(2):
        keyboard.press("Shift+Tab")
    expect(tab.page.get_by_role("button", name="Leave")).to_be_focused()
    keyboard.press("Enter")
    expect(tab.room).to_be_focused()
    expect(tab.user).to_have_value("Ada")


def test_leaving_is_seen_by_the_others(server: Server, room: str, open_tab: OpenTab) -> None:
    ada = open_tab(server).join("Ada", room)
    bob = open_tab(server).join("Bob", room)
    ada.sees_members("Ada", "Bob")
    bob.page.get_by_role("button", name="Leave").click()
    ada.sees_members("Ada")
    bob.join("Bob", room)
    ada.sees_members("Ada", "Bob")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(
    server: Server,
    room: str,
    scheme: str,
    open_tab: OpenTab,
    new_context: Callable[..., BrowserContext],
    tmp_path: Path,
) -> None:
    phone = new_context(viewport=PHONE, has_touch=True, is_mobile=True, color_scheme=scheme)
    ada = open_tab(server, phone)
    ada.page.screenshot(path=tmp_path / f"phone-{scheme}-join.png")
    ada.join("Ada", room)
    bob = open_tab(server).join("Bob", room)
    bob.say("wide " + "w" * 200)
    expect(ada.message("wide")).to_be_visible()
    expect(ada.members.first).to_be_hidden()
    ada.page.get_by_role("button", name="2 here").tap()
    ada.sees_members("Ada", "Bob")
    expect(ada.members.first).to_be_visible()
    ada.page.screenshot(path=tmp_path / f"phone-{scheme}-people.png")
    ada.log.tap()
    expect(ada.members.first).to_be_hidden()
    ada.page.screenshot(path=tmp_path / f"phone-{scheme}.png")
    assert ada.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    for control in (ada.text, ada.send_button):
        box = control.bounding_box()
        assert box is not None
        assert box["height"] >= 40
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        assert box["y"] + box["height"] <= PHONE["height"]


def test_it_comes_back_after_a_restart_of_the_server(
    kind: str, log: Path, room: str, open_tab: OpenTab, complaints: list[str], tmp_path: Path
) -> None:
    port = free_port()
    with serve(kind, log, port) as server:
        ada = open_tab(server).join("Ada", room)
        bob = open_tab(server).join("Bob", room)
        ada.say("before")
        expect(bob.message("before")).to_be_visible()
    expect(ada.connection).to_have_text("Reconnecting…")
    expect(ada.send_button).to_be_disabled()
    ada.page.screenshot(path=tmp_path / "reconnecting.png")
    with serve(kind, log, port):
        for tab in (ada, bob):
            expect(tab.connection).to_have_text("Connected")
            expect(tab.message("You are back")).to_be_visible()
            expect(tab.members).to_have_count(2)
        ada.say("after")
        expect(bob.message("after")).to_be_visible()
        expect(bob.message("before")).to_be_visible()
        for tab in (ada, bob):
            tab.page.close()
    # The browser itself reports each try that failed.
    complaints[:] = [each for each in complaints if "WebSocket connection to" not in each]


class Middleman:
    """Stands between the page and the server, so that a test can speak as the server."""

    def __init__(self, page: Page, server: Server) -> None:
        self.connections: list[WebSocketRoute] = []
        page.route_web_socket(server.chat_url, self._connected)

    def _connected(self, route: WebSocketRoute) -> None:
        route.connect_to_server()
        self.connections.append(route)

    def say(self, event: str, payload: Any) -> None:
        self.connections[-1].send(json.dumps({"event": event, "payload": payload}))


def test_an_error_that_no_request_asked_about_is_shown(server: Server, room: str, open_tab: OpenTab) -> None:
    ada = open_tab(server)
    middleman = Middleman(ada.page, server)
    ada.join("Ada", room)
    middleman.say("$error", {"code": "overloaded", "message": "Too many events are waiting"})
    expect(ada.alert.filter(has_text="Too many events are waiting")).to_be_visible()
    ada.page.keyboard.press("Escape")
    expect(ada.alert.filter(has_text="Too many events are waiting")).to_have_count(0)


def test_it_moves_when_the_server_drains(server: Server, room: str, open_tab: OpenTab) -> None:
    ada = open_tab(server)
    middleman = Middleman(ada.page, server)
    ada.join("Ada", room)
    middleman.say("$drain", {"after_ms": 50})
    expect(ada.message("You are back")).to_be_visible()
    assert len(middleman.connections) == 2
    ada.sees_members("Ada")


@pytest.mark.parametrize("code", [1000, 4503])
def test_a_final_close_is_not_retried(server: Server, room: str, code: int, open_tab: OpenTab) -> None:
    ada = open_tab(server)
    middleman = Middleman(ada.page, server)
    ada.join("Ada", room)
    ada.page.clock.install()
    middleman.connections[-1].close(code=code)
    expect(ada.connection).to_have_text("Disconnected")
    ada.page.clock.run_for(60_000)
    expect(ada.connection).to_have_text("Disconnected")
    assert len(middleman.connections) == 1


def _is_ping(data: str | bytes) -> bool:
    frame: dict[str, Any] = json.loads(data)
    return frame["event"] == "$ping" and "id" in frame


def test_it_pings_after_silence(server: Server, room: str, open_tab: OpenTab) -> None:
    ada = open_tab(server)
    ada.page.clock.install()
    with ada.page.expect_websocket() as opening:
        ada.join("Ada", room)
    sent: list[str | bytes] = []
    opening.value.on("framesent", lambda data: sent.append(data))
    ada.page.clock.run_for(14_000)
    assert sent == []
    with (
        opening.value.expect_event("framereceived", lambda data: "ack" in json.loads(data)),
        opening.value.expect_event("framesent", _is_ping),
    ):
        ada.page.clock.run_for(2_000)
    ada.page.clock.run_for(11_000)
    expect(ada.connection).to_have_text("Connected")
    expect(ada.message("You are back")).to_have_count(0)


def test_it_gives_a_dead_connection_up(server: Server, room: str, open_tab: OpenTab) -> None:
    ada = open_tab(server)
    ada.page.clock.install()
    middleman = Middleman(ada.page, server)
    ada.join("Ada", room)
    middleman.connections[-1].on_message(lambda data: None)
    ada.page.clock.run_for(26_000)
    expect(ada.message("You are back")).to_be_visible()
    assert len(middleman.connections) == 2


@pytest.fixture
def cable(server: Server) -> Iterator[Cable]:
    cable = Cable(server.port)
    yield cable
    cable.remove()


def through(cable: Cable, server: Server) -> Server:
    """The server as it is seen at the other end of a cable."""
    return dataclasses.replace(server, port=cable.port)


def test_it_comes_back_as_soon_as_the_network_does(
    server: Server,
    room: str,
    cable: Cable,
    open_tab: OpenTab,
    new_context: Callable[..., BrowserContext],
    complaints: list[str],
) -> None:
    context = new_context()
    ada = open_tab(through(cable, server), context).join("Ada", room)
    bob = open_tab(server).join("Bob", room)
    # Before there is a timer to wait for: one of the real clock could not be cleared any more.
    ada.page.clock.install()
    # Then the client would wait for as long as it ever does.
    ada.page.evaluate("Math.random = () => 0.999")
    context.set_offline(True)
    cable.cut()
    expect(ada.connection).to_have_text("Reconnecting…")
    bob.sees_members("Bob")
    bob.say("while you were away")
    ada.page.clock.run_for(120_000)
    expect(ada.connection).to_have_text("Reconnecting…")
    cable.mend()
    context.set_offline(False)
    ada.page.clock.run_for(250)
    expect(ada.connection).to_have_text("Connected")
    expect(ada.message("You are back")).to_be_visible()
    ada.say("back again")
    expect(bob.message("back again")).to_be_visible()
    complaints[:] = [each for each in complaints if "WebSocket connection to" not in each]


def test_a_page_that_was_frozen_notices_that_its_link_died(
    server: Server,
    room: str,
    cable: Cable,
    browser: Browser,
    open_tab: OpenTab,
    new_context: Callable[..., BrowserContext],
) -> None:
    context = new_context()
    ada = open_tab(through(cable, server), context).join("Ada", room)
    devtools: Any = browser.new_browser_cdp_session()
    processes: list[dict[str, Any]] = devtools.send("SystemInfo.getProcessInfo")["processInfo"]
    renderers: list[int] = [process["id"] for process in processes if process["type"] == "renderer"]
    # A machine that sleeps runs nothing of the page; Chromium's own freezing spares pages that are looked at.
    for renderer in renderers:
        os.kill(renderer, signal.SIGSTOP)
    cable.kill()
    for renderer in renderers:
        os.kill(renderer, signal.SIGCONT)
    began = time.monotonic()
    ada.page.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
    # The server has not noticed yet, and knows the tab.
    expect(ada.message("You are back")).to_be_visible()
    assert time.monotonic() - began < 8
    ada.sees_members("Ada")
    cable.bury()
    ada.say("still here")
    expect(ada.message("still here")).to_have_class("message own")


def test_the_client_works_from_a_script_tag(
    server: Server, room: str, new_context: Callable[..., BrowserContext], complaints: list[str]
) -> None:
    page = new_context(bypass_csp=True).new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server.page_url)
    page.add_script_tag(path=ROOT / "client" / "dist" / "microsockets.min.js")
    members = page.evaluate(
        """async (room) => {
            const socket = MicroSocket("/chat");
            const members = await socket.request("join", { user: "Ada", room });
            const error = await socket.request("join", {}).catch((error) => error);
            socket.close();
            return [...members, error instanceof MicroSocket.MicroSocketError, error.code];
        }""",
        room,
    )
    assert members == ["Ada", True, "invalid_payload"]
