"""The console in a real browser, with two clients on a real server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browsers import PHONE
from tests.console.page import Console, Open
from tests.console.programs import run
from tests.server.running import Running, serving

pytestmark = [pytest.mark.browser, pytest.mark.e2e]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("market"), "tests.console.market:app") as running:
        yield running


def test_a_bad_payload_is_told_at_its_field_and_a_good_one_reaches_the_other_client(console: Console) -> None:
    console.a.fill("amount", "lots")
    console.a.fill("name", "ab")
    console.a.press("Request")
    amount = console.a.region.get_by_label("amount", exact=True)
    expect(amount).to_have_attribute("aria-invalid", "true")
    expect(console.a.problem("valid integer")).to_be_visible()
    expect(console.a.problem("at least 3 characters")).to_be_visible()
    expect(console.a.region.get_by_label("name", exact=True)).to_be_focused()
    expect(console.a.results.first).to_contain_text("invalid_payload")

    console.a.fill("amount", "900")
    console.a.fill("name", "teapot")
    expect(amount).not_to_have_attribute("aria-invalid", "true")
    console.a.press("Request")
    expect(console.a.results.first).to_contain_text(re.compile(r"offer.*answer, [\d.]+ ms.*900", re.DOTALL))
    received = console.frame(re.compile(r"B.*↓.*offered"))
    expect(received).to_contain_text('{"name":"teapot","amount":900')
    received.get_by_text("offered").click()
    expect(received.locator("pre")).to_contain_text('"teapot"')


def test_problems_within_lists_maps_and_unions_are_told_where_they_are(console: Console) -> None:
    region = console.a.region
    for name in ("tags", "sizes", "beast"):
        region.locator(".composer .row", has_text=name).locator("input[type=checkbox]").check()
    region.get_by_role("button", name="Add to sizes").click()
    region.get_by_label("A name in sizes").fill("height")
    region.get_by_label("a value of sizes").fill("tall")
    region.get_by_label("fins", exact=True).fill("-1")
    console.a.press("Request")
    expect(region.locator(".pair .problems")).to_contain_text("valid integer")
    fins = region.get_by_role("group", name="beast").locator(".row", has_text="fins")
    expect(fins.locator(".problems li")).to_have_text(["Input should be greater than or equal to 0"])
    expect(region.get_by_role("group", name="beast").locator(".problems li")).to_have_count(1)

    region.get_by_label("a value of sizes").fill("3")
    region.get_by_label("Type of beast").select_option("Bird")
    region.get_by_role("button", name="Add to tags").click()
    region.get_by_label("an item of tags").fill("old")
    console.a.press("Request")
    expect(console.frame(re.compile(r"B.*offered"))).to_contain_text('"tags":["old"],"sizes":{"height":3}')


def test_a_name_that_is_there_twice_is_told(console: Console) -> None:
    region = console.a.region
    sizes = region.get_by_role("group", name="sizes")
    region.locator(".composer .row", has_text="sizes").locator("input[type=checkbox]").check()
    for number, name in enumerate(("height", "width")):
        sizes.get_by_role("button", name="Add to sizes").click()
        sizes.get_by_label("A name in sizes").nth(number).fill(name)
        sizes.get_by_label("a value of sizes").nth(number).fill(str(number))
    expect(sizes.get_by_role("status")).to_be_hidden()
    sizes.get_by_label("A name in sizes").last.fill("height")
    expect(sizes.get_by_role("status")).to_contain_text("the last is sent")
    console.a.press("Request")
    expect(console.frame(re.compile(r"B.*offered"))).to_contain_text('"sizes":{"height":1}')
    sizes.get_by_role("button", name="Remove from sizes").first.click()
    expect(sizes.get_by_role("status")).to_be_hidden()


def test_json_and_form_show_the_same_payload(console: Console) -> None:
    console.a.press("JSON")
    area = console.a.region.get_by_label("Payload, as JSON")
    assert json.loads(area.input_value()) == {"name": "vase", "amount": 2500}
    area.fill('{"name": "vase"')
    console.a.press("Request")
    expect(console.a.region.get_by_role("alert").filter(has_text="This is no JSON")).to_be_visible()
    area.fill('{"name": "lamp", "amount": "much"}')
    console.a.press("Request")
    expect(console.a.region.get_by_role("alert").filter(has_text="amount: Input should be")).to_be_visible()
    area.fill('{"name": "lamp", "amount": 12, "tags": ["x"]}')
    console.a.press("Form")
    expect(console.a.region.get_by_label("amount", exact=True)).to_have_value("12")
    expect(console.a.region.get_by_label("an item of tags")).to_have_value("x")


def test_an_error_of_the_application_shows_its_details(console: Console) -> None:
    console.a.fill("name", "gone")
    console.a.press("Request")
    expect(console.a.results.first).to_contain_text(re.compile(r'sold.*"to": "ada"', re.DOTALL))


def test_a_stream_shows_its_items_and_its_end(console: Console) -> None:
    console.a.event.select_option("count")
    console.a.fill("Payload", "3")
    console.a.press("Stream")
    expect(console.a.results.first).to_contain_text("3 items, ended after")
    expect(console.a.results.first.locator("pre")).to_have_text("0\n1\n2")
    expect(console.frame(re.compile(r"A.*↓.*count.*end"))).to_have_count(1)


def test_a_question_of_the_server_is_answered_or_refused(console: Console) -> None:
    console.a.event.select_option("confirm")
    console.a.press("Request")
    expect(console.a.questions).to_contain_text("really?")
    console.a.questions.get_by_role("button", name="Answer").click()
    expect(console.a.results.first).to_contain_text('"yes"')
    expect(console.a.questions).to_be_empty()
    console.a.press("Request")
    console.a.questions.get_by_role("button", name="Refuse").click()
    expect(console.a.results.first).to_contain_text(re.compile(r"error, "))


def test_a_refusal_is_told_with_what_to_look_at(open_console: Open) -> None:
    console = open_console()
    console.a.fill("token", "guess")
    console.a.press("Connect")
    expect(console.a.alert.first).to_contain_text("The connection ended with 4503 forbidden.")
    expect(console.a.state).to_have_text("closed")
    expect(console.a.region.get_by_role("button", name="Request")).to_be_disabled()
    console.a.fill("token", "open sesame")
    console.a.connect()
    expect(console.a.region.get_by_role("button", name="Request")).to_be_enabled()


def test_parameters_go_with_auth_or_in_the_query(open_console: Open) -> None:
    console = open_console()
    console.a.connect()
    assert "open sesame" not in console.code(console.a, "python").splitlines()[6].partition("auth=")[0]
    console.a.press("Disconnect")
    console.a.region.get_by_label("How the parameters are sent").select_option("query")
    console.a.connect()
    assert "?token=open+sesame" in console.code(console.a, "python")


def test_the_log_is_filtered_by_text_client_direction_and_kind(console: Console) -> None:
    console.a.press("Request")
    expect(console.frame(re.compile("A.*answer"))).to_be_visible()
    rows = console.frames.locator("li:visible")
    expect(rows).to_have_count(3)
    expect(console.frames.locator("li", has_text="$hello")).to_have_count(2)
    console.log.get_by_label("control").check()
    expect(rows).to_have_count(5)
    console.log.get_by_label("control").uncheck()
    console.log.get_by_label("B", exact=True).uncheck()
    expect(rows).to_have_count(2)
    console.log.get_by_role("checkbox", name="received").uncheck()
    expect(rows).to_have_count(1)
    console.log.get_by_label("Filter frames").fill("nowhere")
    expect(rows).to_have_count(0)
    expect(console.log.locator(".count")).to_have_text("0 of 5")
    console.log.get_by_role("button", name="Clear").click()
    expect(console.log.locator(".count")).to_have_text("0")


def test_pausing_the_log_keeps_what_comes(console: Console) -> None:
    console.log.get_by_label("pause").check()
    console.a.press("Request")
    expect(console.a.results.first).to_contain_text("answer")
    expect(console.frame("offer")).to_have_count(0)
    console.log.get_by_label("pause").uncheck()
    expect(console.frame("offer")).to_have_count(3)


def test_events_are_found_described_and_put_into_a_client(console: Console) -> None:
    search = console.events.get_by_label("Find an event")
    search.fill("conf")
    links = console.events.locator("a:visible")
    expect(links).to_have_count(1)
    search.fill("nothing like it")
    expect(console.events).to_contain_text("No event is called so.")
    search.fill("")
    expect(links).to_have_count(5)
    console.events.get_by_role("link", name="offered").click()
    expect(console.reference).to_contain_text("Something is for sale.")
    expect(console.reference).to_contain_text("As in the <b>catalogue</b>.")
    console.events.get_by_role("link", name="count").click()
    console.reference.get_by_role("button", name="Use in client B").click()
    expect(console.b.event).to_have_value("count")
    expect(console.b.state).to_have_text("open")
    console.reference.get_by_role("button", name="Close the reference").click()
    expect(console.reference).to_be_hidden()


def test_a_link_leads_to_an_event(open_console: Open) -> None:
    console = open_console()
    console.events.get_by_role("link", name=re.compile(r"\boffer$")).click()
    console.page.reload()
    expect(console.reference).to_contain_text("Offers it to everybody else.")
    expect(console.reference).to_contain_text("sold")


def test_the_keyboard_is_enough(open_console: Open) -> None:
    console = open_console()
    console.a.region.get_by_label("hall", exact=True).focus()
    console.page.keyboard.press("Enter")
    expect(console.a.state).to_have_text("open")
    console.a.region.get_by_label("amount", exact=True).focus()
    console.page.keyboard.type("1")
    console.page.keyboard.press("Control+Enter")
    expect(console.a.results.first).to_contain_text("answer")


def test_copied_python_and_pytest_run_as_they_are(console: Console, served: Running, tmp_path: Path) -> None:
    console.a.fill("name", 'a "lamp"')
    console.a.press("Request")
    expect(console.a.results.first).to_contain_text("2500")
    typescript = console.code(console.a, "typescript")
    assert 'await socket.request("offer", { name: "a \\"lamp\\"", amount: 2500 });' in typescript
    assert "new MicroSocket<Market>(" in typescript
    python, pytest_ = console.code(console.a, "python"), console.code(console.a, "pytest")
    script, test = tmp_path / "script.py", tmp_path / "test_copied.py"
    script.write_text(python)
    test.write_text(pytest_.replace("from MODULE", "from tests.console.market"))
    assert run("script.py", cwd=tmp_path) == "2500\n"
    assert "1 passed" in run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_copied.py", cwd=tmp_path)


def test_a_pulled_cable_is_seen_and_survived(open_console: Open, tmp_path: Path) -> None:
    with serving(tmp_path, "tests.console.market:app") as running:
        port = running.port
        console = open_console(port)
        console.a.connect()
        running.process.kill()
        running.process.wait()
        expect(console.a.alert.first).to_contain_text("The connection ended with 1006, next attempt in")
        expect(console.a.region.get_by_role("button", name="Request")).to_be_disabled()
        console.a.press("Disconnect")
        expect(console.a.state).to_have_text("closed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_in_light_and_dark(open_console: Open, scheme: str) -> None:
    console = open_console(**PHONE)
    console.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    console.a.connect()
    console.a.press("Request")
    expect(console.a.results.first).to_contain_text("answer")
    assert console.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    background = console.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 29)"}[scheme]
