"""hooks.py: any number of each, in order."""

from __future__ import annotations

import pytest
from microsockets.hooks import HookList, Hooks


def test_a_list_of_hooks_is_its_own_decorator() -> None:
    hooks = HookList()

    @hooks
    async def first() -> None: ...

    async def second() -> None: ...

    assert hooks(second) is second
    hooks.append(first)
    assert hooks == [first, second, first]


@pytest.mark.parametrize("name", ["before_on", "on_startup", "on_shutdown", "on_connect", "on_disconnect"])
def test_each_kind_has_a_list_of_its_own(name: str) -> None:
    async def hook() -> None: ...

    hooks = Hooks()
    getattr(hooks, name)(hook)
    assert {key: value for key, value in vars(hooks).items() if value} == {name: [hook]}
    assert getattr(Hooks(), name) == []
