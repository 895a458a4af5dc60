"""Notices that nobody is at the other end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .timers import after, now

_SILENCE: Final = 15.0
_ANSWER: Final = 10.0
_AGAIN: Final = 3.0
_LATE: Final = 1.0


class Liveness:
    """After 15 s of silence it calls `ping`, and if nothing is heard within 10 s more, `dead`."""

    def __init__(self, ping: Callable[[], object], dead: Callable[[], object]) -> None:
        self._ping = ping
        self._dead = dead
        self._heard_at = now()
        self._asked = False
        self._was_late = False
        self._wait(_SILENCE)

    def heard(self) -> None:
        """Something was received. Called for each message, so it starts no timer."""
        self._heard_at = now()
        self._asked = False

    def stop(self) -> None:
        """Notices nothing any more."""
        self._timer.cancel()

    def _wait(self, seconds: float) -> None:
        self._due_at = now() + seconds
        self._timer = after(seconds, self._check)

    def _ask(self, seconds: float) -> None:
        self._asked = True
        self._wait(seconds)
        self._ping()

    def _check(self) -> None:
        if not self._asked:
            silence = now() - self._heard_at
            self._was_late = False
            if silence < _SILENCE:
                self._wait(_SILENCE - silence)
            else:
                self._ask(_ANSWER)
        elif now() - self._due_at > _LATE and not self._was_late:
            # The machine slept, or the program blocked the loop: the answer may have come and wait to be read.
            self._was_late = True
            self._ask(_AGAIN)
        else:
            self._dead()
