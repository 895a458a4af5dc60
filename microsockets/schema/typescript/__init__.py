"""From a contract to the types of the TypeScript client."""

from __future__ import annotations

from .file import interfaces, render

__all__ = ["interfaces", "render"]
