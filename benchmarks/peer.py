"""A WebSocket client that does one thing after another, for what is said before the load begins."""

from __future__ import annotations

import os
import socket
from types import TracebackType
from typing import Final

from .handshake import ACCEPT, request

_TEXT: Final = 0x81
_CLOSE: Final = 0x88
_PING: Final = 0x89
_PONG: Final = 0x8A
_SECONDS: Final = 5.0


def framed(opcode: int, payload: bytes) -> bytes:
    """A client's frame of less than 64 KiB (RFC 6455, 5.2). Servers may treat a mask of zeros as none: it is random."""
    mask = os.urandom(4)
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([opcode]) + length + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class Peer:
    """`with Peer(port, path) as peer:` has shaken hands. Raises `ConnectionError` where the server does not play along,
    and `TimeoutError` where it takes more than 5 s."""

    def __init__(self, port: int, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._socket.sendall(request(port, path).encode())
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101") or ACCEPT.encode() not in head:
            raise ConnectionError(f"the handshake was answered with {head.decode('latin-1')}")

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, text: str) -> None:
        """Sends a text."""
        self._socket.sendall(framed(_TEXT, text.encode()))

    def receive(self) -> str:
        """Waits for the next text."""
        while True:
            opcode, payload = self._frame()
            if opcode == _TEXT:
                return payload.decode()
            if opcode != _PING:
                what = "closed" if opcode == _CLOSE else f"sent a frame with the first byte {opcode:02x}"
                raise ConnectionError(f"the server {what}: {payload!r}")
            self._socket.sendall(framed(_PONG, payload))

    def _frame(self) -> tuple[int, bytes]:
        opcode, size = self._take(2)
        if size == 126:
            size = int.from_bytes(self._take(2), "big")
        elif size > 126:
            raise ConnectionError("the server sent a frame that is masked or larger than 64 KiB")
        return opcode, self._take(size)

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _fill(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the server dropped the connection")
        self._buffer += data
