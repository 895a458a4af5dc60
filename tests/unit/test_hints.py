"""hints.py: names are looked up where the annotation was written."""

from __future__ import annotations

import sys
from typing import Annotated, Any, get_args

import pytest
from microsockets.hints import caller_locals, module_globals, resolve


class Base:
    seen: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.seen = caller_locals()


class Between(Base):
    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)


class AtModuleLevel(Base):
    pass


class WithNew:
    """Made by `__new__`, as a metaclass or a NamedTuple would."""

    seen: dict[str, Any]

    def __new__(cls) -> WithNew:
        self = super().__new__(cls)
        self.seen = caller_locals()
        return self


def test_there_are_no_locals_at_module_level() -> None:
    assert AtModuleLevel.seen == {}


def test_names_of_the_function_around_the_class_are_found() -> None:
    marker = object()

    class Local(Base):
        pass

    assert Local.seen["marker"] is marker


def test_frames_of_subclasses_that_pass_the_call_on_are_passed_over() -> None:
    marker = object()

    class Local(Between):
        pass

    assert Local.seen["marker"] is marker


def test_a_frame_of_new_is_passed_over() -> None:
    marker = object()
    assert WithNew().seen["marker"] is marker


def test_the_body_of_an_outer_class_sees_the_function_around_it_and_hides_its_names() -> None:
    marker = object()
    hidden = "function"

    class Outer:
        hidden = "class"

        class Inner(Base):
            pass

    assert Outer.Inner.seen["marker"] is marker
    assert Outer.Inner.seen["hidden"] == "class"
    assert hidden == "function"


def test_names_of_the_callers_of_that_function_are_not_found() -> None:
    def write() -> dict[str, Any]:
        class Local(Base):
            pass

        return Local.seen

    marker = object()
    assert "marker" not in write()
    assert marker


def test_the_globals_are_those_of_the_owners_module() -> None:
    assert module_globals(Base)["AtModuleLevel"] is AtModuleLevel
    assert module_globals(test_there_are_no_locals_at_module_level)["Base"] is Base


def test_an_owner_of_no_module_has_no_globals() -> None:
    assert "no such module" not in sys.modules
    assert module_globals(type("Orphan", (), {"__module__": "no such module"})) == {}


def test_strings_are_evaluated_with_globals_and_locals() -> None:
    class Here:
        pass

    found = resolve({"a": "Base", "b": "list[Here]", "c": int}, globals(), {"Here": Here})
    assert found == {"a": Base, "b": list[Here], "c": int}


def test_annotated_is_kept() -> None:
    assert get_args(resolve({"a": Annotated[int, "extra"]}, {}, {})["a"]) == (int, "extra")


def test_a_name_that_does_not_exist_raises_name_error_with_the_name() -> None:
    with pytest.raises(NameError) as caught:
        resolve({"a": "Missing"}, {}, {})
    assert caught.value.name == "Missing"
