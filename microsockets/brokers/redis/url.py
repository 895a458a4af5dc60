"""Where Redis is: what a URL says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, parse_url

from ...errors import ConfigurationError

Kind = Literal["single", "sentinel", "cluster"]
Address = tuple[str, int]

_PORTS: Final = {"sentinel": 26379, "cluster": 6379}
_FORM: Final = (
    "redis://host:6379/0, redis+sentinel://host:26379,host:26379/master or redis+cluster://host:6379,host:6379"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A server, a master that sentinels know, or a cluster."""

    kind: Kind
    seeds: tuple[Address, ...]
    """The sentinels, or some nodes of the cluster."""
    master: str
    options: dict[str, Any]
    """Of connections."""
    connection_class: type[AbstractConnection]


def read_url(url: str, options: dict[str, Any]) -> Place:
    """Raises `ConfigurationError`, without what may be secret."""
    scheme, _, rest = url.partition("://")
    base, _, kind = scheme.partition("+")
    try:
        if not kind:
            given: dict[str, Any] = dict(parse_url(url))
            connection_class = given.pop("connection_class", Connection)
            return Place("single", (), "", {**given, **options}, connection_class)
        if base not in ("redis", "rediss") or kind not in _PORTS:
            raise ValueError(scheme)
        authority, _, tail = rest.partition("/")
        user, at, hosts = authority.rpartition("@")
        path, mark, query = tail.partition("?")
        master, _, db = path.partition("/")
        if (kind == "sentinel") != bool(master) or (kind == "cluster" and db):
            raise ValueError(path)
        seeds = tuple(_address(host, _PORTS[kind]) for host in hosts.split(","))
        given = dict(parse_url(f"redis://{user}{at}localhost/{db}{mark}{query}"))
        del given["host"]
    except ValueError:
        raise ConfigurationError(f"this is no URL of Redis: write {_FORM}") from None
    connection_class = SSLConnection if base == "rediss" else Connection
    return Place(cast("Kind", kind), seeds, master, {**given, **options}, connection_class)


def _address(host: str, port: int) -> Address:
    name, colon, number = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    name, number = (name, number) if colon else (host, str(port))
    if not name or not 0 < int(number) < 65_536:
        raise ValueError(host)
    return name.strip("[]"), int(number)
