"""Token buckets: a steady rate with room for bursts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, Literal
from weakref import WeakKeyDictionary

from ..errors import ConfigurationError, RateLimited
from .calls import Call
from .chain import Next

_SWEEP_AT = 1024


class _Bucket:
    __slots__ = ("filled_at", "tokens")

    def __init__(self, tokens: float, filled_at: float) -> None:
        self.tokens = tokens
        self.filled_at = filled_at


class RateLimit:
    """At most `rate` events a second, with bursts of `burst`; more answers `rate_limited` with `retry_after` seconds.

    `per`: `"socket"`, `"user"` (by `user_id`; a socket without one counts alone), `"ip"`, or a function of the call.
    One instance is one set of buckets: listed for two events, it limits them together.
    """

    def __init__(
        self,
        rate: float,
        burst: int | None = None,
        *,
        per: Literal["socket", "user", "ip"] | Callable[[Call], Hashable] = "socket",
    ) -> None:
        if rate <= 0 or (burst is not None and burst < 1):
            raise ConfigurationError("RateLimit(rate, burst): give a rate greater than 0 and a burst of at least 1")
        self.rate = rate
        self.burst = float(burst if burst is not None else max(1, round(rate)))
        self._key: Callable[[Call], Hashable] = per if callable(per) else _KEYS[per]
        # The sockets' own buckets go with them; the others are swept when they are full again.
        self._sockets: WeakKeyDictionary[Any, _Bucket] = WeakKeyDictionary()
        self._buckets: dict[Hashable, _Bucket] = {}
        self._sweep_at = _SWEEP_AT

    async def event(self, call: Call, call_next: Next) -> Any:
        now = asyncio.get_running_loop().time()
        bucket = self._bucket(call, now)
        bucket.tokens = min(self.burst, bucket.tokens + (now - bucket.filled_at) * self.rate)
        bucket.filled_at = now
        if bucket.tokens < 1:
            raise RateLimited(retry_after=(1 - bucket.tokens) / self.rate)
        bucket.tokens -= 1
        return await call_next(call)

    def _bucket(self, call: Call, now: float) -> _Bucket:
        key = self._key(call)
        if key is None:
            bucket = self._sockets.get(call.socket)
            if bucket is None:
                bucket = self._sockets[call.socket] = _Bucket(self.burst, now)
            return bucket
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._sweep_at:
                self._sweep(now)
            bucket = self._buckets[key] = _Bucket(self.burst, now)
        return bucket

    def _sweep(self, now: float) -> None:
        full = [
            key for key, each in self._buckets.items() if each.tokens + (now - each.filled_at) * self.rate >= self.burst
        ]
        for key in full:
            del self._buckets[key]
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._buckets))


def _client_ip(call: Call) -> Hashable:
    client = call.socket.scope.get("client")
    return client[0] if client else None


_KEYS: dict[str, Callable[[Call], Hashable]] = {
    "socket": lambda call: None,
    "user": lambda call: call.socket.user_id,
    "ip": _client_ip,
}
