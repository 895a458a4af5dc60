"""signatures.py: what each parameter is filled with."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

import pytest
from microsockets.errors import ConfigurationError
from microsockets.signatures import (
    CALL,
    MISSING,
    PAYLOAD,
    ROLE_ATTRIBUTE,
    SOCKET,
    Depends,
    Signature,
    read_signature,
)

S = TypeVar("S")


class FakeSocket(Generic[S]):
    pass


class FakeCall:
    pass


setattr(FakeSocket, ROLE_ATTRIBUTE, SOCKET)
setattr(FakeCall, ROLE_ATTRIBUTE, CALL)


def clock() -> int:
    return 0


def handler(function: Callable[..., Any], *, bound: bool = True) -> Signature:
    return read_signature(function, roles=frozenset({SOCKET, PAYLOAD}), where="Chat.on_x", bound=bound)


def dependency(function: Callable[..., Any], **locals_: Any) -> Signature:
    return read_signature(function, roles=frozenset({SOCKET, CALL}), where="dependency f", locals_=locals_)


class TestHandlers:
    def test_the_annotated_socket_the_payload_and_the_return_type(self) -> None:
        async def on_x(self: Any, peer: FakeSocket[int], text: str = "none") -> bool:
            return True

        assert handler(on_x) == Signature(((None, SOCKET), (None, PAYLOAD)), "text", str, "none", bool)

    @pytest.mark.parametrize("name", ["ws", "socket"])
    def test_an_unannotated_ws_or_socket_is_the_socket(self, name: str) -> None:
        namespace: dict[str, Any] = {}
        exec(f"async def on_x(self, {name}, payload): ...", namespace)
        assert handler(namespace["on_x"]) == Signature(((None, SOCKET), (None, PAYLOAD)), "payload")

    def test_an_annotated_ws_may_be_the_payload(self) -> None:
        async def on_x(self: Any, ws: str) -> None: ...

        assert handler(on_x).payload_name == "ws"

    def test_an_unannotated_payload_is_the_decoded_json(self) -> None:
        async def on_x(self, message): ...  # type: ignore[no-untyped-def]

        signature = handler(on_x)  # pyright: ignore[reportUnknownArgumentType]
        assert (signature.payload_type, signature.payload_default, signature.returns) == (Any, MISSING, MISSING)

    def test_no_parameters_at_all(self) -> None:
        async def on_x(self: Any) -> None: ...

        signature = handler(on_x)
        assert (signature.arguments, signature.payload_name, signature.returns) == ((), None, type(None))

    def test_dependencies_are_marked_by_depends(self) -> None:
        async def on_x(
            self: Any,
            a: Annotated[int, "note", Depends(clock)],
            b: Annotated[int, Depends(clock)],
            c: Annotated[int, "x"],
        ) -> None: ...

        signature = handler(on_x)
        assert signature.dependencies == [Depends(clock), Depends(clock)]
        assert signature.payload_name == "c"
        assert signature.payload_type == Annotated[int, "x"]

    def test_an_annotated_socket_keeps_its_role(self) -> None:
        async def on_x(self: Any, peer: Annotated[FakeSocket[int], "note"]) -> None: ...

        assert handler(on_x).arguments == ((None, SOCKET),)

    def test_keyword_only_parameters_are_passed_by_name(self) -> None:
        async def on_x(self: Any, ws: FakeSocket[int], *, text: str) -> None: ...

        assert handler(on_x).arguments == ((None, SOCKET), ("text", PAYLOAD))

    def test_self_is_needed(self) -> None:
        async def on_x() -> None: ...

        with pytest.raises(
            ConfigurationError, match=r"Chat\.on_x needs self: write async def on_x\(self, ws: Socket\)"
        ):
            handler(on_x)

    def test_two_payloads_are_refused_with_what_to_write(self) -> None:
        async def on_x(self: Any, a: int, b: int) -> None: ...

        with pytest.raises(
            ConfigurationError, match="'a' is the payload, so 'b' cannot be one too; put both in one model"
        ):
            handler(on_x)

    def test_two_sockets_are_refused(self) -> None:
        async def on_x(self: Any, a: FakeSocket[int], b: FakeSocket[int]) -> None: ...

        with pytest.raises(ConfigurationError, match="two parameters are the socket; keep one"):
            handler(on_x)

    def test_stars_are_refused(self) -> None:
        async def positional(self: Any, *args: int) -> None: ...
        async def named(self: Any, **kwargs: int) -> None: ...

        for function in (positional, named):
            with pytest.raises(ConfigurationError, match="cannot be filled; name each parameter"):
                handler(function)

    def test_a_name_that_does_not_exist_yet_raises_name_error(self) -> None:
        async def on_x(self: Any, a: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

        with pytest.raises(NameError):
            handler(on_x)  # pyright: ignore[reportUnknownArgumentType]

    def test_the_wrapped_function_of_a_decorator_is_read(self) -> None:
        async def on_x(self: Any, text: str) -> None: ...

        @functools.wraps(on_x)
        async def wrapper(*args: Any, **kwargs: Any) -> None: ...

        assert handler(wrapper).payload_type is str


class TestDependencies:
    def test_the_socket_and_the_call(self) -> None:
        def f(call: FakeCall, ws: Any = None, socket: FakeSocket[int] | None = None) -> None: ...

        assert dependency(f).arguments == ((None, CALL),)

    def test_what_has_a_default_is_left_out_and_what_follows_is_passed_by_name(self) -> None:
        def f(size: int = 3, ws: FakeSocket[int] | None = None, peer: Annotated[int, Depends(clock)] = 1) -> None: ...

        assert dependency(f).arguments == (("peer", Depends(clock)),)

    def test_anything_else_is_refused_with_what_to_write(self) -> None:
        def f(size: int) -> None: ...

        with pytest.raises(ConfigurationError, match="'size' cannot be filled; annotate it as a Socket, the Call, or"):
            dependency(f)
        with pytest.raises(ConfigurationError, match="annotate it as a Socket, or"):
            read_signature(f, roles=frozenset({SOCKET}), where="f")

    def test_a_call_is_no_role_where_there_is_none(self) -> None:
        def f(call: FakeCall) -> None: ...

        with pytest.raises(ConfigurationError, match="'call' cannot be filled"):
            read_signature(f, roles=frozenset({SOCKET}), where="f")

    def test_a_class_is_read_by_its_init(self) -> None:
        class Made:
            def __init__(self, ws: FakeSocket[int]) -> None: ...

        assert dependency(Made).arguments == ((None, SOCKET),)

    def test_an_object_is_read_by_its_call(self) -> None:
        class Maker:
            def __call__(self, peer: FakeSocket[int]) -> None: ...

        assert dependency(Maker()).arguments == ((None, SOCKET),)

    def test_a_class_without_an_init_takes_nothing(self) -> None:
        class Plain:
            pass

        assert dependency(Plain).arguments == ()

    def test_local_names_are_looked_up_in_the_locals_given(self) -> None:
        class Local:
            pass

        setattr(Local, ROLE_ATTRIBUTE, SOCKET)

        def f(peer: Local) -> None: ...

        assert dependency(f, Local=Local).arguments == ((None, SOCKET),)

    def test_depends_needs_a_function(self) -> None:
        with pytest.raises(ConfigurationError, match=r"Depends\(7\): give it a function"):
            Depends(7)  # type: ignore[arg-type]
