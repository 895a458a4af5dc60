"""Everything that can go wrong, in one tree.

Error                     answered to the client with its code
+-- BadFrame, UnknownEvent, InvalidPayload, Unauthorized, Forbidden, RateLimited,
|   Overloaded, TimedOut, Cancelled, TooLarge, Unavailable, InternalError
Refuse                    raised in `on_connect`: no connection
AskError                  the client did not answer a question
ConfigurationError        the application is written wrongly; raised at class creation or start-up
UsageError                a call that can never work; raised at the call
InvalidValue              a handler or an emit produced a value that its annotation refuses
"""

from __future__ import annotations

import inspect
import math
import re
from typing import Any, ClassVar, Literal, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError

from .hints import caller_locals, module_globals, resolve
from .status import HANDSHAKE_REFUSALS, ErrorCode

_CODE = re.compile(r"[a-z][a-z0-9_.]*")
_MAX_PROBLEMS = 16
_MAX_PROBLEMS_BUILT = 256
_MAX_LOC_CHARS = 64
_LONGEST_CHAIN = 64
# The messages of these types quote the input, which must not travel back.
_QUOTING = {
    "union_tag_invalid": "Input tag is none of the expected tags",
    "uuid_parsing": "Input should be a valid UUID",
    "url_parsing": "Input should be a valid URL",
    "byte_size_unit": "Could not interpret the unit",
    "zoneinfo_str": "Invalid time zone",
}


class ConfigurationError(TypeError):
    """The application is declared in a way that cannot work. The message says what to write instead."""


class UsageError(ValueError):
    """A call with arguments that can never work. The message says what to pass instead."""


class InvalidValue(UsageError):
    """A value on its way out does not match its annotation. Names places and types, never the value."""


class AskError(Exception):
    """A question to the client got no usable answer.

    `code` is `"timeout"`, `"disconnected"`, `"invalid_payload"` (the answer did not validate) or the code the client
    sent.
    """

    def __init__(self, code: str, message: str, details: Any = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = details


class Refuse(Exception):
    """Raised in `on_connect` to refuse the connection: `Refuse("unauthorized" | "forbidden" | "not_found", message)`.

    A plain peer gets HTTP 401, 403 or 404; a v1 peer, which could not read that, is closed with 4401, 4503 or 4504.
    """

    def __init__(self, code: Literal["unauthorized", "forbidden", "not_found"], message: str = "") -> None:
        if code not in HANDSHAKE_REFUSALS:
            raise ConfigurationError(f"Refuse({code!r}): use one of {', '.join(map(repr, HANDSHAKE_REFUSALS))}")
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message or code.replace("_", " ")


class Error(Exception):
    """A failure the client is told about. Subclass it with a `code`, and list the subclass in `@on(raises=[...])`.

    Annotate `details` in the subclass to have them validated and documented. The message defaults to the first line of
    the class's docstring.
    """

    code: ClassVar[str] = ""
    message: str = ""
    details: Any = None
    _adapter: ClassVar[TypeAdapter[Any] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not _CODE.fullmatch(cls.code):
            raise ConfigurationError(
                f'{cls.__qualname__}.code is {cls.code!r}: give it a lower-case word, like code = "room_full"'
            )
        if "code" in vars(cls) and cls.code in _RESERVED_CODES and cls.__module__ != __name__:
            raise ConfigurationError(
                f"{cls.__qualname__}.code = {cls.code!r} is one of the framework's own codes: choose another, "
                f"or subclass the class of microsockets.errors that has it"
            )
        annotation = inspect.get_annotations(cls).get("details")
        if annotation is not None:
            cls._adapter = _details_adapter(cls, annotation, caller_locals())

    def __init__(self, message: str = "", *, details: Any = None) -> None:
        self.message = message or self.default_message()
        self.details = details
        super().__init__(self.message)

    @classmethod
    def default_message(cls) -> str:
        """The first line of the class's docstring without its full stop, else its code in words."""
        lines = (vars(cls).get("__doc__") or "").strip().splitlines()
        return lines[0].removesuffix(".") if lines else cls.code.replace("_", " ")

    @classmethod
    def adapter(cls) -> TypeAdapter[Any]:
        """The validator and serializer of `details`."""
        return cls._adapter or _ANY


_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def _details_adapter(cls: type[Error], annotation: Any, locals_: dict[str, Any]) -> TypeAdapter[Any]:
    try:
        hints = resolve({"details": annotation}, module_globals(cls), locals_)
    except NameError as error:
        raise ConfigurationError(
            f"{cls.__qualname__}.details: the name {error.name!r} is not defined; define or import it before the class"
        ) from None
    # A subclass may be raised without details, so None is always allowed.
    allowed: Any = hints["details"] | None
    return TypeAdapter[Any](allowed)


_RESERVED_CODES = frozenset(code.value for code in ErrorCode)


class BadFrame(Error):
    """The frame is not an event, an answer or a control frame of this protocol."""

    code = "bad_frame"


class UnknownEvent(Error):
    """There is no such event here."""

    code = "unknown_event"


class InvalidPayload(Error):
    """The payload does not validate."""

    code = "invalid_payload"


class Unauthorized(Error):
    """Sign in first."""

    code = "unauthorized"


class Forbidden(Error):
    """This is not allowed."""

    code = "forbidden"


class RetryLater(Error):
    """Wait before you try again."""

    code = "overloaded"
    retry_after: float = 1.0

    def __init__(self, message: str = "", *, retry_after: float) -> None:
        # Rounded up to a millisecond: rounded down, a client that obeys would be refused again.
        self.retry_after = max(1, math.ceil(retry_after * 1000)) / 1000
        super().__init__(message, details={"retry_after": self.retry_after})


class RateLimited(RetryLater):
    """Too many events; wait before the next."""

    code = "rate_limited"


class Overloaded(RetryLater):
    """The server has too much to do; wait before the next event."""

    code = "overloaded"


class TimedOut(Error):
    """The handler took too long."""

    code = "timeout"


class Cancelled(Error):
    """The request was cancelled."""

    code = "cancelled"


class TooLarge(Error):
    """The frame is too large."""

    code = "too_large"


class Unavailable(Error):
    """A service this event needs is not available."""

    code = "unavailable"


class BrokerUnavailable(Unavailable):
    """The broker is not available, so nobody knows about other processes; try again when it is up."""


class InternalError(Error):
    """Something went wrong on the server."""

    code = "internal_error"


def problems(error: ValidationError) -> list[dict[str, Any]]:
    """What pydantic found, as `loc`, `msg` and `type`, never the input value.

    At most 16 problems, with keys cut to 64 characters, so that the answer cannot outgrow the frame it refuses. Past
    256 problems none is listed: building them all would cost more than the validation did.
    """
    if error.error_count() > _MAX_PROBLEMS_BUILT:
        return []
    found = error.errors(include_url=False, include_context=False)
    return [
        {
            "loc": [part if isinstance(part, int) else part[:_MAX_LOC_CHARS] for part in problem["loc"]],
            "msg": _message(problem),
            "type": problem["type"],
        }
        for problem in found[:_MAX_PROBLEMS]
    ]


def _message(problem: ErrorDetails) -> str:
    message = _QUOTING.get(problem["type"], problem["msg"])
    given = problem["input"]
    # What a validator of the application says may quote the input as well.
    return "The value is not valid" if isinstance(given, str) and len(given) > 3 and given in message else message


def describe(error: ValidationError) -> str:
    """One line for developers: where and what, never the value."""
    found = problems(error)
    if not found:
        return f"{error.error_count()} problems"
    return "; ".join(f"{'.'.join(map(str, p['loc'])) or 'value'}: {p['msg']} ({p['type']})" for p in found)


def loggable(failure: BaseException) -> BaseException:
    """The exception to log: pydantic's quotes the input, so a description takes its place, anywhere in the chain."""
    return _without_values(failure, {})


def _without_values(failure: BaseException, seen: dict[int, BaseException]) -> BaseException:
    key = id(failure)
    if key in seen:
        return seen[key]
    if len(seen) == _LONGEST_CHAIN:
        return RuntimeError("and more exceptions before this one")
    told = failure
    if isinstance(failure, ValidationError):
        told = ValueError(f"{failure.title}: {describe(failure)}")
    elif isinstance(failure, PydanticSerializationError):
        told = ValueError("a value cannot be written as JSON")
    elif isinstance(failure, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", failure)
        told = group.derive([_without_values(each, seen) for each in group.exceptions])
    seen[key] = told
    suppressed = failure.__suppress_context__
    told.__traceback__ = failure.__traceback__
    told.__context__ = failure.__context__ and _without_values(failure.__context__, seen)
    # Setting a cause suppresses the context, even where it is None.
    told.__cause__ = failure.__cause__ and _without_values(failure.__cause__, seen)
    told.__suppress_context__ = suppressed
    return told
