"""middleware/chain.py: members around an endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from microsockets.errors import ConfigurationError
from microsockets.middleware import Chain, compose
from microsockets.middleware.chain import Next


async def endpoint(call: Any) -> Any:
    call.append("endpoint")
    return "result"


def named(name: str) -> Any:
    async def member(call: Any, call_next: Next) -> Any:
        call.append(f"{name} in")
        result = await call_next(call)
        call.append(f"{name} out")
        return f"{name}({result})"

    return member


class OnlyConnect:
    async def connect(self, call: Any, call_next: Next) -> Any:
        call.append("connect")
        return await call_next(call)

    async def __call__(self, call: Any, call_next: Next) -> Any:
        raise AssertionError


class Callable_:
    async def __call__(self, call: Any, call_next: Next) -> Any:
        call.append("called")
        return await call_next(call)


async def test_the_first_is_outermost_and_results_flow_back() -> None:
    log: list[str] = []
    run = Chain([named("a")]).then([named("b")]).around("event", endpoint)
    assert await run(log) == "a(b(result))"
    assert log == ["a in", "b in", "endpoint", "b out", "a out"]


async def test_exceptions_flow_back_too() -> None:
    async def failing(call: Any) -> Any:
        raise ValueError("inner")

    async def mapping(call: Any, call_next: Next) -> Any:
        try:
            return await call_next(call)
        except ValueError as error:
            return str(error)

    assert await Chain([mapping, named("b")]).around("event", failing)([]) == "inner"


async def test_a_member_may_answer_itself() -> None:
    async def closed(call: Any, call_next: Next) -> Any:
        return "closed"

    log: list[str] = []
    assert await compose([closed], endpoint)(log) == "closed"
    assert log == []


def test_with_no_members_it_is_the_endpoint_itself() -> None:
    assert Chain().around("event", endpoint) is endpoint


@pytest.mark.parametrize("kind", ["connect", "emit", "disconnect"])
async def test_a_function_is_for_events_only(kind: str) -> None:
    assert Chain([named("a")]).members(kind) == []


async def test_an_object_is_for_the_kinds_it_has() -> None:
    chain = Chain([OnlyConnect()])
    log: list[str] = []
    await chain.around("connect", endpoint)(log)
    await chain.around("event", endpoint)(log)
    assert log == ["connect", "endpoint", "endpoint"]


async def test_an_object_that_can_be_called_is_for_events() -> None:
    log: list[str] = []
    await Chain([Callable_()]).around("event", endpoint)(log)
    assert log == ["called", "endpoint"]


def test_adding_members_leaves_the_chain_as_it_was() -> None:
    first, second = named("a"), named("b")
    chain = Chain([first])
    assert chain.then([second]).middlewares == (first, second)
    assert chain.middlewares == (first,)


def test_a_class_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"middleware OnlyConnect is a class: write OnlyConnect\(\)"):
        Chain([OnlyConnect])


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="middleware int: write async def mw"):
        Chain([7])


def test_a_plain_function_is_refused() -> None:
    def plain(call: Any, call_next: Next) -> Any:
        return call_next(call)

    with pytest.raises(ConfigurationError, match="middleware plain is a plain function: write async def plain"):
        Chain().then([plain])
