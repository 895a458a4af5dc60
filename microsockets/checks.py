"""How closely an application looks at its own output."""

from __future__ import annotations


class Checks:
    """Shared by everything that encodes. `strict` is on with `debug=True` and in tests."""

    __slots__ = ("strict", "undeclared")

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.undeclared: list[str] | None = None
        """In tests: the errors that went out without being listed in `raises=`."""
