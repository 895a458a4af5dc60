"""Forms of types that are easily mistaken for others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browsers import PHONE
from tests.console.page import Client, Console, Open
from tests.server.running import Running, serving

pytestmark = [pytest.mark.browser, pytest.mark.e2e]

NEGATIVE = "Input should be greater than or equal to 0"
EMPTY = "String should have at least 1 character"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("bazaar"), "tests.console.bazaar:app") as running:
        yield running


def put(client: Client, event: str, payload: object) -> None:
    """Puts a payload into the form of an event."""
    client.event.select_option(event)
    client.press("JSON")
    client.region.get_by_label("Payload, as JSON").last.fill(json.dumps(payload))
    client.press("Form")


def refused(console: Console) -> list[list[str]]:
    """Sends what is in the form of client A, and returns the problems that it shows."""
    console.a.press("Request")
    expect(console.a.results.first).to_contain_text("invalid_payload")
    return console.a.problems()


def test_the_tag_of_a_discriminated_union_is_not_taken_for_a_field(console: Console) -> None:
    cat = {"kind": "cat", "cat": -1, "name": ""}
    put(console.a, "pets", {"pet": cat, "many": [1, cat, "many"]})
    assert refused(console) == [
        ["cat", NEGATIVE],
        ["name", EMPTY],
        ["cat", NEGATIVE],
        ["name", EMPTY],
        ["Type of an item of many", "tagged-union[Cat,Dog]: Input should be an object"],
        ["Type of an item of many", "int: Input should be a valid integer, unable to parse string as an integer"],
    ]


@pytest.mark.parametrize(
    "payload",
    [
        {"colour": "purple", "shape": [{"n": 1}], "more": [1]},
        {"colour": None, "shape": "round"},
        {"colour": "red", "shape": {"kind": "cow", "cat": 1}},
        {"colour": "red", "shape": {"kind": "cat", "cat": {}, "name": 2}},
        [1, {"a": None}],
        None,
    ],
)
def test_a_form_keeps_what_is_not_valid(console: Console, payload: object) -> None:
    put(console.a, "choice", payload)
    console.a.press("JSON")
    assert json.loads(console.a.region.get_by_label("Payload, as JSON").last.input_value()) == payload


NESTED = {"first": [{"n": -1}], "second": {"items": [{"n": -2}]}, "third": ["", {"a": {"n": -3}}], "price": []}


@pytest.mark.parametrize(
    ("payload", "problems"),
    [
        (NESTED, [["n", NEGATIVE], ["n", NEGATIVE], ["n", NEGATIVE]]),
        (
            {"first": "x", "second": "", "third": [], "price": {"kind": "dog", "name": 5}},
            [
                ["Type of first", "int: Input should be a valid integer, unable to parse string as an integer"],
                ["Type of first", "list[Item]: Input should be a valid array"],
                ["name, as JSON", "Input should be a valid string"],
            ],
        ),
        (
            {"first": None, "second": {"items": {}}, "third": 1.5, "price": ["x"]},
            [
                ["items, as JSON", "Input should be a valid array"],
                ["third", "Input should be a valid integer, got a number with a fractional part"],
                ["an item of price", "Input should be a valid integer, unable to parse string as an integer"],
            ],
        ),
    ],
)
def test_only_the_member_that_was_chosen_tells_its_problems(
    console: Console, payload: object, problems: list[list[str]]
) -> None:
    put(console.a, "mix", payload)
    assert refused(console) == problems


@pytest.mark.parametrize("width", [PHONE["width"], 1300])
def test_there_is_room_to_type_however_deep_a_field_is(open_console: Open, width: int) -> None:
    client = open_console(width=width, height=780).a
    put(client, "mix", NESTED)
    fields = client.region.locator(".form input:visible")
    expect(fields).to_have_count(5)
    assert min(fields.evaluate_all("all => all.map((each) => each.offsetWidth)")) >= 120


def test_names_that_javascript_knows_are_names_like_others(console: Console) -> None:
    client = console.a
    client.event.select_option("names")
    for name in ("constructor", "toString", "__proto__"):
        expect(client.region.get_by_role("checkbox", name=re.compile(f"^{name}"))).not_to_be_checked()
    client.fill("name", "ada")
    client.press("Request")
    shown = client.results.first.locator("pre")
    expect(shown).to_have_text('{"constructor": 1, "toString": 2, "__proto__": 3}')
    for number, name in enumerate(("constructor", "toString", "__proto__")):
        client.region.get_by_role("checkbox", name=re.compile(f"^{name}")).check()
        client.fill(name, str(number + 7))
    client.press("Request")
    expect(shown).to_have_text('{"constructor": 7, "toString": 8, "__proto__": 9}')
    assert 'constructor: 7, toString: 8, ["__proto__"]: 9' in console.code(client, "typescript")
    put(client, "echo", {"__proto__": {"constructor": []}})
    client.press("Request")
    expect(shown).to_have_text('{"__proto__": {"constructor": []}}')


def test_events_that_javascript_knows_are_events_like_others(console: Console) -> None:
    console.events.get_by_role("link", name="toString").click()
    expect(console.reference).to_contain_text("answer string")
    console.reference.get_by_role("button", name="Use in client A").click()
    expect(console.a.event).to_have_value("toString")
    console.a.press("Request")
    expect(console.a.results.first).to_contain_text('"called"')
    for nowhere in ("in/constructor", "toString/in", "valueOf/name"):
        console.page.evaluate("hash => { location.hash = hash; }", f"#/%2Fbazaar%2F%7Bstall%7D/{nowhere}")
        expect(console.reference).to_be_hidden()
