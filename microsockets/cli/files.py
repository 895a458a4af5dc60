"""Files that are either as they were or whole."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from .problem import Problem


def replace(path: Path, text: str) -> None:
    """Writes a file, or leaves what is there. Raises `Problem`."""
    temporary: str | None = None
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.remove(temporary)
        raise Problem(f"{path} cannot be written: {error.strerror}") from None


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
