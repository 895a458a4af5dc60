"""The console at `docs_url`: a page that talks to the application, built from `client/console`."""

from __future__ import annotations

from html import escape
from importlib import resources
from typing import Final, NamedTuple

_POLICY: Final = {
    b"default-src": b"'none'",
    b"script-src": b"'self'",
    b"style-src": b"'self'",
    b"connect-src": b"'self'",
    b"img-src": b"data:",
    b"base-uri": b"'none'",
    b"form-action": b"'none'",
    b"frame-ancestors": b"'self'",
}
SECURITY: Final = (
    (b"content-security-policy", b"; ".join(b" ".join(each) for each in _POLICY.items())),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    # A page of one version does not work with a script of another one.
    (b"cache-control", b"no-cache"),
)
"""Headers of all its files: nothing from elsewhere is loaded, and no other site shows it in a frame."""

_KINDS: Final = {
    "console.css": b"text/css; charset=utf-8",
    "console.js": b"text/javascript; charset=utf-8",
}


class File(NamedTuple):
    """One file of the console."""

    body: bytes
    kind: bytes


def read_files(url: str) -> dict[str, File]:
    """The page and what it loads, by path, for a console at this path within the application."""
    folder = resources.files(__name__) / "static"
    name = url.rpartition("/")[2]
    # Relative, since only the browser knows under which path a proxy or another application has us.
    assets = f"{name}/" if name else ""
    root = "../" * (url.count("/") - 1) or "./"
    page = (folder / "index.html").read_text("utf-8")
    for placeholder, value in (("{{assets}}", assets), ("{{root}}", root)):
        page = page.replace(placeholder, escape(value))
    files = {url: File(page.encode(), b"text/html; charset=utf-8")}
    for each, kind in _KINDS.items():
        files[below(url, each)] = File((folder / each).read_bytes(), kind)
    return files


def below(url: str, name: str) -> str:
    """The path of a file that the page at `url` loads."""
    return f"{url.rstrip('/')}/{name}"
