"""What the opening handshake says, before there is a connection: subprotocols, auth data, Host and Origin."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from ..errors import Refuse

SUBPROTOCOL: Final = "microsockets.v1"
"""Offered by v1 clients and selected by the server."""

AUTH_PREFIX: Final = "microsockets.auth."
"""What a browser, which cannot set headers, puts before its auth data (base64url, unpadded, JSON)."""

MAX_AUTH_BYTES: Final = 4096

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Offer:
    """The subprotocols of a handshake, sorted out."""

    v1: bool
    """The peer speaks `microsockets.v1`."""
    auth: Any
    """The decoded auth data, or None."""
    subprotocols: list[str]
    """What the peer offered, without auth entries."""
    malformed_auth: bool = False


def read_offer(subprotocols: Sequence[str]) -> Offer:
    """Sorts the offered subprotocols. Never raises: auth data that cannot be read is marked as malformed."""
    kept: list[str] = []
    auth: Any = None
    malformed = False
    seen = False
    for entry in subprotocols:
        if not entry.startswith(AUTH_PREFIX):
            kept.append(entry)
            continue
        malformed = malformed or seen
        seen = True
        try:
            auth = _decode_auth(entry.removeprefix(AUTH_PREFIX))
        except Refuse:
            malformed = True
    return Offer(SUBPROTOCOL in kept, None if malformed else auth, kept, malformed)


def _decode_auth(text: str) -> Any:
    if len(text) * 3 // 4 > MAX_AUTH_BYTES:
        raise Refuse("unauthorized", f"auth data is over {MAX_AUTH_BYTES} bytes")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return json.loads(raw, parse_constant=_refuse_constant)
    except (binascii.Error, ValueError, RecursionError):
        raise Refuse("unauthorized", "auth data is not base64url of JSON") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def encode_auth(data: Any) -> str:
    """The subprotocol entry that carries `data`. Raises `ValueError` over 4 KiB."""
    raw = json.dumps(data, separators=(",", ":")).encode()
    if len(raw) > MAX_AUTH_BYTES:
        raise ValueError(f"auth data is {len(raw)} bytes; the limit is {MAX_AUTH_BYTES}: send a token, not the data")
    return AUTH_PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def without_auth(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers with auth entries taken out of `Sec-WebSocket-Protocol`."""
    kept: Headers = []
    for name, value in headers:
        if name.lower() == b"sec-websocket-protocol" and AUTH_PREFIX.encode() in value:
            entries = [entry.strip() for entry in value.split(b",")]
            value = b", ".join(entry for entry in entries if not entry.startswith(AUTH_PREFIX.encode()))
            if not value:
                continue
        kept.append((name, value))
    return kept


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The first value of a header, by its lower-case name."""
    for key, value in headers:
        if key.lower() == name:
            return value.decode("latin-1")
    return None


def headers_dict(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """All headers by lower-case name; repeated ones are joined by a comma (RFC 9110 section 5.3), cookies by a
    semicolon."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in found:
            value = found[name] + ("; " if name == "cookie" else ", ") + value
        found[name] = value
    return found


def cookies_dict(cookie_header: str) -> dict[str, str]:
    """The cookies of a `Cookie` header (RFC 6265 section 5.4); of a name given twice the first counts."""
    found: dict[str, str] = {}
    for pair in cookie_header.split(";"):
        name, separator, value = pair.strip().partition("=")
        if separator and name:
            found.setdefault(name.strip(), value.strip().strip('"'))
    return found


_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def same_host(origin: str, host: str, scheme: str) -> bool:
    """Whether an Origin's host and port are those of the Host header.

    A Host without a port means the default port: of TLS where the connection has it, else the Origin's own, because TLS
    may have ended at a proxy that says nothing of it.
    """
    theirs = _split_origin(origin)
    if theirs is None:
        return False
    secure = scheme in ("wss", "https") or origin.lower().startswith("https:")
    return theirs == _split_host(host, 443 if secure else 80)


def is_loopback(origin: str) -> bool:
    """Whether an Origin is this machine, on any port."""
    split = _split_origin(origin)
    if split is None:
        return False
    if split[0] == "localhost" or split[0].endswith(".localhost"):
        return True
    try:
        return ip_address(split[0]).is_loopback
    except ValueError:
        return False


def is_origin(text: str) -> bool:
    """Whether a text could be an Origin: a scheme, a host, perhaps a port, or `null`."""
    return text == "null" or _split_origin(text) is not None


def origin_listed(origin: str, origins: Sequence[str]) -> bool:
    """Whether an Origin is one of the listed ones, as `scheme://host[:port]`, default ports counted in."""
    return origin in origins or any(_canonical(origin) == _canonical(entry) is not None for entry in origins)


def host_listed(host: str, hosts: Sequence[str]) -> bool:
    """Whether a Host header is one of the listed hosts. An entry without a port admits every port."""
    split = _split_host(host, 0)
    if split is None:
        return False
    for entry in hosts:
        listed = _split_host(entry, 0)
        if listed is not None and listed[0] == split[0] and listed[1] in (0, split[1]):
            return True
    return False


def _canonical(origin: str) -> tuple[str, str, int] | None:
    split = _split_origin(origin)
    return None if split is None else (origin.partition(":")[0].lower(), *split)


def _split_origin(origin: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if parts.hostname is None or parts.scheme not in _DEFAULT_PORTS or parts.path not in ("", "/"):
        return None
    return parts.hostname.lower().rstrip("."), port if port is not None else _DEFAULT_PORTS[parts.scheme]


def _split_host(host: str, default_port: int) -> tuple[str, int] | None:
    if not host or any(character in host for character in "/?#@\\ "):
        return None
    try:
        parts = urlsplit(f"//{host}")
        port = parts.port
    except ValueError:
        return None
    if parts.hostname is None:
        return None
    return parts.hostname.lower().rstrip("."), port if port is not None else default_port
