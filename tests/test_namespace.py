"""Namespaces: one instance per application, paths, class attributes, inheritance."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from microsockets import (
    ALL,
    Application,
    Ask,
    Call,
    ConfigurationError,
    Event,
    Limits,
    Namespace,
    Socket,
    UsageError,
    on,
)
from microsockets.testing import Client, Refused, RequestFailed
from pydantic import BaseModel


class Chat(Namespace, path="/chat"):
    said = Event[str]()

    async def on_whoami(self, ws: Socket) -> int:
        return id(self)


class Game(Namespace, path="/game"):
    def __init__(self, rules: str) -> None:
        self.rules = rules

    async def on_rules(self, ws: Socket) -> str:
        return self.rules


# One instance


async def test_one_instance_is_shared_by_all_connections_of_an_application() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        alice, bob = await client.connect("/chat"), await client.connect("/chat")
        assert await alice.request("whoami") == await bob.request("whoami") == id(app[Chat])


async def test_every_application_has_an_instance_of_its_own() -> None:
    first, second = Application(Chat), Application(Chat)
    assert first[Chat] is not second[Chat]
    assert first[Chat].app is first
    async with Client(first) as one, Client(second) as two:
        alice, bob = await one.connect("/chat"), await two.connect("/chat")
        await first[Chat].said.broadcast("only the first", to=ALL)
        assert await alice.receive("said") == "only the first"
        await bob.expect_nothing()


async def test_a_class_is_instantiated_and_anything_else_is_the_instance() -> None:
    game = Game("chess")
    app = Application(Chat, game)
    assert isinstance(app[Chat], Chat)
    assert app[Game] is game
    async with Client(app) as client:
        alice = await client.connect("/game")
        assert await alice.request("rules") == "chess"


def test_a_namespace_that_was_not_passed_is_not_found_in_the_application() -> None:
    with pytest.raises(KeyError, match=r"Game.*Application\(\.\.\.\)"):
        Application(Chat)[Game]


def test_an_instance_belongs_to_one_application() -> None:
    game = Game("chess")
    Application(game)
    with pytest.raises(ConfigurationError, match="make a new instance"):
        Application(game)


@pytest.mark.parametrize("wrong", [42, "chat", dict, Socket])
def test_what_is_no_namespace_is_refused_at_start_up(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="pass subclasses of Namespace"):
        Application(wrong)


# Paths


async def test_a_path_may_have_parameters() -> None:
    class Params(BaseModel):
        country: str
        room_id: int

    class Room(Namespace, path="/{country}/room/{room_id}"):
        async def on_connect(self, ws: Socket[Params], params: Params) -> Params:
            return params

        async def on_where(self, ws: Socket[Params]) -> Params:
            return ws.session

    async with Client(Application(Room)) as client:
        alice = await client.connect("/fi/room/7")
        assert await alice.request("where") == {"country": "fi", "room_id": 7}
        with pytest.raises(Refused) as refused:
            await client.connect("/fi/room/7/more")
        assert refused.value.code == 4504


async def test_a_path_is_inherited_when_omitted() -> None:
    class Base(Namespace, path="/base"):
        async def on_hello(self, ws: Socket) -> str:
            return "base"

    class Derived(Base):
        async def on_more(self, ws: Socket) -> str:
            return "derived"

    async with Client(Application(Derived)) as client:
        alice = await client.connect("/base")
        assert await alice.request("hello") == "base"
        assert await alice.request("more") == "derived"


async def test_a_path_of_its_own_replaces_the_inherited_one() -> None:
    class Base(Namespace, path="/base"):
        async def on_where(self, ws: Socket) -> str:
            return type(self).__name__

    class Derived(Base, path="/derived"):
        pass

    async with Client(Application(Base, Derived)) as client:
        assert await (await client.connect("/base")).request("where") == "Base"
        assert await (await client.connect("/derived")).request("where") == "Derived"


def test_two_namespaces_on_one_path_are_a_start_up_error() -> None:
    class Other(Namespace, path="/chat"):
        pass

    with pytest.raises(ConfigurationError, match=r"Chat and .*Other are both at '/chat'"):
        Application(Chat, Other)


def test_a_namespace_beside_a_subclass_that_inherits_its_path_is_a_start_up_error() -> None:
    class Sub(Chat):
        pass

    with pytest.raises(ConfigurationError, match="both at '/chat'"):
        Application(Chat, Sub)


def test_one_namespace_passed_twice_is_a_start_up_error() -> None:
    with pytest.raises(ConfigurationError, match="both at '/game'"):
        Application(Game("chess"), Game("go"))


def test_paths_that_differ_only_in_their_parameters_names_are_one_path() -> None:
    class ById(Namespace, path="/user/{id}"):
        pass

    class ByName(Namespace, path="/user/{name}"):
        pass

    with pytest.raises(ConfigurationError, match="both at"):
        Application(ById, ByName)


def test_a_namespace_without_a_path_is_refused_with_what_to_write() -> None:
    class Lost(Namespace):
        pass

    with pytest.raises(ConfigurationError, match=r'write class Lost\(Namespace, path="/\.\.\."\)'):
        Application(Lost)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("chat", 'must start with "/"'),
        ("", 'must start with "/"'),
        ("/{}", "no parameter"),
        ("/{room-id}", "no parameter"),
        ("/{id}/{id}", "twice"),
        ("/{id", "brace"),
        ("/id}", "brace"),
    ],
)
def test_a_path_that_is_none_is_refused_at_class_creation(path: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):

        class Lost(Namespace, path=path):
            pass


# Class attributes


async def test_middleware_is_a_class_attribute() -> None:
    async def shout(call: Call, call_next: Any) -> Any:
        return (await call_next(call)).upper()

    class Quiet(Namespace, path="/quiet"):
        async def on_say(self, ws: Socket, payload: str) -> str:
            return payload

    class Loud(Quiet, path="/loud"):
        middleware = [shout]

    async with Client(Application(Quiet, Loud)) as client:
        assert await (await client.connect("/quiet")).request("say", "hi") == "hi"
        assert await (await client.connect("/loud")).request("say", "hi") == "HI"


async def test_origins_is_a_class_attribute() -> None:
    class Embedded(Namespace, path="/embedded"):
        origins = ["https://partner.example"]

    headers = {"origin": "https://partner.example"}
    async with Client(Application(Chat, Embedded)) as client:
        await client.connect("/embedded", headers=headers)
        with pytest.raises(Refused) as refused:
            await client.connect("/chat", headers=headers)
        assert refused.value.status == 403


def test_origins_that_are_one_string_are_refused_at_start_up() -> None:
    class Embedded(Namespace, path="/embedded"):
        origins = "https://partner.example"

    with pytest.raises(ConfigurationError, match=r"Embedded\.origins: give a list"):
        Application(Embedded)


async def test_limits_is_a_class_attribute_that_replaces_the_applications() -> None:
    class Large(Namespace, path="/large"):
        async def on_join(self, ws: Socket, payload: list[str]) -> list[str]:
            for room in payload:
                await ws.join(room)
            return await ws.rooms()

    class Small(Large, path="/small"):
        limits = Limits(rooms=1)

    async with Client(Application(Small, Large, limits=Limits(rooms=2))) as client:
        small, large = await client.connect("/small"), await client.connect("/large")
        assert small.hello["limits"]["rooms"] == 1
        assert large.hello["limits"]["rooms"] == 2
        assert await large.request("join", ["a", "b"]) == ["a", "b"]
        with pytest.raises(RequestFailed):
            await small.request("join", ["a", "b"])


# Inheritance


def test_the_base_class_defines_no_handler() -> None:
    assert [name for name in dir(Namespace) if name.startswith("on_")] == []


async def test_of_several_handlers_in_the_mro_the_most_derived_runs() -> None:
    class Base(Namespace, path="/"):
        async def on_say(self, ws: Socket) -> str:
            return "base"

    class Middle(Base):
        async def on_say(self, ws: Socket) -> str:
            return "middle"

    class Derived(Middle):
        async def on_say(self, ws: Socket) -> str:
            return f"derived of {await super().on_say(ws)}"

    class Bare(Middle):
        pass

    async with Client(Application(Derived)) as client:
        assert await (await client.connect()).request("say") == "derived of middle"
    async with Client(Application(Bare)) as client:
        assert await (await client.connect()).request("say") == "middle"


async def test_a_mixin_that_is_no_namespace_brings_handlers_and_events() -> None:
    class Typing:
        typing = Event[str]()

        async def on_typing(self, ws: Socket, payload: str) -> int:
            await self.typing.broadcast(payload, to=ws)
            return len(payload)

    class Room(Typing, Namespace, path="/"):
        pass

    async with Client(Application(Room)) as client:
        alice = await client.connect()
        assert await alice.request("typing", "abc") == 3
        assert await alice.receive("typing") == "abc"


async def test_an_override_chooses_its_parameters_freely() -> None:
    class Base(Namespace, path="/"):
        async def on_say(self, ws: Socket, payload: int) -> int:
            return payload

    class Derived(Base):
        async def on_say(self, payload: str) -> str:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
            return payload

    async with Client(Application(Derived)) as client:
        assert await (await client.connect()).request("say", "text") == "text"


async def test_a_derived_method_for_the_same_event_name_runs_whatever_it_is_called() -> None:
    class Base(Namespace, path="/"):
        async def on_say(self, ws: Socket) -> str:
            return "base"

    class Derived(Base):
        @on("say")
        async def speak(self, ws: Socket) -> str:
            return "derived"

    async with Client(Application(Derived)) as client:
        assert await (await client.connect()).request("say") == "derived"


async def test_a_subclass_does_not_change_its_base() -> None:
    class Base(Namespace, path="/base"):
        async def on_say(self, ws: Socket) -> str:
            return "base"

    class Derived(Base, path="/derived"):
        async def on_say(self, ws: Socket) -> str:
            return "derived"

        async def on_more(self, ws: Socket) -> None: ...

    async with Client(Application(Base, Derived)) as client:
        alice = await client.connect("/base")
        assert await alice.request("say") == "base"
        with pytest.raises(RequestFailed, match="unknown_event"):
            await alice.request("more")


# Emitting from elsewhere


async def test_an_application_emits_a_namespaces_event_from_a_task() -> None:
    app = Application(Chat)
    async with Client(app) as client:
        alice = await client.connect("/chat")
        await asyncio.create_task(_say(app, "from a task"))
        assert await alice.receive("said") == "from a task"


async def _say(app: Application, text: str) -> None:
    await app[Chat].said.broadcast(text, to=ALL)


async def test_an_application_emits_a_namespaces_event_from_an_http_route() -> None:
    async def page(scope: Any, receive: Any, send: Any) -> None:
        await app[Chat].said.broadcast(scope["path"], to=ALL)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = Application(Chat, fallback=page)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async with Client(app) as client:
        alice = await client.connect("/chat")
        await app({"type": "http", "method": "POST", "path": "/tell", "headers": []}, receive, send)
        assert sent[0]["status"] == 204
        assert await alice.receive("said") == "/tell"


async def test_an_event_of_a_namespace_without_an_application_says_how_to_get_one() -> None:
    with pytest.raises(UsageError, match=r"pass Game2 to Application\(\.\.\.\) and use app\[Game2\]\.moved"):
        Game2().moved  # noqa: B018
    with pytest.raises(UsageError, match=r"use app\[Game2\]\.confirm"):
        Game2().confirm  # noqa: B018


class Game2(Namespace, path="/game2"):
    moved = Event[int]()
    confirm = Ask[str, bool]()


# Refused at class creation


@pytest.mark.parametrize("name", ["app", "bind", "declared", "rooms"])
def test_the_frameworks_own_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"Lost\.{name}: this name is the framework's"):
        type("Lost", (Namespace,), {name: 1})


def test_two_declared_events_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"first and second have one name, 'said'; rename one"):

        class Lost(Namespace):
            first = Event[int]("said")
            second = Event[int]("said")


def test_an_event_and_a_question_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"have one name, 'said'"):

        class Lost(Namespace):
            first = Event[int]("said")
            second = Ask[int, int]("said")


def test_an_event_that_does_not_say_what_it_carries_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"Lost\.said: say what it carries: Event\[Model\]\(\)"):

        class Lost(Namespace):
            said = Event()  # type: ignore[var-annotated]  # pyright: ignore[reportUnknownVariableType]


def test_a_question_that_does_not_say_what_it_carries_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"Lost\.confirm: say what it carries: Ask\[Question, Answer\]\(\)"):

        class Lost(Namespace):
            confirm = Ask()  # type: ignore[var-annotated]  # pyright: ignore[reportUnknownVariableType]


@pytest.mark.parametrize("name", ["$hello", "$"])
def test_a_declared_event_whose_name_starts_with_a_dollar_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"starts with \$.*choose another name"):

        class Lost(Namespace):
            said = Event[int](name)


async def test_an_event_that_a_subclass_replaces_is_the_subclasss() -> None:
    class Base(Namespace):
        said = Event[str]()
        told = Event[str]()
        sure = Ask[str, bool]()

    class Chat(Base, path="/"):
        said = Event[int]()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
        told = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
        sure = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

        async def on_say(self, ws: Socket) -> None:
            await ws.emit("said", 7)
            await ws.emit("told", {"free": True})

    assert sorted(Chat.declared.events) == ["said"]
    assert Chat.declared.asks == {}
    async with Client(Application(Chat)) as client:
        alice = await client.connect()
        await alice.send("say")
        assert await alice.receive("said") == 7
        assert await alice.receive("told") == {"free": True}
