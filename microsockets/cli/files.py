"""Files that are either as they were or whole."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from .problem import Problem


def replace(path: Path, text: str) -> None:
    """Writes a file, or leaves what is there; what a link leads to, and not the link. What is no file, such as a pipe,
    is written to. Raises `Problem`."""
    try:
        if _is_stream(path):
            path.write_text(text, encoding="utf-8", newline="\n")
        else:
            _replace(Path(os.path.realpath(path)), text)
    except OSError as error:
        raise Problem(f"{path} cannot be written: {error.strerror}") from None


def _is_stream(path: Path) -> bool:
    # What is redirected to /dev/stdout may be a file, which others have open.
    return path.exists() and (not path.is_file() or path.is_relative_to("/dev"))


def _replace(path: Path, text: str) -> None:
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        raise


def read(path: Path, advice: str) -> str:
    """Reads a file. Raises `Problem`, which gives the advice when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Problem(f"there is no {path}; {advice}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"{path} cannot be read: {error}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
