"""Resolving annotations where they were written, including names local to a function."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, get_type_hints


def caller_locals() -> dict[str, Any]:
    """The local names visible where the class being created is written; empty at module level.

    Call it from `__init_subclass__`: the frames of `__init_subclass__` and of metaclasses are passed over.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_name in ("__init_subclass__", "__new__", "__init__"):
        frame = frame.f_back
    found: dict[str, Any] = {}
    # A class body inside a function sees the function's names too, so the enclosing frames count until the module.
    while frame is not None and frame.f_locals is not frame.f_globals:
        for name, value in frame.f_locals.items():
            found.setdefault(name, value)
        if "__qualname__" not in frame.f_locals or frame.f_back is None:
            break
        frame = frame.f_back
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
