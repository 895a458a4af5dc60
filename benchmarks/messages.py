"""What is said in the benchmarks, in the words of any protocol."""

from __future__ import annotations

from typing import Final

from .dialects import Payload

ECHO: Final[Payload] = {"text": "hello world", "n": 42}
SAID: Final[Payload] = {"text": "hello to everybody", "n": 1}
LONG: Final[Payload] = {"text": "four kilobytes, which fill buffers. " * 112, "n": 1}
"""For readers that stall: with short messages it would take minutes until somebody notices."""
WRONG: Final[Payload] = {"text": "hello worl", "n": "x"}
"""As long as `ECHO`, and no `Text`."""
