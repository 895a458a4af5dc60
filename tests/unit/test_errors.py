"""errors.py: the tree of failures, and what of them may travel."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from microsockets import errors
from microsockets.errors import (
    AskError,
    ConfigurationError,
    Error,
    Forbidden,
    InvalidValue,
    Overloaded,
    RateLimited,
    Refuse,
    UsageError,
    describe,
    loggable,
    problems,
)
from microsockets.status import ErrorCode
from pydantic import AnyUrl, BaseModel, Field, TypeAdapter, ValidationError


class Seats(BaseModel):
    left: int


class RoomFull(Error):
    """No seat is left.

    More about it.
    """

    code = "room_full"
    details: Seats


def validation_error(type_: Any, value: Any) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(type_).validate_python(value)
    return caught.value


def test_every_framework_code_has_one_class() -> None:
    found = [
        each.code
        for each in vars(errors).values()
        if isinstance(each, type)
        and issubclass(each, Error)
        and each not in (Error, errors.RetryLater, errors.BrokerUnavailable)
    ]
    assert sorted(found) == sorted(code.value for code in ErrorCode)


def test_the_message_defaults_to_the_first_line_of_the_docstring_without_its_full_stop() -> None:
    assert RoomFull().message == "No seat is left"
    assert str(RoomFull()) == "No seat is left"


def test_the_message_defaults_to_the_code_in_words_without_a_docstring() -> None:
    class QuietHours(Error):
        code = "quiet_hours"

    assert QuietHours().message == "quiet hours"


def test_a_docstring_is_not_inherited_as_a_message() -> None:
    class Fuller(RoomFull):
        code = "fuller"

    assert Fuller().message == "fuller"


def test_message_and_details_are_kept() -> None:
    error = RoomFull("Try later", details=Seats(left=0))
    assert (error.code, error.message, error.details) == ("room_full", "Try later", Seats(left=0))


def test_annotated_details_are_validated() -> None:
    adapter = RoomFull.adapter()
    assert adapter.validate_python({"left": "2"}) == Seats(left=2)
    assert adapter.validate_python(None) is None
    with pytest.raises(ValidationError):
        adapter.validate_python({"left": "many"})


def test_details_without_an_annotation_are_anything() -> None:
    assert Forbidden.adapter().validate_python({"left": "many"}) == {"left": "many"}


def test_details_may_name_a_model_local_to_a_function() -> None:
    class Local(BaseModel):
        n: int

    class Failed(Error):
        code = "failed"
        details: Local

    assert Failed.adapter().validate_python({"n": 1}) == Local(n=1)


def test_details_naming_nothing_are_refused_with_the_name() -> None:
    with pytest.raises(ConfigurationError, match=r"Failed\.details: the name 'Missing' is not defined"):
        type("Failed", (Error,), {"code": "failed", "__annotations__": {"details": "Missing"}, "__module__": __name__})


@pytest.mark.parametrize("code", ["", "Room", "room full", "9lives", "room-full", "$room"])
def test_a_code_is_a_lower_case_word(code: str) -> None:
    with pytest.raises(ConfigurationError, match="give it a lower-case word"):
        type("Odd", (Error,), {"code": code})


def test_a_code_of_the_framework_cannot_be_taken() -> None:
    with pytest.raises(ConfigurationError, match="one of the framework's own codes"):
        type("Mine", (Error,), {"code": "forbidden", "__module__": __name__})


def test_a_class_of_the_framework_can_be_subclassed_with_its_code() -> None:
    class NotYours(Forbidden):
        """It belongs to somebody else."""

    assert (NotYours().code, NotYours().message) == ("forbidden", "It belongs to somebody else")


@pytest.mark.parametrize("cls", [RateLimited, Overloaded])
@pytest.mark.parametrize(("seconds", "told"), [(0.5, 0.5), (0.0001, 0.001), (0, 0.001), (1.0001, 1.001), (2, 2.0)])
def test_retry_after_is_in_the_details_rounded_up_to_a_millisecond(
    cls: type[RateLimited | Overloaded], seconds: float, told: float
) -> None:
    error = cls(retry_after=seconds)
    assert error.retry_after == told
    assert error.details == {"retry_after": told}


def test_an_ask_error_carries_code_message_and_details() -> None:
    error = AskError("timeout", "no answer", {"n": 1})
    assert (error.code, error.message, error.details, str(error)) == (
        "timeout",
        "no answer",
        {"n": 1},
        "timeout: no answer",
    )


@pytest.mark.parametrize(("code", "message"), [("unauthorized", "unauthorized"), ("not_found", "not found")])
def test_a_refusal_says_its_code_in_words_by_default(code: Any, message: str) -> None:
    assert (Refuse(code).code, Refuse(code).message, str(Refuse(code))) == (code, message, code)


def test_a_refusal_keeps_its_message() -> None:
    refusal = Refuse("forbidden", "members only")
    assert (refusal.message, str(refusal)) == ("members only", "forbidden: members only")


def test_a_refusal_with_another_code_says_which_there_are() -> None:
    with pytest.raises(ConfigurationError, match="'unauthorized', 'forbidden', 'not_found'"):
        Refuse("teapot")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_misuse_is_a_type_error_when_declared_and_a_value_error_when_called() -> None:
    assert issubclass(ConfigurationError, TypeError)
    assert issubclass(UsageError, ValueError)
    assert issubclass(InvalidValue, UsageError)


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (UUID, "hunter2-secret"),
        (AnyUrl, "hunter2-secret"),
        (Pet, {"kind": "hunter2-secret"}),
        (int, "hunter2-secret"),
        (Literal["a"], "hunter2-secret"),
        (Annotated[str, Field(pattern="^a$")], "hunter2-secret"),
        (Annotated[str, Field(max_length=3)], "hunter2-secret"),
    ],
)
def test_problems_never_contain_the_input(type_: Any, value: Any) -> None:
    error = validation_error(type_, value)
    found = problems(error)
    assert found
    assert all(set(each) == {"loc", "msg", "type"} for each in found)
    assert "hunter2" not in repr(found)
    assert "hunter2" not in describe(error)


def test_problems_say_where() -> None:
    assert problems(validation_error(dict[str, list[int]], {"a": [1, "x"]}))[0]["loc"] == ["a", 1]


def test_at_most_16_problems_are_listed() -> None:
    assert len(problems(validation_error(list[int], ["x"] * 17))) == 16


def test_keys_in_places_are_cut_to_64_characters() -> None:
    assert problems(validation_error(dict[str, int], {"k" * 5000: "x"}))[0]["loc"] == ["k" * 64]


def test_past_256_problems_none_is_listed_and_their_number_told() -> None:
    assert len(problems(validation_error(list[int], ["x"] * 256))) == 16
    error = validation_error(list[int], ["x"] * 257)
    assert problems(error) == []
    assert describe(error) == "257 problems"


def test_a_description_is_one_line_with_places_and_types() -> None:
    assert describe(validation_error(int, "x")).startswith("value: ")
    text = describe(validation_error(dict[str, list[int]], {"a": [1, "x", "y"]}))
    assert text.startswith("a.1: ")
    assert "; a.2: " in text
    assert text.endswith("(int_parsing)")


def test_what_is_logged_of_a_long_chain_is_bounded() -> None:
    failure: BaseException = ValueError("first")
    for number in range(200):
        follower = ValueError(str(number))
        follower.__context__ = failure
        failure = follower
    told: BaseException | None = loggable(failure)
    texts: list[str] = []
    while told is not None:
        texts.append(str(told))
        told = told.__context__
    assert len(texts) == 65
    assert texts[0] == "199"
    assert texts[-1] == "and more exceptions before this one"


def test_a_chain_that_ends_in_itself_is_logged() -> None:
    failure, other = ValueError("a"), ValueError("b")
    failure.__context__, other.__context__ = other, failure
    assert loggable(failure) is failure
