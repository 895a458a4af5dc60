"""Rooms that reach over processes and machines."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, cast

from ..brokers import Broker
from ..errors import ConfigurationError
from ..rooms import Room, RoomKey, RoomManager
from ..rooms.elsewhere import Following
from ..rooms.membership import room_name
from .cluster import Cluster
from .targets import socket_id

DEFAULT_PREFIX: Final = "microsockets"

_BROKERS: Final = {
    "redis": ("redis", "RedisBroker"),
    "rediss": ("redis", "RedisBroker"),
    "unix": ("redis", "RedisBroker"),
    "redis+sentinel": ("redis", "RedisBroker"),
    "rediss+sentinel": ("redis", "RedisBroker"),
    "redis+cluster": ("redis", "RedisBroker"),
    "rediss+cluster": ("redis", "RedisBroker"),
    "nats": ("nats", "NatsBroker"),
    "tls": ("nats", "NatsBroker"),
    "ws": ("nats", "NatsBroker"),
    "wss": ("nats", "NatsBroker"),
}


def broker_at(url: str, **options: Any) -> Callable[[], Broker]:
    """What makes a broker of the kind that a URL names. Raises `ConfigurationError` for any other, and where a package
    is missing."""
    scheme = url.partition("://")[0]
    if scheme not in _BROKERS:
        raise ConfigurationError(
            f"a broker's URL begins with redis:// or nats://, not {scheme!r}: see the documentation on scaling"
        )
    module, name = _BROKERS[scheme]
    # Imported here, since the packages behind them are optional.
    broker: Any = getattr(import_module(f"..brokers.{module}", __package__), name)

    def make() -> Broker:
        return cast("Broker", broker(url, **options))

    make()
    return make


class ClusterRoomManager(RoomManager):
    """Rooms of an application that runs in several processes, over a broker.

    `open_broker` makes a `Broker`. Applications that share a broker without belonging together need different
    `prefix`es. Membership stays in the process that has the socket: broadcasts reach local members whatever the broker
    does, others while it is up.
    """

    def __init__(self, open_broker: Callable[[], Broker], *, prefix: str = DEFAULT_PREFIX) -> None:
        super().__init__()
        self._cluster = Cluster(open_broker, prefix=checked_prefix(prefix))
        self.elsewhere = self._cluster

    async def join(self, room: RoomKey, socket: Any) -> None:
        is_new = room not in self.membership
        self.membership.join(room, socket)
        if is_new:
            await self._cluster.follow(self._channel(room))

    async def leave(self, room: RoomKey, socket: Any) -> None:
        self.membership.leave(room, socket)
        self._forget(room)

    async def members(self, room: RoomKey) -> list[Any]:
        """The sockets in a room: those here, then `RemoteSocket`s for those of other processes. Raises
        `BrokerUnavailable`."""
        namespace = room.namespace if isinstance(room, Room) else ""
        elsewhere = await self._cluster.sockets(namespace, room_name(room))
        return [*self.membership.members(room), *elsewhere]

    async def rooms(self, socket: Any) -> list[RoomKey]:
        return list(self.membership.rooms(socket))

    async def flush(self, socket: Any) -> None:
        rooms = list(self.membership.rooms(socket))
        self.membership.flush(socket)
        for room in rooms:
            self._forget(room)

    def new_socket_id(self) -> str:
        return socket_id(self._cluster.id, super().new_socket_id())

    def namespace_in_use(self, namespace: str) -> Following:
        # Where a server runs no lifespan, the first socket is the first we hear of the loop.
        self._cluster.start()
        return self._cluster.follow(self._cluster.channels.namespace(namespace))

    def namespace_unused(self, namespace: str) -> None:
        self._cluster.unfollow(self._cluster.channels.namespace(namespace))

    def user_in_use(self, namespace: str, user_id: str) -> Following:
        return self._cluster.follow(self._cluster.channels.user(namespace, user_id))

    def user_unused(self, namespace: str, user_id: str) -> None:
        self._cluster.unfollow(self._cluster.channels.user(namespace, user_id))

    def _channel(self, room: RoomKey) -> str:
        namespace = room.namespace if isinstance(room, Room) else ""
        return self._cluster.channels.room(namespace, room_name(room))

    def _forget(self, room: RoomKey) -> None:
        if room not in self.membership:
            self._cluster.unfollow(self._channel(room))


class RedisRoomManager(ClusterRoomManager):
    """Rooms over Redis 7 or newer: `Application(Chat, room_manager=RedisRoomManager("redis://localhost"))`.

    `redis+sentinel://host,host/master` and `redis+cluster://host,host` are Sentinel and Cluster; `options` are
    `RedisBroker`'s. Raises `ConfigurationError`.
    """

    def __init__(self, url: str, *, prefix: str = DEFAULT_PREFIX, **options: Any) -> None:
        super().__init__(broker_at(_of_kind(url, "redis"), **options), prefix=prefix)


class NatsRoomManager(ClusterRoomManager):
    """Rooms over NATS: `Application(Chat, room_manager=NatsRoomManager("nats://localhost"))`. `options` are
    `NatsBroker`'s. Raises `ConfigurationError`."""

    def __init__(self, url: str, *, prefix: str = DEFAULT_PREFIX, **options: Any) -> None:
        super().__init__(broker_at(_of_kind(url, "nats"), **options), prefix=prefix)


def room_manager_at(url: str) -> ClusterRoomManager:
    """The room manager for a broker's URL. Raises `ConfigurationError`."""
    return ClusterRoomManager(broker_at(url))


def _of_kind(url: str, module: str) -> str:
    schemes = [scheme for scheme, (each, _) in _BROKERS.items() if each == module]
    if url.partition("://")[0] not in schemes:
        raise ConfigurationError(f"give a URL that begins with {module}://")
    return url


def checked_prefix(prefix: str) -> str:
    """Raises `ConfigurationError` for one that channels cannot have."""
    if not prefix or not prefix.isascii() or not prefix.replace("-", "").replace("_", "").isalnum():
        raise ConfigurationError(f"prefix={prefix!r}: use letters, digits, - and _")
    return prefix
