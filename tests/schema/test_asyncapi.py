"""AsyncAPI documents: valid under the official schema, and saying what is on the wire."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft7Validator
from microsockets import Application, Namespace, Socket, on
from microsockets.schema import read_contract, read_samples
from microsockets.schema.asyncapi import asyncapi
from microsockets.testing import Client

from examples import contract as auction
from tests.schema.examples import EXAMPLES
from tests.schema.shop import app as shop

Frames: Any = Draft7Validator
OFFICIAL: Any = Draft7Validator(json.loads((Path(__file__).parents[1] / "data/asyncapi-3.0.0.json").read_text()))


def document(app: Application) -> dict[str, Any]:
    contract = read_contract(app.namespaces, title=app.title, version=app.version)
    return asyncapi(contract, examples=read_samples(app.namespaces, contract))


SHOP = document(shop)


def resolve(reference: dict[str, str], doc: dict[str, Any] = SHOP) -> Any:
    found: Any = doc
    for part in reference["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return resolve(found, doc) if "$ref" in found else found


def payload_of(message: str) -> dict[str, Any]:
    """The schema of a frame, able to stand alone."""
    return {**SHOP["components"]["messages"][message]["payload"], "components": SHOP["components"]}


@pytest.mark.parametrize("target", ["shop", *EXAMPLES])
def test_it_is_valid_under_the_official_schema(target: str) -> None:
    OFFICIAL.validate(document(shop if target == "shop" else EXAMPLES[target]))


def test_the_official_schema_refuses_what_is_wrong() -> None:
    broken = document(shop)
    del broken["operations"]["Shop.receive.buy"]["action"]
    assert not OFFICIAL.is_valid(broken)


def test_each_namespace_is_a_channel_with_its_parameters() -> None:
    channel = SHOP["channels"]["Shop"]
    assert channel["address"] == "/shop/{shop}"
    assert channel["description"] == "Where things are bought."
    assert channel["parameters"] == {"shop": {"description": "Its number."}}
    query = channel["bindings"]["ws"]["query"]
    assert list(query["properties"]) == ["token", "verbose"]
    assert query["required"] == ["token"]
    assert SHOP["channels"]["Lobby"]["address"] == "/"


def test_the_application_receives_what_clients_send_and_replies() -> None:
    operation = SHOP["operations"]["Shop.receive.buy"]
    assert operation["action"] == "receive"
    assert resolve(operation["channel"])["address"] == "/shop/{shop}"
    assert operation["summary"] == "Buys it."
    assert operation["description"] == "Buys it.\n\nAnd pays for it."
    assert [resolve(each)["name"] for each in operation["messages"]] == ["buy"]
    assert [resolve(each)["name"] for each in operation["reply"]["messages"]] == ["buy answer", "buy error"]


def test_the_application_sends_events_and_questions() -> None:
    sold, sure = SHOP["operations"]["Shop.send.sold"], SHOP["operations"]["Shop.ask.sure"]
    assert (sold["action"], sure["action"]) == ("send", "send")
    assert "reply" not in sold
    assert [resolve(each)["name"] for each in sure["reply"]["messages"]] == ["sure answer", "sure error"]


def test_operations_refer_to_the_messages_of_their_channel() -> None:
    for operation in SHOP["operations"].values():
        channel = operation["channel"]["$ref"]
        for message in (*operation["messages"], *operation.get("reply", {}).get("messages", ())):
            assert message["$ref"].startswith(f"{channel}/messages/")
            assert resolve(message)["payload"]["type"] == "object"


def test_a_stream_replies_with_items_and_an_end() -> None:
    replies = SHOP["operations"]["Shop.receive.watch"]["reply"]["messages"]
    assert [resolve(each)["name"] for each in replies] == ["watch item", "watch end", "watch error"]


def test_a_namespace_that_checks_its_clients_says_how_they_sign_in() -> None:
    operation = SHOP["operations"]["Shop.receive.buy"]
    assert resolve(operation["security"][0])["name"] == "Sec-WebSocket-Protocol"
    assert "security" not in SHOP["operations"]["Lobby.receive.hello"]


def test_tuples_are_those_of_draft_7() -> None:
    item = payload_of("Shop.receive.watch.item")["properties"]["item"]
    assert item["items"] == [{"type": "integer"}, {"type": "string"}]
    assert "prefixItems" not in json.dumps(SHOP)


def test_errors_of_the_application_come_with_their_details() -> None:
    check = Frames(payload_of("Shop.receive.buy.error"))
    full = {"code": "full", "message": "There is no more room", "details": {"capacity": 3}}
    assert check.is_valid({"ack": 1, "error": full})
    assert check.is_valid({"ack": 1, "error": {"code": "timeout", "message": "The handler took too long"}})
    assert not check.is_valid({"ack": 1, "error": {**full, "details": {"capacity": "many"}}})
    assert not check.is_valid({"ack": 1, "error": {"code": "other", "message": ""}})


def test_examples_are_frames_that_validate() -> None:
    examples = 0
    for name, message in SHOP["components"]["messages"].items():
        for example in message.get("examples", ()):
            Frames(payload_of(name)).validate(example["payload"])
            examples += 1
    assert examples >= 8


def test_event_names_of_any_kind_have_keys_that_are_allowed() -> None:
    names = ["user joined", "user_joined", "naïve/../x", "日本", "~0/~1", "a.b"]

    def handler() -> Any:
        async def handle(self: Any, ws: Socket, payload: int) -> None: ...

        return handle

    body = {f"handler_{number}": on(name)(handler()) for number, name in enumerate(names)}
    odd: type[Namespace] = types.new_class(
        "Odd", (Namespace,), {"path": "/odd"}, lambda attributes: attributes.update(body)
    )
    described = document(Application(odd))
    OFFICIAL.validate(described)
    messages = [resolve(each["messages"][0], described) for each in described["operations"].values()]
    assert [each["payload"]["properties"]["event"]["const"] for each in messages] == names


async def test_frames_on_the_wire_are_as_described() -> None:
    described = document(auction.app)

    def check(message: str, frame: Any) -> None:
        schema = {**described["components"]["messages"][f"Auction.{message}"]["payload"]}
        Frames({**schema, "components": described["components"]}).validate(frame)

    async with Client(auction.app) as client:
        peer = await client.connect("/auction/1", v1=False)
        for number, (event, payload, replies) in enumerate(
            [
                ("watch", 7, ["receive.watch.item", "receive.watch.end"]),
                ("bid", {"lot": 7, "amount": 2500}, ["receive.bid.answer"]),
                ("bid", {"lot": 7, "amount": 1}, ["receive.bid.error"]),
                ("bid", {"lot": "seven"}, ["receive.bid.error"]),
            ]
        ):
            sent = {"event": event, "id": number, "payload": payload}
            if payload != {"lot": "seven"}:
                check(f"receive.{event}", sent)
            await peer.send_text(json.dumps(sent))
            for reply in replies:
                check(reply, await peer.receive_frame())


async def test_the_application_serves_it_with_where_it_is() -> None:
    transport = httpx.ASGITransport(app=shop)
    async with httpx.AsyncClient(transport=transport, base_url="https://example.com") as http:
        response = await http.get("/asyncapi.json")
        head = await http.head("/asyncapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.json()["servers"] == {"this": {"host": "example.com", "protocol": "wss"}}
    assert {**response.json(), "servers": None} == {**SHOP, "servers": None}
    OFFICIAL.validate(response.json())
    assert (head.status_code, head.content) == (200, b"")


async def test_asyncapi_url_turns_it_off_or_moves_it() -> None:
    class Lobby(Namespace, path="/lobby"):
        pass

    for url, expected in ((None, [404, 404]), ("/api", [404, 200])):
        transport = httpx.ASGITransport(app=Application(Lobby, asyncapi_url=url))
        async with httpx.AsyncClient(transport=transport, base_url="http://example.com") as http:
            assert [(await http.get(path)).status_code for path in ("/asyncapi.json", "/api")] == expected
