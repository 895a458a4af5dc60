"""The cores of this machine: one for the server, one for the load."""

from __future__ import annotations

import os
import resource
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
