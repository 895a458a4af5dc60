"""What is told to break nobody breaks nobody: a validator of JSON Schema agrees, whatever the schemas are."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from microsockets.schema.comparison import Comparison
from microsockets.schema.compatibility import Change, compare, report
from microsockets.schema.walk import Schema, rewrite

from tests.schema.mutations import Document, documents, pairs
from tests.schema.test_properties import FORMATS
from tests.schema.values import values

CHECKS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def accepts(document: Document, value: Any) -> bool:
    validator: Any = Draft202012Validator(
        {"allOf": [document.root], "schemas": document.shared}, format_checker=FORMATS
    )
    return bool(validator.is_valid(value))


def closed(document: Document) -> Document:
    """With nothing but what is named in objects: nobody is supposed to send what the other side ignores."""

    def close(schema: Schema) -> Schema:
        return {"additionalProperties": False, **schema} if "properties" in schema else schema

    return Document(
        rewrite(document.root, close), {name: rewrite(each, close) for name, each in document.shared.items()}
    )


def breaking(old: Document, new: Document, direction: str) -> list[Change]:
    changes = compare(old.contract(), new.contract())
    return [change for change in changes if change.breaking and change.event.startswith(direction)]


def check(maker: Document, reader: Document, data: st.DataObject) -> None:
    strict = closed(maker)
    value = data.draw(values(strict.root, strict.shared))
    assume(accepts(strict, value))
    assert accepts(reader, value)


@CHECKS
@given(pairs(), st.data())
def test_what_old_clients_send_is_accepted(pair: tuple[Document, Document], data: st.DataObject) -> None:
    old, new = pair
    assume(not breaking(old, new, "in"))
    check(old, new, data)


@CHECKS
@given(pairs(), st.data())
def test_what_the_server_sends_is_what_old_clients_were_told(
    pair: tuple[Document, Document], data: st.DataObject
) -> None:
    old, new = pair
    assume(not breaking(old, new, "out"))
    check(new, old, data)


@CHECKS
@given(documents)
def test_what_stays_is_no_change(document: Document) -> None:
    contract = document.contract()
    assert compare(contract, document.copy().contract()) == []
    assert report(compare(contract, contract)) == "No changes.\n"


@CHECKS
@example((Document({"anyOf": [{}, {"type": "null"}]}, {}), Document({}, {})))
@given(pairs())
def test_a_breaking_change_is_told_wherever_something_does_not_fit(pair: tuple[Document, Document]) -> None:
    old, new = pair
    for sent, direction in ((False, "in"), (True, "out")):
        fits = Comparison(old.shared, new.shared, sent=sent).fits(old.root, new.root)
        assert fits is not bool(breaking(old, new, direction))


@CHECKS
@given(pairs(), st.randoms(use_true_random=False))
def test_the_order_of_declarations_does_not_matter(pair: tuple[Document, Document], order: random.Random) -> None:
    def shuffle(items: list[tuple[str, Any]]) -> dict[str, Any]:
        order.shuffle(items)
        return dict(items)

    def shuffled(contract: Any) -> Any:
        return json.loads(json.dumps(contract), object_pairs_hook=shuffle)

    old, new = (each.contract() for each in pair)
    changes = compare(old, new)
    assert compare(shuffled(old), shuffled(new)) == changes
    assert len(set(changes)) == len(changes)
    assert report(changes) == report(compare(shuffled(old), new))
