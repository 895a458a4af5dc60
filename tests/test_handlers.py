"""Handlers: event names, what a client can reach, parameters, and when annotations are resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from microsockets import Application, Call, ConfigurationError, Depends, Event, Namespace, Socket, on
from microsockets.testing import Client, RequestFailed
from pydantic import BaseModel

if TYPE_CHECKING:
    from decimal import Decimal as NeverImported


async def ask(namespace: type[Namespace], event: str, payload: Any = ...) -> Any:
    """The answer of a namespace at "/" to one request."""
    async with Client(Application(namespace)) as client:
        return await (await client.connect()).request(event, payload)


# Names


async def test_the_event_name_is_the_method_name_after_on() -> None:
    class Chat(Namespace, path="/"):
        async def on_user_joined(self) -> str:
            return "reached"

    assert await ask(Chat, "user_joined") == "reached"


async def test_on_gives_a_name_that_is_no_identifier() -> None:
    class Chat(Namespace, path="/"):
        @on("user joined")
        async def joined(self) -> str:
            return "reached"

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert await alice.request("user joined") == "reached"
        with pytest.raises(RequestFailed, match="unknown_event"):
            await alice.request("joined")


async def test_on_replaces_the_name_of_an_on_method() -> None:
    class Chat(Namespace, path="/"):
        @on("message:new")
        async def on_message(self) -> str:
            return "reached"

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert await alice.request("message:new") == "reached"
        with pytest.raises(RequestFailed, match="unknown_event"):
            await alice.request("message")


async def test_on_without_a_name_keeps_the_methods() -> None:
    class Chat(Namespace, path="/"):
        @on()
        async def on_message(self) -> str:
            return "reached"

    assert await ask(Chat, "message") == "reached"


async def test_the_middleware_option_is_for_this_event_only() -> None:
    seen: list[str] = []

    async def record(call: Call, call_next: Any) -> Any:
        seen.append(call.event)
        return await call_next(call)

    class Chat(Namespace, path="/"):
        @on(middleware=[record])
        async def on_recorded(self) -> None: ...

        async def on_other(self) -> None: ...

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.request("other")
        await alice.request("recorded")
    assert seen == ["recorded"]


# What a client can reach


class Secretive(Namespace, path="/secretive"):
    """Records every attribute that is looked up while it serves."""

    secret = Event[str]()
    data = "secret"
    on_purpose = None
    looked_up: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        Secretive.looked_up.append(name)
        return super().__getattribute__(name)

    async def on_connect(self, ws: Socket) -> None: ...

    async def on_disconnect(self, ws: Socket) -> None: ...

    async def helper(self, ws: Socket) -> str:
        return "secret"

    async def _private(self, ws: Socket) -> str:
        return "secret"

    async def _on_private(self, ws: Socket) -> str:
        return "secret"


UNREACHABLE = [
    "connect",
    "disconnect",
    "on_connect",
    "on_disconnect",
    "_private",
    "__class__",
    "__init__",
    "__dict__",
    "__init_subclass__",
    "class__",
    "_on_private",
    "on__private",
    "helper",
    "on_helper",
    "bind",
    "rooms",
    "app",
    "declared",
    "middleware",
    "path",
    "data",
    "secret",
    "purpose",
    "on_purpose",
    "looked_up",
    "",
    "on_",
    "_private.__call__",
    "helper\u0000",
]


@pytest.mark.parametrize("name", UNREACHABLE)
async def test_a_name_that_is_no_event_is_never_reached_nor_looked_up(name: str) -> None:
    async with Client(Application(Secretive)) as client:
        alice = await client.connect("/secretive")
        Secretive.looked_up.clear()
        with pytest.raises(RequestFailed) as failed:
            await alice.request(name, {})
        assert failed.value.code == "unknown_event"
        assert failed.value.details is None
        assert Secretive.looked_up == []


async def test_the_prefix_alone_decides_what_is_an_event() -> None:
    class Chat(Namespace, path="/"):
        async def on__private(self) -> str:
            return "public, since it has the prefix"

    assert await ask(Chat, "_private") == "public, since it has the prefix"


async def test_an_unknown_event_without_an_id_is_an_error_event_that_does_not_repeat_its_name() -> None:
    async with Client(Application(Secretive)) as client:
        alice = await client.connect("/secretive")
        await alice.send("helper", {})
        error = await alice.receive("$error")
        assert error["code"] == "unknown_event"
        assert "helper" not in str(error)


async def test_handlers_are_collected_once_at_class_creation() -> None:
    class Chat(Namespace, path="/"):
        async def on_early(self) -> str:
            return "as declared"

    async def late(self: Any) -> str:
        return "too late"

    app = Application(Chat)
    Chat.on_late = late  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    app[Chat].on_later = late  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    async with Client(app) as client:
        alice = await client.connect()
        assert await alice.request("early") == "as declared"
        for name in ("late", "later"):
            with pytest.raises(RequestFailed, match="unknown_event"):
                await alice.request(name)


async def test_a_handler_added_to_the_class_before_start_up_is_not_collected_either() -> None:
    class Chat(Namespace, path="/"): ...

    async def late(self: Any) -> str:
        return "too late"

    Chat.on_late = late  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(RequestFailed, match="unknown_event"):
        await ask(Chat, "late")


async def test_a_handler_set_to_none_in_a_subclass_is_none() -> None:
    class Base(Namespace, path="/"):
        async def on_say(self) -> str:
            return "base"

    class Quiet(Base):
        on_say = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

    with pytest.raises(RequestFailed, match="unknown_event"):
        await ask(Quiet, "say")


# Parameters


class Settings(BaseModel):
    volume: int


async def test_a_parameter_annotated_as_socket_is_the_socket_whatever_its_name_and_place() -> None:
    class Chat(Namespace, path="/"):
        async def on_first(self, connection: Socket, payload: int) -> str:
            return f"{connection.id} {payload}"

        async def on_last(self, payload: int, connection: Socket[Settings]) -> str:
            return f"{connection.id} {payload}"

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert await alice.request("first", 1) == f"{alice.hello['id']} 1"
        assert await alice.request("last", 2) == f"{alice.hello['id']} 2"


async def test_an_unannotated_parameter_named_ws_or_socket_is_the_socket() -> None:
    class Chat(Namespace, path="/"):
        async def on_ws(self, ws) -> Any:  # type: ignore[no-untyped-def]
            return ws.id  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

        async def on_socket(self, payload: int, socket) -> Any:  # type: ignore[no-untyped-def]
            return [payload, socket.id]  # pyright: ignore[reportUnknownMemberType]

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert await alice.request("ws") == alice.hello["id"]
        assert await alice.request("socket", 1) == [1, alice.hello["id"]]


async def test_a_parameter_named_ws_with_another_annotation_is_the_payload() -> None:
    class Chat(Namespace, path="/"):
        async def on_say(self, ws: Settings) -> int:
            return ws.volume

    assert await ask(Chat, "say", {"volume": 7}) == 7


async def test_the_payload_may_have_any_name() -> None:
    class Chat(Namespace, path="/"):
        async def on_say(self, settings: Settings) -> int:
            return settings.volume

    assert await ask(Chat, "say", {"volume": 7}) == 7


@pytest.mark.parametrize("payload", [None, True, 1, 1.5, "text", [1, [2]], {"a": {"b": None}}])
async def test_an_unannotated_payload_is_the_decoded_json(payload: Any) -> None:
    received: list[Any] = []

    class Chat(Namespace, path="/"):
        async def on_say(self, ws: Socket, anything) -> None:  # type: ignore[no-untyped-def]
            received.append(anything)

    await ask(Chat, "say", payload)
    assert received == [payload]
    assert type(received[0]) is type(payload)


async def test_a_handler_that_takes_nothing_ignores_the_payload() -> None:
    class Chat(Namespace, path="/"):
        async def on_ping(self) -> str:
            return "pong"

    assert await ask(Chat, "ping") == "pong"
    assert await ask(Chat, "ping", {"whatever": 1}) == "pong"


async def test_an_annotated_depends_is_a_dependency_and_not_the_payload() -> None:
    def twice(ws: Socket) -> str:
        return ws.id * 2

    class Chat(Namespace, path="/"):
        async def on_say(
            self, made: Annotated[str, Depends(twice)], payload: int, ws: Socket, again: Annotated[str, Depends(twice)]
        ) -> bool:
            return made == again == ws.id * 2 and payload == 3

    assert await ask(Chat, "say", 3) is True


async def test_parameters_may_be_keyword_only() -> None:
    class Chat(Namespace, path="/"):
        async def on_say(self, *, payload: int, ws: Socket) -> list[Any]:
            return [ws.id, payload]

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert await alice.request("say", 3) == [alice.hello["id"], 3]


# When annotations are resolved


@dataclass
class OfTheModule:
    x: int


async def test_annotations_are_resolved_with_the_names_of_the_module() -> None:
    class Chat(Namespace, path="/"):
        async def on_say(self, payload: OfTheModule) -> str:
            return type(payload).__name__

    assert await ask(Chat, "say", {"x": 1}) == "OfTheModule"


async def test_annotations_are_resolved_with_the_locals_of_the_caller() -> None:
    class Local(BaseModel):
        x: int

    def bump(ws: Socket) -> int:
        return 1

    class Chat(Namespace, path="/"):
        event = Event["Local"]()

        async def on_say(self, ws: Socket, payload: Local, by: Annotated[int, Depends(bump)]) -> Local:
            await self.event.broadcast(payload, to=ws)
            return Local(x=payload.x + by)

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert await alice.request("say", {"x": 1}) == {"x": 2}
        assert await alice.receive("event") == {"x": 1}


async def test_annotations_are_resolved_with_the_names_in_the_class() -> None:
    class Chat(Namespace, path="/"):
        class Inner(BaseModel):
            x: int

        async def on_say(self, payload: Inner) -> int:
            return payload.x

    assert await ask(Chat, "say", {"x": 5}) == 5


async def test_inherited_handlers_keep_the_names_of_where_they_were_written() -> None:
    base = make_base()

    class Derived(base):  # type: ignore[valid-type,misc]
        async def on_more(self, payload: int) -> int:
            return payload

    assert await ask(Derived, "say", {"x": 5}) == 5


def make_base() -> type[Namespace]:
    class OnlyHere(BaseModel):
        x: int

    class Base(Namespace, path="/"):
        async def on_say(self, payload: OnlyHere) -> int:
            return payload.x

    return Base


async def test_a_name_that_was_missing_is_resolved_again_at_the_application() -> None:
    class Chat(Namespace, path="/"):
        said = Event["Later"]()

        async def on_say(self, ws: Socket, payload: Later) -> Later:
            await self.said.broadcast(payload, to=ws)
            return payload

    class Later(BaseModel):
        x: int

    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        assert await alice.request("say", {"x": 5}) == {"x": 5}
        assert await alice.receive("said") == {"x": 5}
        with pytest.raises(RequestFailed, match="invalid_payload"):
            await alice.request("say", {"x": "five"})


class Early(Namespace, path="/"):
    """Its payload is defined below it in the module."""

    async def on_say(self, payload: BelowInTheModule) -> int:
        return payload.x


class BelowInTheModule(BaseModel):
    x: int


async def test_a_name_of_the_module_may_be_defined_below_the_namespace() -> None:
    assert await ask(Early, "say", {"x": 5}) == 5


async def test_a_model_may_refer_to_one_that_is_defined_after_the_namespace() -> None:
    assert await ask(EarlyTree, "depth", {"children": [{"leaf": 1}]}) == 1


class Tree(BaseModel):
    children: list[Leaf]


class EarlyTree(Namespace, path="/"):
    async def on_depth(self, payload: Tree) -> int:
        return payload.children[0].leaf


class Leaf(BaseModel):
    leaf: int


def test_a_name_that_is_still_missing_at_the_application_is_refused_by_name() -> None:
    class Chat(Namespace, path="/"):
        async def on_say(self, ws: Socket, payload: NeverImported) -> None: ...

    with pytest.raises(ConfigurationError, match=r"Chat: the name 'NeverImported'.*outside of TYPE_CHECKING"):
        Application(Chat)


def test_a_missing_name_in_an_answer_is_refused_by_name() -> None:
    class Chat(Namespace, path="/"):
        async def on_say(self, ws: Socket) -> NeverImported: ...  # type: ignore[empty-body]

    with pytest.raises(ConfigurationError, match="'NeverImported'"):
        Application(Chat)


def test_a_missing_name_in_the_parameters_of_on_connect_is_refused_by_name() -> None:
    class Chat(Namespace, path="/"):
        async def on_connect(self, ws: Socket, params: NeverImported) -> None: ...

    with pytest.raises(ConfigurationError, match="'NeverImported'"):
        Application(Chat)
