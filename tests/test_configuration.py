"""Mistakes in a declaration are refused at once, and the message says what to write."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import pytest
from microsockets import Application, ConfigurationError, Error, Event, Limits, Namespace, RateLimit, Socket, latest, on
from microsockets.testing import Client
from pydantic import BaseModel

T = TypeVar("T")
B = TypeVar("B", bound=BaseModel)


class RoomFull(Error):
    code = "room_full"


class Cursor(BaseModel):
    user: str
    x: int

    @property
    def board(self) -> str:
        return self.user[0]


@dataclass
class Point:
    x: int


def path_as_attribute() -> None:
    class Chat(Namespace):
        path: ClassVar[Any] = "/chat"


def middleware_without_brackets() -> None:
    class Chat(Namespace, path="/chat"):
        middleware: ClassVar[Any] = RateLimit(5)

    Application(Chat)


def application_middleware_without_brackets() -> None:
    middleware: Any = RateLimit(5)
    Application(middleware=middleware)


def event_middleware_without_brackets() -> None:
    middleware: Any = RateLimit(5)
    on(middleware=middleware)


def raises_without_brackets() -> None:
    raises: Any = RoomFull
    on(raises=raises)


def limits_as_a_dict() -> None:
    class Chat(Namespace, path="/chat"):
        limits: ClassVar[Any] = {"rooms": 3}

    Application(Chat)


def application_limits_as_a_dict() -> None:
    limits: Any = {"rooms": 3}
    Application(limits=limits)


def a_limit_of_zero() -> None:
    Limits(rooms=0)


def options_for_on_connect() -> None:
    class Chat(Namespace, path="/chat"):
        @on(timeout=1)
        async def on_connect(self, ws: Socket) -> None: ...


def latest_by_no_field() -> None:
    class Chat(Namespace, path="/chat"):
        cursor = Event[Cursor](policy=latest("usr"))


def latest_by_no_field_of_a_dataclass() -> None:
    class Chat(Namespace, path="/chat"):
        point = Event[Point](policy=latest("y"))


def a_plain_hook() -> None:
    def greet(ws: Socket) -> None: ...

    hook: Any = greet
    Application().hooks.on_connect(hook)


def hosts_as_text() -> None:
    Application(hosts="example.com")


def proxies_as_text() -> None:
    Application(trusted_proxies="10.0.0.1")


def an_origin_without_a_scheme() -> None:
    Application(origins=["example.com"])


def an_origin_with_a_path() -> None:
    class Chat(Namespace, path="/chat"):
        origins = ("https://example.com/page",)

    Application(Chat)


def no_limit_where_there_must_be_one() -> None:
    rooms: Any = None
    Limits(rooms=rooms)


def a_type_variable_that_nothing_fills() -> None:
    class Crud(Namespace, Generic[T]):
        async def on_create(self, payload: list[T]) -> int:
            return len(payload)

    class Users(Crud[Cursor], path="/users"):
        pass

    Application(Users)


def an_event_of_a_type_variable() -> None:
    class Crud(Namespace, Generic[T]):
        created = Event[T]()

    class Users(Crud[Cursor], path="/users"):
        pass

    Application(Users)


def a_parameter_by_position() -> None:
    class Game(Namespace, path="/game/{game_id}"):
        async def on_connect(self, ws: Socket, game_id: str) -> None: ...

    Application(Game)


def a_list_of_parameters() -> None:
    class Game(Namespace, path="/game/{game_id}"):
        async def on_connect(self, ws: Socket, params: list[int]) -> None: ...

    Application(Game)


MISTAKES: list[tuple[Callable[[], None], str]] = [
    (path_as_attribute, r"path_as_attribute.*Chat: write class Chat\(Namespace, path='/chat'\)"),
    (middleware_without_brackets, r"Chat.middleware: give a list, like \[RateLimit"),
    (application_middleware_without_brackets, r"Application\(middleware=...\): give a list, like \[RateLimit"),
    (event_middleware_without_brackets, r"@on\(middleware=...\): give a list"),
    (raises_without_brackets, r"@on\(raises=...\): give a list, like raises=\[RoomFull\]"),
    (limits_as_a_dict, r"Chat.limits: write Limits\(rooms=...\), not <dict>"),
    (application_limits_as_a_dict, r"Application\(limits=...\): write Limits\(rooms=...\), not <dict>"),
    (a_limit_of_zero, r"Limits\(rooms=0\) must be greater than 0"),
    (no_limit_where_there_must_be_one, r"Limits\(rooms=None\): there must be a limit; give a large number"),
    (
        a_type_variable_that_nothing_fills,
        r"Users: nothing says what ~T is in .*Crud.on_create; declare it again",
    ),
    (an_event_of_a_type_variable, r"Users: nothing says what ~T is in created"),
    (a_parameter_by_position, r"Game.on_connect: the parameters come by name; write a model with a field for each"),
    (a_list_of_parameters, r"Game.on_connect: the parameters come by name"),
    (options_for_on_connect, r"Chat.on_connect is no handler: take @on\(...\) away"),
    (latest_by_no_field, r"Chat.cursor: Cursor has no field 'usr' for latest\('usr'\)"),
    (latest_by_no_field_of_a_dataclass, r"Chat.point: Point has no field 'y' for latest\('y'\)"),
    (a_plain_hook, r"hook greet is a plain function: write async def"),
    (hosts_as_text, r"Application\(hosts=...\): give a list, like \['example.com'\]"),
    (proxies_as_text, r"trusted_proxies=: give a list, like \['10.0.0.1'\]"),
    (an_origin_without_a_scheme, r"'example.com' is no origin; write it like \"https://example.com\""),
    (an_origin_with_a_path, r"Chat.origins: 'https://example.com/page' is no origin"),
]


@pytest.mark.parametrize(("make", "message"), MISTAKES, ids=[make.__name__ for make, _ in MISTAKES])
def test_a_mistake_is_refused_with_what_to_write_instead(make: Callable[[], None], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_latest_may_name_a_property_and_a_field_of_a_field() -> None:
    class Line(BaseModel):
        end: Cursor

    class Chat(Namespace, path="/chat"):
        cursor = Event[Cursor](policy=latest("board"))
        line = Event[Line](policy=latest("end.user"))
        number = Event[int](policy=latest("real"))

    Application(Chat)


async def test_a_lifecycle_method_is_read_where_it_was_written() -> None:
    left: list[Any] = []

    def make() -> type[Namespace]:
        class Session(BaseModel):
            name: str

        class Base(Namespace):
            async def on_connect(self, ws: Socket[Session]) -> Session:
                return Session(name="alice")

            async def on_disconnect(self, ws: Socket[Session]) -> None:
                left.append(ws.session.name)

        return Base

    # What `class Chat(Base, path="/")` does, in words that type checkers let pass for a base from a function.
    chat = types.new_class("Chat", (make(),), {"path": "/"})
    async with Client(Application(chat)) as client:
        await client.connect()
    assert left == ["alice"]


def test_a_type_variable_with_a_bound_is_its_bound() -> None:
    class Crud(Namespace, Generic[B], path="/"):
        async def on_create(self, payload: B) -> None: ...

    Application(Crud)
