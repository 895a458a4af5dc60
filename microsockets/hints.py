"""Resolving annotations where they were written, including names local to a function."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import FrameType, SimpleNamespace
from typing import Any, get_type_hints


def caller_locals() -> dict[str, Any]:
    """The local names visible where the class being created is written; empty at module level.

    Call it from `__init_subclass__` or `__init__`: frames of the same name, which are subclasses' own, are passed over.
    """
    first = sys._getframe(1)
    creating = first.f_code.co_name
    frame: FrameType | None = first
    while frame is not None and frame.f_code.co_name in (creating, "__new__"):
        frame = frame.f_back
    found: dict[str, Any] = {}
    while frame is not None and frame.f_locals is not frame.f_globals:
        found = {**frame.f_locals, **found}
        # The body of a class sees the names of the function around it, and of no other caller.
        frame = frame.f_back if "__qualname__" in frame.f_locals else None
    return found


def module_globals(owner: Any) -> dict[str, Any]:
    """The global names of the module in which `owner` (a class or function) is written."""
    module = sys.modules.get(owner.__module__)
    return dict(vars(module)) if module is not None else {}


def resolve(annotations: Mapping[str, Any], globals_: Mapping[str, Any], locals_: Mapping[str, Any]) -> dict[str, Any]:
    """The annotations with every string and forward reference evaluated; `Annotated` is kept.

    Raises `NameError` for a name that does not exist yet.
    """
    holder = SimpleNamespace(__annotations__=dict(annotations))
    return get_type_hints(holder, dict(globals_), dict(locals_), include_extras=True)
