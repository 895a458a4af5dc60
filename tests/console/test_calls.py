"""What is sent, what is shown of it, and what is copied of it, where that is not obvious."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.console.page import Client, Console, Open
from tests.console.programs import run
from tests.server.running import Running, serving

pytestmark = [pytest.mark.browser, pytest.mark.e2e]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("bazaar"), "tests.console.bazaar:app") as running:
        yield running


def answer(client: Client, event: str, payload: str, text: str) -> None:
    client.event.select_option(event)
    client.fill("Payload", payload)
    client.press("Request")
    expect(client.results.first.locator("pre")).to_have_text(text)


def test_a_copied_test_expects_what_came_back_to_that_payload(console: Console) -> None:
    answer(console.a, "double", "4", "8")
    assert 'assert await peer.request("double", 4) == 8' in console.code(console.a, "pytest")
    console.a.fill("Payload", "5")
    assert 'await peer.request("double", 5)\n' in console.code(console.a, "pytest")
    assert "assert" not in console.code(console.a, "pytest")
    console.a.fill("Payload", "four")
    console.a.press("Request")
    expect(console.a.results.first).to_contain_text("invalid_payload")
    assert 'code == "invalid_payload"' in console.code(console.a, "pytest")
    console.a.fill("Payload", "4")
    assert 'assert await peer.request("double", 4) == 8' in console.code(console.a, "pytest")


def test_a_copied_test_expects_no_error_that_only_the_page_made(console: Console) -> None:
    console.a.event.select_option("wait")
    console.a.fill("n", "1")
    for end, code in (("Stop", "cancelled"), ("Disconnect", "disconnected")):
        console.a.press("Request")
        console.a.press(end)
        expect(console.a.results.first).to_contain_text(code)
        assert "raises" not in console.code(console.a, "pytest")


def test_what_is_copied_goes_where_the_parameters_say_now(console: Console) -> None:
    answer(console.a, "where", "here", '"here at the first"')
    console.a.press("Disconnect")
    console.a.fill("stall", "second")
    assert '/bazaar/second"' in console.code(console.a, "python")
    copied = console.code(console.a, "pytest")
    assert 'client.connect("/bazaar/second")' in copied
    assert "at the first" not in copied
    console.a.connect()
    answer(console.a, "where", "here", '"here at the second"')
    assert '== "here at the second"' in console.code(console.a, "pytest")
    console.a.region.get_by_text("Parameters").click()
    console.a.fill("stall", "third")
    assert "at the second" not in console.code(console.a, "pytest")


def test_copied_typescript_names_what_the_generated_file_exports(open_console: Open) -> None:
    console = open_console()
    copied = console.code(console.a, "typescript")
    named = re.search(r"import type { (\w+) } from", copied)
    assert named is not None
    assert f"new MicroSocket<{named[1]}>(" in copied
    command = [sys.executable, "-m", "microsockets", "client", "tests.console.bazaar:app"]
    generated = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert f"export interface {named[1]} extends Contract" in generated.stdout


def test_problems_are_told_at_the_form_of_the_payload_that_has_them(console: Console) -> None:
    console.a.event.select_option("wait")
    console.a.fill("n", "1")
    console.a.press("Request")
    expect(console.frame(re.compile("A.*wait"))).to_have_count(1)
    # It waits until the one before is answered, and the form is another one by then.
    console.a.fill("n", "many")
    console.a.press("Request")
    console.a.fill("n", "-1")
    console.b.event.select_option("go")
    console.b.press("Request")
    expect(console.a.results.first).to_contain_text("invalid_payload")
    expect(console.a.problem("")).to_have_count(0)

    console.a.fill("n", "1")
    console.a.press("Request")
    expect(console.frame(re.compile("A.*wait.*answer"))).to_have_count(1)
    console.a.fill("n", "many")
    console.a.press("Request")
    console.a.event.select_option("names")
    console.b.press("Request")
    expect(console.a.results.first).to_contain_text("invalid_payload")
    expect(console.a.problem("")).to_have_count(0)


LARGE = "12345678901234567891"


def test_numbers_travel_as_they_are_written_in_either_direction(console: Console, tmp_path: Path) -> None:
    client = console.a
    for number in (LARGE, f"-{LARGE}", "9007199254740993"):
        answer(client, "double", number, str(int(number) * 2))
        expect(console.frame(re.compile("A.*↑.*double")).last).to_contain_text(number)
    for text, sent in (("1.0", "1.0"), ("-0", "-0"), ("1E2", "1E2"), ("007", '"007"'), ("0x10", '"0x10"')):
        client.fill("Payload", text)
        client.press("Request")
        expect(console.frame(re.compile("A.*↑.*double")).last.locator("code")).to_have_text(sent.strip('"'))
        console.frame(re.compile("A.*↑.*double")).last.get_by_text("double").click()
        expect(console.frame(re.compile("A.*↑.*double")).last.locator("pre")).to_contain_text(f'"payload": {sent}')
    client.fill("Payload", LARGE)
    client.press("JSON")
    expect(client.region.get_by_label("Payload, as JSON")).to_have_value(LARGE)
    client.press("Form")
    expect(client.region.get_by_label("Payload", exact=True)).to_have_value(LARGE)
    client.press("Request")
    expect(client.results.first.locator("pre")).to_have_text(str(int(LARGE) * 2))
    assert f"// JavaScript has no number {LARGE}" in console.code(client, "typescript")
    copied = console.code(client, "pytest").replace("from MODULE", "from tests.console.bazaar")
    assert f'"double", {LARGE}) == {int(LARGE) * 2}' in copied
    (tmp_path / "test_copied.py").write_text(copied)
    assert "1 passed" in run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_copied.py", cwd=tmp_path)


def test_numbers_within_json_and_questions_keep_their_digits(console: Console) -> None:
    client = console.a
    client.event.select_option("echo")
    written = f'{{"a": [{LARGE}, 1.0, "{LARGE}", 1e400], "__proto__": {LARGE}}}'
    client.region.get_by_label("Payload, as JSON").first.fill(written)
    client.press("Request")
    expect(console.frame(re.compile("A.*↑.*echo"))).to_contain_text(written.replace(": ", ":").replace(", ", ","))
    client.press("JSON")
    written = written.replace(", 1e400", "")
    client.region.get_by_label("Payload, as JSON").last.fill(written)
    client.press("Request")
    expect(client.results.first.locator("pre")).to_have_text(f"{{ {written[1:-1]} }}")
    client.event.select_option("ask")
    client.fill("Payload", LARGE)
    client.press("Request")
    expect(client.questions).to_contain_text(LARGE)
    client.questions.get_by_label("The answer to sure", exact=True).fill(LARGE)
    client.questions.get_by_role("button", name="Answer").click()
    expect(client.results.first.locator("pre")).to_have_text(LARGE)
