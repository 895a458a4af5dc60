"""The documents that a running application publishes about itself, made when they are first asked for."""

from __future__ import annotations

import json
import logging
from functools import cached_property
from typing import Any

from ..errors import loggable
from ..namespace import Namespace
from .asyncapi import asyncapi
from .contract import Contract, digests, read_contract
from .samples import read_samples
from .typescript import interfaces

logger = logging.getLogger("microsockets")

_EMPTY: Contract = {"namespaces": {}, "schemas": {}}


class Published:
    """Types that cannot be described are published as anything: documents never keep an application from running."""

    def __init__(self, title: str, version: str) -> None:
        self.namespaces: list[Namespace] = []
        """To be complete before anything is asked for."""
        self._title = title
        self._version = version

    @cached_property
    def contract(self) -> Contract:
        """See `read_contract`. Without namespaces where a type's own code fails, which is logged."""
        try:
            return read_contract(self.namespaces, title=self._title, version=self._version, strict=False)
        except Exception as error:
            logger.error("the events cannot be described", exc_info=loggable(error))
            return {**_EMPTY, "title": self._title, "version": self._version}

    @cached_property
    def _examples(self) -> dict[str, Any]:
        return read_samples([each for each in self.namespaces if self._has(each)], self.contract)

    def _has(self, namespace: Namespace) -> bool:
        return namespace.path is not None and namespace.path.template in self.contract["namespaces"]

    @cached_property
    def _digests(self) -> dict[str, str]:
        return digests(self.contract)

    def prepare(self) -> None:
        """Makes what every connection is told."""
        self._digests  # noqa: B018  # pyright: ignore[reportUnusedExpression]

    def digest(self, path: str) -> str | None:
        """Names the contract of one path."""
        return self._digests.get(path)

    @cached_property
    def console(self) -> bytes:
        """What the console reads, as JSON: the contract, its examples, and what TypeScript calls the namespaces."""
        return _json({"contract": self.contract, "examples": self._examples, "types": interfaces(self.contract)})

    def asyncapi(self, server: dict[str, str]) -> bytes:
        """AsyncAPI 3.0, as JSON, served from here."""
        return _json(asyncapi(self.contract, examples=self._examples, server=server))


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
