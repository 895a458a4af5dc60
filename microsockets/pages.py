"""What an application serves over HTTP by itself: its console and its documents."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from . import admission, console
from .schema.published import Published
from .types import Scope, Send


class Response(NamedTuple):
    """A whole HTTP response."""

    status: int
    body: bytes
    kind: bytes = b"text/plain; charset=utf-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def send(self, scope: Scope, send: Send) -> None:
        """Sends it; to HEAD without its body."""
        headers = [
            (b"content-type", self.kind),
            (b"content-length", str(len(self.body)).encode()),
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self.body})


class Pages:
    """The pages of one application; a URL that is None is not served."""

    def __init__(self, published: Published, docs_url: str | None, asyncapi_url: str | None) -> None:
        self._published = published
        self._docs_url = docs_url
        self._asyncapi_url = asyncapi_url

    def find(self, scope: Scope) -> Response | None:
        """The page of a request, or None."""
        path = admission.local_path(scope)
        if scope["method"] not in ("GET", "HEAD"):
            return None
        if path == self._asyncapi_url:
            return Response(200, self._published.asyncapi(admission.server(scope)), b"application/json")
        if self._docs_url is None or not path.startswith(self._docs_url):
            return None
        if path == console.below(self._docs_url, "contract.json"):
            return Response(200, self._published.console, b"application/json", console.SECURITY)
        file = self._console.get(path)
        return file and Response(200, file.body, file.kind, console.SECURITY)

    @cached_property
    def _console(self) -> dict[str, console.File]:
        return {} if self._docs_url is None else console.read_files(self._docs_url)
