"""The request by which every connection of a benchmark begins."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

_KEY: Final = "MDEyMzQ1Njc4OWFiY2RlZg=="
ACCEPT: Final = base64.b64encode(
    hashlib.sha1(f"{_KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode(), usedforsecurity=False).digest()
).decode()
"""What the server must answer to it (RFC 6455, 4.2.2)."""


def headers(port: int) -> dict[str, str]:
    """Five that every browser sends, beside those of the handshake."""
    return {
        "Origin": f"http://127.0.0.1:{port}",
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept-Encoding": "gzip, deflate",
        "Accept-Language": "en-US,en;q=0.5",
        "Cache-Control": "no-cache",
    }


def request(port: int, path: str) -> str:
    """The whole of it. It offers no compression and no subprotocol."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {_KEY}",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in headers(port).items()),
    ]
    return "\r\n".join([*lines, "", ""])
