"""A peer that speaks HTTP and RFC 6455 in bytes, so that it can also say what it must not."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

SECONDS = 15.0
"""How long anything may take that must happen."""

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
MASK = b"\x37\xfa\x21\x3d"

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

_CHUNK = 1 << 16


class Response(NamedTuple):
    """The head of an HTTP response, and the body that was read with it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str | None:
        """The value of a header that comes at most once."""
        values = self.get_all(name)
        assert len(values) <= 1, f"{name} comes {len(values)} times"
        return values[0] if values else None


@dataclass(frozen=True)
class Frame:
    """A frame of the server."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0

    @property
    def code(self) -> int | None:
        """The code of a close frame."""
        assert self.opcode == CLOSE, self
        assert len(self.payload) != 1, self
        return int.from_bytes(self.payload[:2], "big") if self.payload else None

    @property
    def reason(self) -> str:
        """The reason of a close frame."""
        assert self.opcode == CLOSE, self
        return self.payload[2:].decode()


def request(target: str, *lines: str, without: Iterable[str] = (), method: str = "GET", version: str = "1.1") -> bytes:
    """An upgrade request: the five headers of RFC 6455, less those in `without`, and then these lines."""
    headers = {
        "Host": "server.example.com",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    }
    left_out = {name.lower() for name in without}
    head = [f"{method} {target} HTTP/{version}"]
    head += [f"{name}: {value}" for name, value in headers.items() if name.lower() not in left_out]
    return "\r\n".join([*head, *lines, "", ""]).encode("latin-1")


def frame(
    opcode: int,
    payload: bytes | str = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = MASK,
    length: int | None = None,
    width: int | None = None,
) -> bytes:
    """A frame of a client. `length` is what its head says instead of the truth, `width` the bits that it takes."""
    data = payload.encode() if isinstance(payload, str) else payload
    size = len(data) if length is None else length
    bits = width or (7 if size < 126 else 16 if size < 1 << 16 else 64)
    short = {7: size, 16: 126, 64: 127}[bits]
    head = bytes([fin << 7 | rsv << 4 | opcode, (mask is not None) << 7 | short])
    if bits != 7:
        head += size.to_bytes(bits // 8, "big")
    return head + data if mask is None else head + mask + masked(data, mask)


def masked(data: bytes, mask: bytes = MASK) -> bytes:
    stretched = (mask * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(stretched, "big")).to_bytes(len(data), "big")


def close_frame(code: int | None = None, reason: str | bytes = b"") -> bytes:
    if code is None:
        return frame(CLOSE)
    return frame(CLOSE, struct.pack("!H", code) + (reason.encode() if isinstance(reason, str) else reason))


class FrameReader:
    """Takes the bytes of a server, and gives back its frames."""

    def __init__(self) -> None:
        self.buffer = b""

    def next(self) -> Frame | None:
        """The next frame, if all of it is there."""
        data = self.buffer
        if len(data) < 2:
            return None
        assert not data[1] & 0x80, "a server must not mask"
        size, start = data[1], 2
        if size >= 126:
            start += 2 if size == 126 else 8
            if len(data) < start:
                return None
            least = 126 if size == 126 else 1 << 16
            size = int.from_bytes(data[2:start], "big")
            assert least <= size < 1 << 63, "a length takes the fewest bytes"
        if len(data) < start + size:
            return None
        self.buffer = data[start + size :]
        read = Frame(data[0] & 0x0F, data[start : start + size], bool(data[0] & 0x80), data[0] >> 4 & 0x7)
        if read.opcode >= CLOSE:
            assert read.fin, read
            assert len(read.payload) <= 125, read
        assert read.opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG), read
        return read


class Wire:
    """One TCP connection to a server. Everything that waits fails after `SECONDS`."""

    def __init__(self, address: tuple[str, int], *, receive_buffer: int | None = None) -> None:
        self._socket = socket.socket()
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(SECONDS)
        self._socket.connect(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._frames = FrameReader()

    @property
    def name(self) -> tuple[str, int]:
        """This end's address."""
        address: tuple[str, int] = self._socket.getsockname()
        return address

    # Sending

    def send(self, *parts: bytes) -> None:
        self._socket.sendall(b"".join(parts))

    def pour(self, data: bytes, *, patience: float = SECONDS) -> int:
        """Sends until the server says something, or hangs up, or has taken nothing for so long; returns how much it
        took."""
        rest = memoryview(data)
        while rest:
            readable, writable, _ = select.select([self._socket], [self._socket], [], patience)
            if readable or not writable:
                break
            try:
                rest = rest[self._socket.send(rest[:_CHUNK], socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                continue
            except OSError:
                break
        return len(data) - len(rest)

    def upgrade(self, target: str, *lines: str) -> Response:
        """Opens a WebSocket connection."""
        self.send(request(target, *lines))
        response = self.response()
        assert response.status == 101, response
        return response

    def end(self) -> None:
        """Says that nothing more will be sent, and goes on reading."""
        # The server may have hung up first.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Ends the connection with a TCP reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        self._socket.close()

    # Receiving

    def response(self, *, body: bool = True) -> Response:
        """The next HTTP response."""
        while b"\r\n\r\n" not in self._frames.buffer:
            self._more()
        head, _, self._frames.buffer = self._frames.buffer.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        version, status, *_ = status_line.split(" ", 2)
        assert version == "HTTP/1.1", status_line
        headers: list[tuple[str, str]] = []
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon, head
            assert name == name.strip(), head
            headers.append((name.lower(), value.strip()))
        response = Response(int(status), headers)
        return response if response.status == 101 or not body else response._replace(body=self._body(response))

    def _body(self, response: Response) -> bytes:
        size = response.get("content-length")
        if response.get("transfer-encoding") == "chunked":
            assert size is None, response
            return self._chunks()
        if size is None:
            return self.rest()
        return self.take(int(size))

    def _chunks(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self._frames.buffer:
                self._more()
            size, _, self._frames.buffer = self._frames.buffer.partition(b"\r\n")
            chunk = self.take(int(size, 16))
            assert self.take(2) == b"\r\n"
            if not chunk:
                return body
            body += chunk

    def take(self, size: int) -> bytes:
        """The next bytes, so many."""
        while len(self._frames.buffer) < size:
            self._more()
        taken, self._frames.buffer = self._frames.buffer[:size], self._frames.buffer[size:]
        return taken

    def rest(self) -> bytes:
        """Everything until the server hangs up."""
        while self._receive():
            pass
        taken, self._frames.buffer = self._frames.buffer, b""
        return taken

    def frame(self) -> Frame:
        """The next frame."""
        while (read := self._frames.next()) is None:
            self._more()
        return read

    def message(self) -> bytes:
        """The next frame, which is a whole message."""
        read = self.frame()
        assert read.opcode in (TEXT, BINARY), read
        assert read.fin, read
        assert read.rsv == 0, read
        return read.payload

    def frames_for(self, seconds: float) -> list[Frame]:
        """What comes in this time."""
        deadline = time.monotonic() + seconds
        frames: list[Frame] = []
        while (left := deadline - time.monotonic()) > 0:
            if (read := self._frames.next()) is not None:
                frames.append(read)
            elif select.select([self._socket], [], [], left)[0]:
                self._more()
        return frames

    def closing(self) -> Frame:
        """The next frame, which is a close frame."""
        read = self.frame()
        assert read.opcode == CLOSE, read
        assert read.rsv == 0, read
        return read

    def closed(self) -> tuple[int | None, str]:
        """Code and reason of the close frame that comes next; answers it, and waits until the server hangs up."""
        read = self.closing()
        with contextlib.suppress(OSError):
            self.send(frame(CLOSE, read.payload[:2]))
        self.gone()
        return read.code, read.reason

    def gone(self) -> None:
        """Waits until the server hangs up, without another word."""
        rest = self.rest()
        assert rest == b"", rest[:200]

    def _more(self) -> None:
        if not self._receive():
            raise AssertionError(f"the server hung up, after {self._frames.buffer[:200]!r}")

    def _receive(self) -> bool:
        """Whether anything came before the end."""
        try:
            data = self._socket.recv(1 << 20)
        except ConnectionError:
            return False
        except TimeoutError:
            raise AssertionError(f"nothing came, after {self._frames.buffer[:200]!r}") from None
        self._frames.buffer += data
        return bool(data)
