"""How fast it shall be: multiples of peers in the same run, and limits of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .results import Results


@dataclass(frozen=True)
class Goal:
    """`at_least` is what has to be reached, and `aim` where it should end. With `falls` both are the most it may be."""

    workload: str
    at_least: float
    aim: float
    peer: str | None = None
    """Ours is compared with this one; without one the figure itself counts."""
    falls: bool = False

    def result(self, results: Results) -> float | None:
        """What was reached; None if it was not measured."""
        if self.peer is not None:
            return results.ratio(self.workload, self.peer)
        return None if results.ours is None else results.value(results.ours, self.workload)

    def met(self, results: Results) -> bool | None:
        """Whether `at_least` was; None if it was not measured."""
        result = self.result(results)
        if result is None:
            return None
        return result <= self.at_least if self.falls else result >= self.at_least

    def verdict(self, results: Results) -> str:
        """In words."""
        return {None: "not measured", True: "met", False: "NOT MET"}[self.met(results)]


GOALS: Final[tuple[Goal, ...]] = (
    Goal("echo-50", 4.5, 6, "python-socketio"),
    Goal("echo-50", 3.3, 5, "chanx"),
    Goal("echo-50", 2.2, 3, "fastapi"),
    Goal("echo-50", 1.0, 1.3, "picows"),
    Goal("echo-50", 0.7, 1.0, "ws"),
    Goal("fanout-1000", 9, 9, "python-socketio"),
    Goal("fanout-1000", 20, 20, "chanx"),
    Goal("fanout-1000", 2, 2, "fastapi"),
    Goal("fanout-1000", 0.9, 1.0, "picows"),
    Goal("fanout-1000", 1.0, 1.0, "ws"),
    Goal("fanout-1000", 0.75, 0.85, "floor"),
    Goal("storm", 2, 2.5, "asgi"),
    Goal("memory", 12, 10, falls=True),
    Goal("stalled", 1.5, 1.2, falls=True),
)
