"""The servers that a URL for NATS names."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ...errors import ConfigurationError

SCHEMES: Final = ("nats", "tls", "ws", "wss")
_ENCRYPTED: Final = {"nats": "tls", "ws": "wss"}
_EXAMPLE: Final = "nats://user:password@host:4222"


@dataclass(frozen=True)
class Login:
    """What a client shows to a server: a user and a password, or a token, or neither."""

    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Server:
    """A server without what is secret (`url`), and what to show to it."""

    url: str
    login: Login
    certified: str | None = None
    """The name to look for in its certificate, if not that of the URL."""

    def encrypted(self) -> Server:
        """The same server, by way of TLS."""
        scheme, _, rest = self.url.partition("://")
        return replace(self, url=f"{_ENCRYPTED.get(scheme, scheme)}://{rest}")

    def neighbour(self, address: str) -> Server:
        """Another server of the same cluster, of which this one told. One that has no name shares this one's."""
        split = urlsplit(self.url)
        url = f"{split.scheme}://{address}"
        try:
            ipaddress.ip_address(urlsplit(url).hostname or "")
        except ValueError:
            return Server(url, self.login)
        return Server(url, self.login, self.certified or split.hostname)


def read_url(url: str) -> tuple[list[Server], str | None]:
    """The servers of a URL, and the file with credentials that it names as `?credentials=`, if any.

    Raises `ConfigurationError`, which quotes nothing of the URL, since a mistake may put the password anywhere.
    """
    if not isinstance(url, str) or not url.isprintable() or " " in url:
        raise _refused("it must be text without spaces")
    url, _, query = url.partition("?")
    parts = url.split(",")
    scheme = parts[0].partition("://")[0]
    servers: list[Server] = []
    for number, part in enumerate(parts, 1):
        place = f"server {number}: " if len(parts) > 1 else ""
        servers.append(_server(part if "://" in part else f"{scheme}://{part}", place))
    if len({server.url.startswith("ws") for server in servers}) > 1:
        raise _refused("servers are all reached over WebSockets (ws, wss) or all without (nats, tls)")
    first = next((server.login for server in servers if server.login != Login()), Login())
    servers = [Server(server.url, first) if server.login == Login() else server for server in servers]
    return servers, _credentials(query)


def _server(part: str, place: str) -> Server:
    try:
        split = urlsplit(part)
        host, port = split.hostname, split.port
    except ValueError:
        raise _refused(f"{place}write other characters than letters and digits in a password as %XX") from None
    if split.scheme not in SCHEMES:
        raise _refused(f"{place}it must begin with one of {', '.join(f'{name}://' for name in SCHEMES)}")
    if not host:
        raise _refused(f"{place}it names no host")
    if split.fragment or (split.path not in ("", "/") and split.scheme in ("nats", "tls")):
        raise _refused(f"{place}nothing follows the port; write / and # in a password as %2F and %23")
    if port is None:
        port = {"ws": 80, "wss": 443}.get(split.scheme, 4222)
    name = f"[{host}]" if ":" in host else host
    path = split.path if split.scheme in ("ws", "wss") else ""
    return Server(f"{split.scheme}://{name}:{port}{path}", _login(split))


def _login(split: SplitResult) -> Login:
    if split.username is None:
        return Login()
    if split.password is None:
        return Login(token=unquote(split.username))
    return Login(user=unquote(split.username), password=unquote(split.password))


def _credentials(query: str) -> str | None:
    options = dict(parse_qsl(query))
    credentials = options.pop("credentials", None)
    if options or (query and credentials is None):
        raise _refused("after ? it takes only credentials=, the path of a file")
    return credentials


def _refused(problem: str) -> ConfigurationError:
    return ConfigurationError(f"a bad URL for NATS (expected something like {_EXAMPLE}): {problem}")
