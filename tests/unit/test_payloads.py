"""payloads.py: from a type to its validator and its encoder."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microsockets.errors import ConfigurationError, InvalidPayload, InvalidValue
from microsockets.payloads import ANYTHING, Codec
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    computed_field,
    field_serializer,
)


class Point(BaseModel):
    x: int
    label: str = Field(default="", alias="theLabel")


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    day: date


class Secretive(Point):
    password: str = "secret"


class Deferred(BaseModel):
    model_config = ConfigDict(defer_build=True)
    x: int


class Node(BaseModel):
    children: list[Node] = []


def too_deep(value: Any) -> Any:
    raise RecursionError


Bottomless = Annotated[int, BeforeValidator(too_deep)]


class TestDecode:
    def test_a_value_is_read_from_its_json(self) -> None:
        assert Codec[Point](Point).decode(b'{"x":1,"theLabel":"a"}') == Point(x=1, theLabel="a")

    def test_a_strict_model_reads_a_date_from_json(self) -> None:
        assert Codec[Strict](Strict).decode(b'{"day":"2024-02-29"}').day == date(2024, 2, 29)

    def test_none_is_null(self) -> None:
        assert Codec[None](None).decode(b"null") is None
        with pytest.raises(InvalidPayload):
            Codec[None](None).decode(b"0")

    def test_a_discriminated_union(self) -> None:
        class Cat(BaseModel):
            kind: Literal["cat"]

        class Dog(BaseModel):
            kind: Literal["dog"]

        codec: Codec[Any] = Codec(Annotated[Cat | Dog, Field(discriminator="kind")])
        assert codec.decode(b'{"kind":"dog"}') == Dog(kind="dog")

    def test_a_payload_that_fails_says_where_and_why_and_not_what(self) -> None:
        with pytest.raises(InvalidPayload) as caught:
            Codec[Point](Point).decode(b'{"x":"secret"}')
        assert caught.value.details == [
            {
                "loc": ["x"],
                "msg": "Input should be a valid integer, unable to parse string as an integer",
                "type": "int_parsing",
            }
        ]
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__

    @pytest.mark.parametrize("data", [b'"\\ud800"', b'"\xff"', b"[" * 30_000 + b"]" * 30_000, b"9" * 5000, b"{", b""])
    def test_json_that_cannot_be_a_value_is_refused(self, data: bytes) -> None:
        with pytest.raises(InvalidPayload):
            ANYTHING.decode(data)

    def test_a_type_that_goes_too_deep_refuses_its_payload(self) -> None:
        with pytest.raises(InvalidPayload, match="nested too deeply"):
            Codec[int](Bottomless).decode(b"1")
        nested = b'{"children":[' * 5000 + b"]}" * 5000
        with pytest.raises(InvalidPayload):
            Codec[Node](Node).decode(nested)

    @given(data=st.binary(max_size=100))
    def test_any_bytes_are_a_value_or_invalid(self, data: bytes) -> None:
        for codec in (ANYTHING, Codec[Any](Point)):
            with suppress(InvalidPayload):
                codec.decode(data)


class TestCoerce:
    def test_the_value_is_made_what_the_type_says(self) -> None:
        assert Codec[Point](Point).coerce({"x": "1"}) == Point(x=1)

    def test_what_cannot_be_is_refused_without_the_value(self) -> None:
        with pytest.raises(InvalidValue, match=r"the value is no Point: x: .*int_parsing") as caught:
            Codec[Point](Point).coerce({"x": "secret"})
        assert "secret" not in str(caught.value)


ENCODERS = ["encode", "encode_strictly"]
POINT: Codec[Point] = Codec(Point)
BOTTOMLESS: Codec[int] = Codec(Bottomless)


@pytest.mark.parametrize("encoder", ENCODERS)
class TestEncode:
    def test_names_leave_by_alias(self, encoder: str) -> None:
        assert getattr(POINT, encoder)(Point(x=1, theLabel="a")) == b'{"x":1,"theLabel":"a"}'

    def test_only_declared_fields_leave(self, encoder: str) -> None:
        assert getattr(POINT, encoder)(Secretive(x=1)) == b'{"x":1,"theLabel":""}'

    def test_what_pydantic_accepts_may_be_given(self, encoder: str) -> None:
        assert getattr(POINT, encoder)({"x": "1"}) == b'{"x":1,"theLabel":""}'

    @pytest.mark.parametrize("value", [{"x": "secret"}, None, "secret"])
    def test_what_does_not_match_is_refused_without_the_value(self, encoder: str, value: Any) -> None:
        with pytest.raises(InvalidValue, match="the value is no Point") as caught:
            getattr(POINT, encoder)(value)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("value", ["\ud800", b"\xff", object(), {"\ud800": 1}])
    def test_what_cannot_be_json_is_refused(self, encoder: str, value: Any) -> None:
        with pytest.raises(InvalidValue, match="cannot be written as JSON"):
            getattr(ANYTHING, encoder)(value)

    def test_what_refers_to_itself_is_refused(self, encoder: str) -> None:
        loop: list[Any] = []
        loop.append(loop)
        with pytest.raises(InvalidValue):
            getattr(ANYTHING, encoder)(loop)
        with pytest.raises(InvalidValue, match="it refers to itself"):
            getattr(BOTTOMLESS, encoder)(1)

    def test_nan_and_infinity_leave_as_json(self, encoder: str) -> None:
        assert json.loads(getattr(ANYTHING, encoder)([float("nan"), float("inf")])) == [None, None]


class TestStrictly:
    def test_a_value_that_was_changed_after_validation_is_refused(self) -> None:
        point = Point(x=1)
        point.x = "one"  # type: ignore[assignment]
        with pytest.raises(InvalidValue):
            Codec[Point](Point).encode_strictly(point)

    def test_a_changed_value_that_json_cannot_tell_from_its_type_is_refused_too(self) -> None:
        point = Point(x=1)
        point.x = 1.0  # type: ignore[assignment]
        with pytest.raises(InvalidValue, match="changed to something its type refuses"):
            Codec[Point](Point).encode_strictly(point)

    def test_a_value_that_breaks_a_bound_after_validation_is_refused(self) -> None:
        class Age(BaseModel):
            years: int = Field(ge=0)

        age = Age(years=1)
        age.years = -1
        with pytest.raises(InvalidValue, match="the value is no Age: years: "):
            Codec[Age](Age).encode_strictly(age)


class Renamed(BaseModel):
    x: int = Field(serialization_alias="theX")


class Computed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    x: int

    @computed_field
    def double(self) -> int:
        return 2 * self.x


class Untold(BaseModel):
    when: datetime

    @field_serializer("when")
    def write(self, when: datetime):  # type: ignore[no-untyped-def]
        return when.strftime("%d/%m")


class Opaque:
    pass


class TestTypesThatWriteWhatTheyDoNotRead:
    @pytest.mark.parametrize(
        ("type_", "value", "written"),
        [
            (Renamed, Renamed(x=1), b'{"theX":1}'),
            (Computed, Computed(x=1), b'{"x":1,"double":2}'),
            (Untold, Untold(when=datetime(2026, 5, 1, tzinfo=UTC)), b'{"when":"01/05"}'),
            (list[Untold], [Untold(when=datetime(2026, 5, 1, tzinfo=UTC))], b'[{"when":"01/05"}]'),
            (dict[tuple[int, int], str], {(1, 2): "a"}, b'{"1,2":"a"}'),
            (Annotated[int, PlainSerializer(lambda n: f"no. {n}", return_type=str)], 1, b'"no. 1"'),
            (
                Annotated[InstanceOf[Opaque], PlainSerializer(lambda _: "opaque", return_type=str)],
                Opaque(),
                b'"opaque"',
            ),
        ],
    )
    def test_they_are_written_strictly_too(self, type_: Any, value: Any, written: bytes) -> None:
        codec: Codec[Any] = Codec(type_)
        assert codec.encode(value) == codec.encode_strictly(value) == codec.encode_strictly(value) == written


def test_a_default_does_not_spare_a_type_the_strict_check() -> None:
    class Age(BaseModel):
        years: int = Field(default=0, ge=0)

    age = Age()
    age.years = -1
    codec: Codec[Age] = Codec(Age)
    for _ in range(2):
        with pytest.raises(InvalidValue):
            codec.encode_strictly(age)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=["Cs"])),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.text(st.characters(blacklist_categories=["Cs"])), children, max_size=3)
    ),
    max_leaves=6,
)


@given(value=json_values)
def test_any_json_comes_back(value: Any) -> None:
    assert ANYTHING.decode(ANYTHING.encode(value)) == value
    assert ANYTHING.encode_strictly(value) == ANYTHING.encode(value)


@given(x=st.integers(), label=st.text(st.characters(blacklist_categories=["Cs"])))
def test_any_model_comes_back(x: int, label: str) -> None:
    codec: Codec[Point] = Codec(Point)
    point = Point(x=x, theLabel=label)
    if len(str(abs(x))) <= 4000:
        assert codec.decode(codec.encode(point)) == point


class TestTypes:
    def test_a_deferred_model_is_built(self) -> None:
        assert Codec[Deferred](Deferred).decode(b'{"x":1}') == Deferred(x=1)

    def test_a_name_that_does_not_exist_yet_raises_name_error(self) -> None:
        with pytest.raises(NameError) as caught:
            Codec[Any](list["Missing"])  # type: ignore[name-defined]  # noqa: F821
        assert caught.value.name == "Missing"

    def test_a_model_that_names_what_does_not_exist_yet_raises_name_error(self) -> None:
        incomplete = type("Incomplete", (BaseModel,), {"__annotations__": {"x": "Missing"}, "__module__": __name__})
        with pytest.raises(NameError) as caught:
            Codec[Any](incomplete)
        assert caught.value.name == "Missing"

    def test_a_type_without_a_schema_is_refused(self) -> None:
        class Opaque:
            pass

        with pytest.raises(ConfigurationError, match="pydantic cannot validate"):
            Codec[Any](Opaque)

    def test_a_type_is_named_as_a_developer_would_write_it(self) -> None:
        assert Codec[Point](Point).name == "Point"
        assert Codec[Any](int | None).name == "int | None"
        assert "typing." not in Codec[Any](Literal["a"]).name
