"""The cores of this machine: one for the server, one for the load. And what kind of machine it is."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

# Read once, since `prepare` leaves this process one core only.
_AVAILABLE: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = _AVAILABLE[0]
LOAD_CORE: Final = _AVAILABLE[-1]
SHARED: Final = SERVER_CORE == LOAD_CORE
"""There is one core only, so that server and load take it from each other."""


def prepare() -> None:
    """Pins this process to the load's core, and allows it and its servers as many connections as may be."""
    os.sched_setaffinity(0, {LOAD_CORE})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def on_server_core() -> Generator[None]:
    """What is started within runs on the server's core, with all the threads that it will ever have."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {SERVER_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def facts() -> dict[str, str]:
    """Its processor, system and Python."""
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": f"{len(_AVAILABLE)} (server on {SERVER_CORE}, load on {LOAD_CORE})",
        "memory": f"{int((_first('/proc/meminfo', 'MemTotal') or '0 kB').split()[0]) / 1024**2:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _first(path: str, key: str) -> str | None:
    for line in Path(path).read_text().splitlines():
        name, separator, value = line.partition(":")
        if separator and name.strip() == key:
            return value.strip()
    return None
