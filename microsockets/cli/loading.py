"""From `module:attribute` to the application, with errors that say what to do."""

from __future__ import annotations

import contextlib
import importlib
import sys
import sysconfig
import traceback
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

from ..application import Application
from ..errors import loggable
from ..schema import ContractError
from .problem import Problem


def load(target: str) -> Any:
    """The object, such as an application. Raises `Problem` if it cannot be found; what the module itself
    raises passes."""
    module_name, separator, attribute = target.partition(":")
    if not separator or not attribute or not module_name:
        raise Problem(f"{target!r} is no module:attribute; write {module_name or 'main'}:app")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise Problem(f"there is no module {error.name!r} here; run in its folder, or give --app-dir") from None
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise Problem(f"{module_name!r} has no {attribute!r}; give the name of the application in it")
        found = getattr(found, name)
    return found


def load_application(target: str, app_dir: str) -> Application:
    """The application of a command that describes it. Raises `Problem`, also for what the module raises: one
    sentence with the place in the user's code."""
    sys.path.insert(0, app_dir)
    try:
        found = load(target)
    except Problem:
        raise
    except (Exception, SystemExit) as error:
        raise Problem(f"{target} cannot be imported: {_told(error)}{_place(error)}") from None
    if not isinstance(found, Application):
        raise Problem(f"{target} is a {type(found).__name__} and no microsockets.Application")
    if not found.namespaces:
        raise Problem(f"{target} has no namespaces; events of @app.on have no types to describe")
    return found


@contextlib.contextmanager
def described() -> Generator[None, None, None]:
    """Turns what cannot be described into an error of the command."""
    try:
        yield
    except ContractError as error:
        raise Problem(str(error)) from None


def _told(error: BaseException) -> str:
    """In one line."""
    text = str(loggable(error)).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _place(error: BaseException) -> str:
    """The last line of the user's own that ran."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_library(frame.filename)]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""


_LIBRARIES: Final = (
    str(Path(__file__).parent.parent),
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    "<frozen",
)


def _is_library(filename: str) -> bool:
    return filename.startswith(_LIBRARIES) or "site-packages" in filename
