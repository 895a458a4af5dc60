"""What one round cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One round of one application."""

    cost: float
    """Per operation, in the unit of the comparison: mostly microseconds of the server's processor time."""
    per_second: float | None = None
    """Operations per second of the clock."""
    load: float | None = None
    """The share of a core that the load generator used."""
