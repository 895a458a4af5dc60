"""Handlers that cannot work are refused when their class is created, with a message that says what to write."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from microsockets import Application, ConfigurationError, Depends, Error, Event, Namespace, Socket, on
from pydantic import BaseModel


class Model(BaseModel):
    x: int


class Plain:
    """Pydantic has no schema for it."""


def make() -> int:
    return 1


def getter(self: Any) -> int:
    return 1


def test_a_plain_def_is_refused_with_the_advice_to_use_to_thread() -> None:
    with pytest.raises(ConfigurationError, match=r"Chat\.on_say is a plain function.*async def.*asyncio\.to_thread"):

        class Chat(Namespace):
            def on_say(self, ws: Socket, payload: int) -> None: ...


def test_a_plain_generator_is_refused_too() -> None:
    with pytest.raises(ConfigurationError, match=r"Chat\.on_say is a plain function"):

        class Chat(Namespace):
            def on_say(self, ws: Socket) -> Any:
                yield 1


def test_a_plain_def_with_a_name_given_by_on_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"Chat\.speak is a plain function"):

        class Chat(Namespace):
            @on("say")
            def speak(self, ws: Socket) -> None: ...


@pytest.mark.parametrize("value", [3, "text", Model, staticmethod(make), property(getter)])
def test_an_attribute_with_the_prefix_that_is_no_method_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"Chat\.on_say is no method: write async def on_say\(self, ws"):
        type("Chat", (Namespace,), {"on_say": value})


@pytest.mark.parametrize("name", ["on_connect", "on_disconnect"])
def test_a_plain_lifecycle_method_is_refused(name: str) -> None:
    def method(self: Any, ws: Socket) -> None: ...

    with pytest.raises(ConfigurationError, match=rf"Chat\.{name}: write async def {name}\(self, ws: Socket\)"):
        type("Chat", (Namespace,), {name: method})


def test_a_payload_for_on_disconnect_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"Chat\.on_disconnect: 'params' cannot be filled"):

        class Chat(Namespace):
            async def on_disconnect(self, ws: Socket, params: Model) -> None: ...


# Names


@pytest.mark.parametrize("name", ["connect", "disconnect"])
def test_the_names_of_the_lifecycle_are_no_events(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no event; choose another name"):

        class Chat(Namespace):
            @on(name)
            async def handle(self, ws: Socket) -> None: ...


@pytest.mark.parametrize("name", ["$hello", "$cancel", "$mine"])
def test_a_name_that_starts_with_a_dollar_is_no_event(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"starts with \$, which is kept for control frames"):

        class Chat(Namespace):
            @on(name)
            async def handle(self, ws: Socket) -> None: ...


def test_the_prefix_without_a_name_is_refused() -> None:
    async def method(self: Any, ws: Socket) -> None: ...

    with pytest.raises(ConfigurationError, match="an event needs a name"):
        type("Chat", (Namespace,), {"on_": method})


def test_on_without_a_name_on_a_method_without_the_prefix_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r'name the event, @on\("speak"\), or call the method on_speak'):

        class Chat(Namespace):
            @on()
            async def speak(self, ws: Socket) -> None: ...


def test_two_methods_of_one_class_for_one_event_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"on_say handles 'say' already; keep one"):

        class Chat(Namespace):
            async def on_say(self, ws: Socket) -> None: ...

            @on("say")
            async def speak(self, ws: Socket) -> None: ...


# Options


def test_on_without_parentheses_is_refused() -> None:
    async def say(self: Any, ws: Socket) -> None: ...

    bare: Any = on
    with pytest.raises(ConfigurationError, match=r'@on needs parentheses: write @on\(\) or @on\("name"\)'):
        bare(say)


@pytest.mark.parametrize("concurrent", [0, -1])
def test_concurrent_needs_a_positive_number(concurrent: int) -> None:
    with pytest.raises(ConfigurationError, match=r"give the number that may run at once, 1 or more"):
        on(concurrent=concurrent)


@pytest.mark.parametrize("timeout", [0, -0.5])
def test_timeout_needs_positive_seconds(timeout: float) -> None:
    with pytest.raises(ConfigurationError, match=r"give seconds greater than 0"):
        on(timeout=timeout)


@pytest.mark.parametrize("wrong", [ValueError, "room_full", Error("x")])
def test_raises_takes_subclasses_of_error(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"no subclass of microsockets\.Error"):
        on(raises=[wrong])


def test_an_error_without_a_code_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='give it a lower-case word, like code = "room_full"'):

        class RoomFull(Error): ...


def test_an_error_with_a_code_of_the_framework_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="one of the framework's own codes: choose another"):

        class Denied(Error):
            code = "forbidden"


# Parameters


def test_a_second_payload_is_refused_with_three_ways_out() -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"'a' is the payload, so 'b' cannot be.*one model.*annotate the socket as Socket.*Annotated",
    ):

        class Chat(Namespace):
            async def on_say(self, ws: Socket, a: int, b: str) -> None: ...


def test_an_unannotated_second_payload_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'connection' is the payload, so 'payload' cannot be one too"):

        class Chat(Namespace):
            async def on_say(self, connection, payload: int) -> None: ...  # type: ignore[no-untyped-def]


def test_a_second_payload_is_refused_even_with_a_default() -> None:
    with pytest.raises(ConfigurationError, match="'b' cannot be one too"):

        class Chat(Namespace):
            async def on_say(self, a: int, b: int = 3) -> None: ...


def test_a_second_socket_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"two parameters are the socket; keep one"):

        class Chat(Namespace):
            async def on_say(self, ws: Socket, other: Socket) -> None: ...


def test_star_arguments_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"\*args cannot be filled; name each parameter"):

        class Chat(Namespace):
            async def on_say(self, ws: Socket, *args: int) -> None: ...

    with pytest.raises(ConfigurationError, match=r"\*kwargs cannot be filled; name each parameter"):

        class Talk(Namespace):
            async def on_say(self, ws: Socket, **kwargs: int) -> None: ...


def test_a_method_without_self_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"on_say needs self: write async def on_say\(self, ws: Socket\)"):

        class Chat(Namespace):
            async def on_say() -> None: ...  # type: ignore[misc]  # pyright: ignore[reportSelfClsParameterName]


def test_a_payload_pydantic_cannot_validate_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"pydantic cannot validate .*Plain"):

        class Chat(Namespace):
            async def on_say(self, ws: Socket, payload: Plain) -> None: ...


def test_an_answer_pydantic_cannot_validate_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"pydantic cannot validate .*Plain"):

        class Chat(Namespace):
            async def on_say(self, ws: Socket) -> Plain: ...  # type: ignore[empty-body]


def test_an_event_pydantic_cannot_validate_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"pydantic cannot validate .*Plain"):

        class Chat(Namespace):
            said = Event[Plain]()


def test_a_stream_annotated_with_its_item_is_refused_with_what_to_write() -> None:
    with pytest.raises(ConfigurationError, match=r"on_count yields items: annotate it as -> AsyncIterator\[Item\]"):

        class Chat(Namespace):
            async def on_count(self, ws: Socket) -> int:  # type: ignore[misc]
                yield 1  # pyright: ignore[reportReturnType]


# Dependencies


def test_depends_on_what_is_no_function_is_refused() -> None:
    wrong: Any = 3
    with pytest.raises(ConfigurationError, match=r"Depends\(3\): give it a function"):
        Depends(wrong)


def test_a_dependency_that_needs_a_payload_is_refused_at_start_up() -> None:
    def needy(payload: int) -> int:
        return payload

    class Chat(Namespace, path="/"):
        async def on_say(self, ws: Socket, made: Annotated[int, Depends(needy)]) -> None: ...

    with pytest.raises(ConfigurationError, match=r"needy: 'payload' cannot be filled; annotate it as a Socket"):
        Application(Chat)


def test_dependencies_that_need_each_other_are_refused_at_start_up() -> None:
    def first(ws: Socket) -> None: ...

    def second(made: Annotated[None, Depends(first)]) -> None: ...

    first.__annotations__["ws"] = Annotated[None, Depends(second)]

    class Chat(Namespace, path="/"):
        async def on_say(self, ws: Socket, made: Annotated[None, Depends(second)]) -> None: ...

    with pytest.raises(ConfigurationError, match=r"these dependencies need each other: .*second -> .*first -> .*sec"):
        Application(Chat)


def test_the_message_names_the_class_and_the_method_it_is_about() -> None:
    with pytest.raises(ConfigurationError, match=r"<locals>\.Chat\.on_say: "):

        class Chat(Namespace):
            async def on_say(self, ws: Socket, a: int, b: int) -> None: ...


def test_a_configuration_error_is_a_type_error() -> None:
    with pytest.raises(TypeError):

        class Chat(Namespace):
            def on_say(self, ws: Socket) -> None: ...
