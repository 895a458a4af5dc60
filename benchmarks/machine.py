"""The cores of this machine: one for the server, one for the load. And what kind of machine it is."""

from __future__ import annotations

import os
import platform
import resource
import time
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


class Bystanders:
    """What else runs on this machine, from when it is made."""

    def __init__(self) -> None:
        self._before = _used_by_all() - _used_by_us()
        self._started = time.monotonic()

    def share(self) -> float:
        """Of all its cores, what others used. Processes of ours that still run count as others."""
        used = _used_by_all() - _used_by_us() - self._before
        return max(used, 0.0) / (time.monotonic() - self._started) / len(_AVAILABLE)


def _used_by_all() -> float:
    """Seconds, of which those stolen by other virtual machines are a part."""
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = map(int, _cpu_times()[:8])
    return (user + nice + system + interrupts + soft + stolen) / os.sysconf("SC_CLK_TCK")


def _cpu_times() -> list[str]:
    return Path("/proc/stat").read_text().partition("\n")[0].split()[1:]


def _used_by_us() -> float:
    """Seconds of this process and those that it has waited for."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


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
