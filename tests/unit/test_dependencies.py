"""dependencies.py: made for one message, closed afterwards."""

# Some declarations here are written without their types on purpose.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from typing import Annotated, Any

import pytest
from microsockets.dependencies import Resolver
from microsockets.errors import ConfigurationError
from microsockets.middleware import Call
from microsockets.signatures import Depends

events: list[str] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    events.clear()


def plain(ws) -> str:  # type: ignore[no-untyped-def]
    events.append("plain")
    return f"plain {ws}"


async def waiting() -> str:
    return "waiting"


def opened() -> Iterator[str]:
    events.append("open")
    yield "opened"
    events.append("close")


async def opened_later() -> AsyncIterator[str]:
    events.append("open later")
    yield "opened later"
    events.append("close later")


def nested(
    call: Call, a: Annotated[str, Depends(plain)], size: int = 3, *, b: Annotated[str, Depends(opened)]
) -> tuple[Any, ...]:
    return call, a, size, b


async def resolve(resolver: Resolver, *functions: Callable[..., Any]) -> list[Any]:
    made: dict[Callable[..., Any], Any] = {}
    async with AsyncExitStack() as exits:
        values = [await resolver.resolve(Depends(each), "ws", "call", made, exits) for each in functions]
        events.append("used")
    return values


@pytest.mark.parametrize(
    ("function", "value"),
    [(plain, "plain ws"), (waiting, "waiting"), (opened, "opened"), (opened_later, "opened later")],
)
async def test_a_dependency_may_be_plain_async_or_a_generator_of_either_kind(
    function: Callable[..., Any], value: str
) -> None:
    resolver = Resolver()
    resolver.check(Depends(function))
    assert await resolve(resolver, function) == [value]
    assert await resolve(resolver, function) == [value]


async def test_generators_are_closed_in_reverse_after_use() -> None:
    await resolve(Resolver(), opened, opened_later)
    assert events == ["open", "open later", "used", "close later", "close"]


async def test_it_may_take_the_call_and_other_dependencies_and_have_defaults() -> None:
    resolver = Resolver()
    resolver.check(Depends(nested))
    assert await resolve(resolver, nested) == [("call", "plain ws", 3, "opened")]


async def test_within_one_message_each_function_runs_once() -> None:
    await resolve(Resolver(), plain, nested, plain)
    assert events.count("plain") == 1


async def test_an_override_replaces_the_function_everywhere() -> None:
    def double() -> str:
        return "double"

    resolver = Resolver()
    resolver.overrides[plain] = double
    assert await resolve(resolver, plain, nested) == ["double", ("call", "double", 3, "opened")]


async def test_a_class_is_made() -> None:
    class Made:
        def __init__(self) -> None:
            self.n = 1

    [value] = await resolve(Resolver(), Made)
    assert value.n == 1


async def test_a_class_with_an_async_call_is_made_like_any_other() -> None:
    class Client:
        async def __call__(self) -> str:
            return "called"

    [value] = await resolve(Resolver(), Client)
    assert isinstance(value, Client)


async def test_an_object_is_called() -> None:
    class Maker:
        async def __call__(self) -> str:
            return "called"

    assert await resolve(Resolver(), Maker()) == ["called"]


async def test_a_method_is_called() -> None:
    class Pool:
        async def take(self) -> str:
            return "taken"

    assert await resolve(Resolver(), Pool().take) == ["taken"]


async def test_an_error_of_the_handler_reaches_the_generator() -> None:
    def transaction() -> Iterator[None]:
        try:
            yield
        except ValueError:
            events.append("rolled back")
            raise

    async with AsyncExitStack() as exits:
        await Resolver().resolve(Depends(transaction), None, None, {}, exits)
        error = ValueError()
        assert not await exits.__aexit__(ValueError, error, None)
    assert events == ["rolled back"]


def chicken(egg: Annotated[Any, Depends(lambda: None)]) -> None: ...


def egg(of: Annotated[Any, Depends(chicken)]) -> None: ...


def test_dependencies_that_need_each_other_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(chicken.__annotations__, "egg", Annotated[Any, Depends(egg)])
    with pytest.raises(ConfigurationError, match="these dependencies need each other: chicken -> egg -> chicken"):
        Resolver().check(Depends(chicken))


def left(a: Annotated[str, Depends(plain)]) -> None: ...
def top(a: Annotated[str, Depends(plain)], b: Annotated[None, Depends(left)]) -> None: ...


def test_two_that_need_the_same_are_no_circle() -> None:
    Resolver().check(Depends(top))


def test_one_that_cannot_be_called_is_refused_by_name() -> None:
    def impossible(size: int) -> None: ...

    with pytest.raises(ConfigurationError, match=r"dependency .*impossible: 'size' cannot be filled"):
        Resolver().check(Depends(impossible))

    class Maker:
        def __call__(self, size: int) -> None: ...

        def __repr__(self) -> str:
            return "<maker>"

    with pytest.raises(ConfigurationError, match="dependency <maker>: 'size' cannot be filled"):
        Resolver().check(Depends(Maker()))


def test_a_dependency_that_names_nothing_is_refused_in_words() -> None:
    def lost(a: Annotated[str, Depends(missing)]) -> None: ...  # noqa: F821  # pyright: ignore[reportUndefinedVariable]

    with pytest.raises(ConfigurationError, match="missing"):
        Resolver().check(Depends(lost))


@pytest.mark.parametrize("function", [time.time, dict, getattr])
def test_a_builtin_is_called_or_refused_in_words(function: Callable[..., Any]) -> None:
    with suppress(ConfigurationError):
        Resolver().check(Depends(function))
