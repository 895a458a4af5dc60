"""events.py: declarations, options, and who finds a handler by name."""

# Some declarations here are written without their types on purpose.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import pytest
from microsockets.errors import ConfigurationError, Error, UsageError
from microsockets.events import (
    Ask,
    Event,
    EventRouter,
    HandlerOptions,
    check_event_name,
    latest,
    on,
    options_of,
)
from pydantic import BaseModel


class Point(BaseModel):
    x: int


class Full(Error):
    code = "full"


class Chat:
    moved = Event[Point]()
    renamed = Event["Point"]("point moved", policy=latest("x"))
    empty = Event[None]()
    untyped: Any = Event()
    confirm = Ask[Point, bool]()
    other = Ask["Point", "Missing"]("other name")  # type: ignore[name-defined]
    half: Any = Ask()


class TestNames:
    def test_an_application_event_has_any_name_that_is_not_kept(self) -> None:
        assert check_event_name("user joined", "Chat.x") == "user joined"

    @pytest.mark.parametrize(("name", "advice"), [("", "needs a name"), ("$x", r"starts with \$, which is kept")])
    def test_names_that_no_event_may_have(self, name: str, advice: str) -> None:
        with pytest.raises(ConfigurationError, match=rf"^Chat\.x: .*{advice}"):
            check_event_name(name, "Chat.x")

    def test_a_declared_event_cannot_be_a_control_frame(self) -> None:
        class Bad:
            x = Event[int]("$x")
            y = Ask[int, int]("$y")

        for declared in (Bad.x, Bad.y):
            with pytest.raises(ConfigurationError, match=r"Bad\..: '\$.' starts with \$"):
                declared.resolve({})


class TestEvent:
    def test_the_name_is_the_attributes_or_the_one_given(self) -> None:
        assert (Chat.moved.name, Chat.renamed.name, Chat.renamed.attribute) == ("moved", "point moved", "renamed")

    def test_the_type_in_the_brackets_is_resolved(self) -> None:
        for event in (Chat.moved, Chat.renamed):
            event.resolve({})
            assert event.codec.annotation is Point
        assert Chat.renamed.head == b'{"event":"point moved","payload":'

    def test_none_is_a_type(self) -> None:
        Chat.empty.resolve({})
        assert Chat.empty.codec.encode(None) == b"null"

    def test_a_type_is_needed(self) -> None:
        with pytest.raises(ConfigurationError, match=r"Chat\.untyped: say what it carries: Event\[Model\]\(\) or"):
            Chat.untyped.resolve({})

    def test_a_name_that_does_not_exist_yet_raises_name_error(self) -> None:
        class Early:
            x = Event["Missing"]()  # type: ignore[name-defined]
            y = Ask["Missing", int]()  # type: ignore[name-defined]

        declarations: list[Any] = [Early.x, Early.y]
        for declared in declarations:
            with pytest.raises(NameError):
                declared.resolve({})
            assert not declared.resolved
            declared.resolve({"Missing": Point})
            assert declared.resolved

    def test_before_there_is_an_application_its_use_says_what_to_do(self) -> None:
        with pytest.raises(UsageError, match=r"Chat\.moved belongs to no application yet: pass Chat to Application"):
            Chat().moved  # noqa: B018


class TestAsk:
    def test_both_types_are_resolved(self) -> None:
        Chat.confirm.resolve({})
        assert (Chat.confirm.question.annotation, Chat.confirm.answer.annotation) == (Point, bool)
        assert (Chat.confirm.name, Chat.other.name) == ("confirm", "other name")

    def test_a_local_type_is_resolved(self) -> None:
        class Missing(BaseModel):
            pass

        Chat.other.resolve(locals())
        assert Chat.other.answer.annotation is Missing

    def test_both_types_are_needed(self) -> None:
        with pytest.raises(ConfigurationError, match=r"Chat\.half: say what it carries: Ask\[Question, Answer\]\(\)"):
            Chat.half.resolve({})

    def test_before_there_is_an_application_its_use_says_what_to_do(self) -> None:
        with pytest.raises(UsageError, match=r"Chat\.confirm belongs to no application yet"):
            Chat().confirm  # noqa: B018


class TestLatest:
    def test_without_a_key_all_replace_each_other(self) -> None:
        assert latest().key(Point(x=1)) == latest().key(Point(x=2))

    def test_a_fields_name_is_a_key(self) -> None:
        assert latest("x").key(Point(x=3)) == 3

    def test_a_function_is_a_key(self) -> None:
        def parity(point: Point) -> int:
            return point.x % 2

        assert latest(parity).key(Point(x=3)) == 1


class TestOn:
    def test_the_options_are_kept_on_the_function_itself(self) -> None:
        async def function() -> None: ...

        middleware = object()
        decorated = on("user joined", raises=[Full], concurrent=2, timeout=1.5, middleware=[middleware])(function)
        assert decorated is function
        assert options_of(function) == HandlerOptions("user joined", (Full,), 2, 1.5, (middleware,))

    def test_all_options_may_be_left_out(self) -> None:
        @on()
        async def function() -> None: ...

        assert options_of(function) == HandlerOptions(None, (), None, None, ())

    def test_a_function_without_it_has_none(self) -> None:
        assert options_of(len) is None

    def test_parentheses_are_needed(self) -> None:
        async def function() -> None: ...

        with pytest.raises(ConfigurationError, match="@on needs parentheses"):
            on(function)  # type: ignore[arg-type]

    @pytest.mark.parametrize("concurrent", [0, -1])
    def test_at_least_one_must_be_able_to_run(self, concurrent: int) -> None:
        with pytest.raises(ConfigurationError, match=rf"@on\(concurrent={concurrent}\)"):
            on(concurrent=concurrent)

    @pytest.mark.parametrize("timeout", [0, -0.5])
    def test_a_time_limit_is_greater_than_zero(self, timeout: float) -> None:
        with pytest.raises(ConfigurationError, match=rf"@on\(timeout={timeout}\)"):
            on(timeout=timeout)

    @pytest.mark.parametrize("error", [ValueError, Full(), "full"])
    def test_only_error_classes_are_raised(self, error: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"is no subclass of microsockets\.Error"):
            on(raises=[error])


def test_a_router_finds_the_function_added_last() -> None:
    async def first(ws: Any) -> None: ...
    async def second(ws: Any) -> None: ...

    router = EventRouter()
    assert router("x") is None
    router.add("x", first)
    router.add("x", second)
    assert router("x") is second
    assert router("__class__") is None
