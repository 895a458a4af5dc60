"""An application of 500 events and 300 models: what describing it costs, and what the console makes of it."""

from __future__ import annotations

import types
from typing import Any

from microsockets import Application, Event, Namespace, Socket
from pydantic import BaseModel, Field, create_model

MODELS = 300
EVENTS = 500
NAMESPACES = 10


def _model(number: int, before: list[type[BaseModel]]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        "id": (int, Field(ge=0, description="Its number.", examples=[number])),
        "name": (str, Field(min_length=1, max_length=64)),
        "tags": (list[str], []),
        "note": (str | None, None),
    }
    if before:
        fields["parent"] = (before[number // 2 % len(before)], ...)
    return create_model(f"Model{number}", __doc__=f"The model with the number {number}.", **fields)


def _handler(model: type[BaseModel]) -> Any:
    async def handle(self: Any, ws: Socket, payload: Any) -> Any:
        """Takes it, and gives it back."""
        return payload

    handle.__annotations__ |= {"payload": model, "return": model}
    return handle


def _namespace(number: int, models: list[type[BaseModel]]) -> type[Namespace]:
    body: dict[str, Any] = {}
    for index in range(EVENTS // NAMESPACES):
        model = models[(number * 31 + index * 7) % MODELS]
        if index % 3:
            body[f"on_event_{index}"] = _handler(model)
        else:
            body[f"event_{index}"] = Event[model]()  # type: ignore[valid-type]
    return types.new_class(f"Part{number}", (Namespace,), {"path": f"/part/{number}"}, lambda names: names.update(body))


def build() -> Application:
    """Makes it anew."""
    models: list[type[BaseModel]] = []
    for number in range(MODELS):
        models.append(_model(number, models[-20:]))
    return Application(*(_namespace(number, models) for number in range(NAMESPACES)))


app = build()
