"""From a contract to the types of the TypeScript client."""

from __future__ import annotations

from .file import render

__all__ = ["render"]
