"""An application that has something of everything that a contract can hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Literal, TypeVar

from microsockets import Application, Ask, Error, Event, Namespace, Socket, on
from pydantic import BaseModel, Field, computed_field

T = TypeVar("T")


class Colour(Enum):
    """What it looks like."""

    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    good: bool = True


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Item(BaseModel):
    """Something to buy."""

    name: str = Field(min_length=1, max_length=20, description="As on the label.", examples=["teapot"])
    price: Decimal
    colour: Colour = Colour.RED
    size: tuple[int, int]
    tags: dict[str, list[str]] = {}
    parts: list[Item] = []
    pet: Pet | None = None
    at: datetime | None = None

    @computed_field
    def label(self) -> str:
        return self.name.upper()


class Page(BaseModel, Generic[T]):
    items: list[T]
    more: bool


class Full(Error):
    """There is no more room."""

    code = "full"
    details: dict[Literal["capacity"], int]


class Closed(Error):
    code = "closed"


class Params(BaseModel):
    shop: int = Field(description="Its number.")
    token: str
    verbose: bool = False


class Shop(Namespace, path="/shop/{shop}"):
    """Where things are bought."""

    sold = Event[Item]()
    """Something was sold."""
    closing = Event[None]("closing soon")
    sure = Ask[str, bool]()
    """Whether the customer is sure."""

    async def on_connect(self, ws: Socket, params: Params) -> None: ...

    @on(raises=[Full, Closed])
    async def on_buy(self, ws: Socket, payload: Item) -> Item:
        """Buys it.

        And pays for it.
        """
        return payload

    async def on_browse(self, ws: Socket, page: int = 1) -> Page[Item]:
        raise NotImplementedError

    async def on_watch(self, ws: Socket) -> AsyncIterator[tuple[int, str]]:
        yield 1, "one"

    async def on_leave(self, ws: Socket) -> None: ...

    async def on_anything(self, ws: Socket, payload: Any) -> Any: ...

    @on("at once")
    async def at_once(self, ws: Socket, payload: list[Colour]) -> dict[int, Colour]:
        return {}


class Lobby(Namespace, path="/"):
    async def on_hello(self, ws: Socket, payload: str) -> str:
        return payload


app = Application(Shop, Lobby, title="The shop", version="2.1")
