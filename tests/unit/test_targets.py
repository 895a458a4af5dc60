"""targets.py: whom a broadcast is for."""

from __future__ import annotations

import pytest
from microsockets.targets import ALL, All, User, user


@pytest.mark.parametrize(("given", "id"), [("ann", "ann"), (7, "7"), ("", "")])
def test_a_user_is_named_by_the_text_of_the_id(given: str | int, id: str) -> None:
    assert user(given) == User(id)
    assert user(given).id == id


def test_a_user_is_not_a_room_of_that_name() -> None:
    names: set[object] = {user("ann")}
    assert "ann" not in names
    assert {user("ann"): 1} == {User("ann"): 1}


def test_all_is_one_value_and_no_text() -> None:
    assert ALL is All.ALL
    assert not isinstance(ALL, str)
