"""The states of a socket, and how a connection ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ..status import ABNORMAL

State: TypeAlias = Literal["connecting", "open", "waiting", "closing", "closed"]
"""What a socket is doing.

- `connecting`: the first attempt or a later one is under way.
- `open`: events flow.
- `waiting`: the connection was lost, or an attempt failed, and the next attempt comes by itself.
- `closing`: `close()` was called.
- `closed`: for good, or until `open()` is called.
"""


@dataclass(frozen=True, slots=True)
class End:
    """How a connection ended: code and reason of RFC 6455 section 7.4, and 1006 where there was no closing handshake.

    `cause` is the exception behind it, if there was one.
    """

    code: int
    reason: str = ""
    cause: BaseException | None = None

    def __str__(self) -> str:
        if self.code == ABNORMAL and self.cause is not None:
            return type(self.cause).__name__
        return f"{self.code} {self.reason}".rstrip()


@dataclass(frozen=True, slots=True)
class StateChange:
    """The state is another one."""

    state: State
    previous: State
    end: End | None = None
    """How the connection ended, if one did."""
    delay: float | None = None
    """Seconds until the next attempt, while `waiting`."""


BROKEN: Final = End(ABNORMAL)
