"""Programs in C, compiled when they are needed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from .server import ROOT

_CACHE: Final = ROOT / ".cache" / "benchmarks"
_OPTIONS: Final = ("-O2", "-Wall", "-Wextra")
_SECONDS: Final = 60


def find_compiler() -> str | None:
    """The C compiler: what CC names, or else cc, gcc or clang. None if there is none."""
    for name in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        if name and (path := shutil.which(name)):
            return path
    return None


def compiled(source: Path) -> Path:
    """The program made from a file, or the one of before if that has not changed. Raises `RuntimeError` if it fails."""
    compiler = find_compiler()
    if compiler is None:
        raise RuntimeError(f"{source.name} needs a C compiler: apt-get install gcc, or name one with CC=...")
    text = source.read_bytes() + " ".join([compiler, *_OPTIONS]).encode()
    program = _CACHE / f"{source.stem}-{hashlib.sha256(text).hexdigest()[:16]}"
    if not program.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = program.with_suffix(f".{os.getpid()}")
        command = [compiler, *_OPTIONS, "-o", str(unfinished), str(source)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if result.returncode:
            raise RuntimeError(f"{source.name} does not compile:\n{result.stderr}")
        # Whoever else compiles it meanwhile makes the same.
        unfinished.replace(program)
    return program
