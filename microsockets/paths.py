"""Path templates: `/game/{game_id}`; a parameter matches one segment."""

from __future__ import annotations

import re
from typing import Final, Generic

from typing_extensions import TypeVar

from .errors import ConfigurationError

V = TypeVar("V")

_PARAMETER: Final = re.compile(r"\{([^{}]*)\}")


class Path:
    """One template."""

    def __init__(self, template: str, where: str) -> None:
        """Raises `ConfigurationError`, which names `where`, for a template that is none."""
        if not template.startswith("/"):
            raise ConfigurationError(f'{where}: path={template!r} must start with "/"')
        self.template = template
        self.names = _PARAMETER.findall(template)
        for name in self.names:
            if not name.isidentifier():
                raise ConfigurationError(f"{where}: {{{name}}} in {template!r} is no parameter; write {{name}}")
        if len(set(self.names)) < len(self.names):
            raise ConfigurationError(f"{where}: {template!r} has a parameter twice")
        literal = _PARAMETER.split(template)[::2]
        if any("{" in part or "}" in part for part in literal):
            raise ConfigurationError(f"{where}: {template!r} has a brace without its partner")
        pattern = "([^/]+)".join(re.escape(part) for part in literal)
        self._match = re.compile(pattern).fullmatch
        self.shape = _PARAMETER.sub("{}", template)
        """The template without its parameters' names; two namespaces cannot share one."""

    def match(self, path: str) -> dict[str, str] | None:
        """The parameters in a path, or None if it does not match."""
        found = self._match(path)
        return None if found is None else dict(zip(self.names, found.groups(), strict=True))


class Paths(Generic[V]):
    """Which value belongs to a path. Literal paths win over templates; among templates, more literal text wins."""

    def __init__(self) -> None:
        self._literal: dict[str, V] = {}
        self._templates: list[tuple[Path, V]] = []

    def add(self, path: Path, value: V) -> None:
        """Adds a template."""
        if path.names:
            self._templates.append((path, value))
            self._templates.sort(key=lambda each: (2 * len(each[0].names) - len(each[0].shape), len(each[0].names)))
        else:
            self._literal[path.template] = value

    def find(self, path: str) -> tuple[V, dict[str, str]] | None:
        """The value for a path and the path's parameters, or None."""
        if path in self._literal:
            return self._literal[path], {}
        for template, value in self._templates:
            parameters = template.match(path)
            if parameters is not None:
                return value, parameters
        return None
