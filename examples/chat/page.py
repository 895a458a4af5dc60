"""The page of the chat: a small ASGI application that serves the files beside it."""

from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "static"
CLIENT = Path(__file__).parents[2] / "client" / "dist" / "microsockets.min.mjs"
TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".mjs": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".svg": b"image/svg+xml",
}
# Only these paths exist; what a client asks for is never joined to a folder.
FILES = {
    "/": FOLDER / "index.html",
    "/app.js": FOLDER / "app.js",
    "/microsockets.js": CLIENT,
    "/style.css": FOLDER / "style.css",
    "/icon.svg": FOLDER / "icon.svg",
}
SECURITY = [
    # 'self' covers ws: and wss: to the same host too (CSP 3).
    (b"content-security-policy", b"default-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def page(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answers GET and HEAD for the files of the page; everything else is refused."""
    if scope["type"] == "websocket":
        await refuse(scope, receive, send)
    elif scope["type"] == "http":
        status, content_type, body = find(scope["method"], scope["path"])
        await respond(
            send, "http.response", status, content_type, b"" if scope["method"] == "HEAD" else body, len(body)
        )


def find(method: str, path: str) -> tuple[int, bytes, bytes]:
    """Status, content type and body for a request."""
    if path not in FILES:
        return 404, b"text/plain; charset=utf-8", b"Not found\n"
    if method not in ("GET", "HEAD"):
        return 405, b"text/plain; charset=utf-8", b"Method not allowed\n"
    file = FILES[path]
    return 200, TYPES[file.suffix], file.read_bytes()


async def refuse(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """No socket lives here: 404 where the server can say so, else its plain refusal."""
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        body = b"Not found\n"
        await respond(send, "websocket.http.response", 404, b"text/plain; charset=utf-8", body, len(body))
    else:
        await send({"type": "websocket.close"})


async def respond(send: Send, kind: str, status: int, content_type: bytes, body: bytes, length: int) -> None:
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % length), *SECURITY]
    if status == 405:
        headers.append((b"allow", b"GET, HEAD"))
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
