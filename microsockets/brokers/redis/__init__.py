"""Redis as a broker, for which there is an extra package."""

from importlib.util import find_spec

from ...errors import ConfigurationError

if find_spec("redis") is None:
    raise ConfigurationError('Redis needs a package: pip install "microsockets[redis]"')

from .broker import RedisBroker

__all__ = ["RedisBroker"]
