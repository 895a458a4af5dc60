"""What forms have trouble with: slow answers, large numbers, unions of all kinds, names that JavaScript knows."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Generic, Literal

from microsockets import Application, Ask, Namespace, Socket, on
from pydantic import BaseModel, Field
from typing_extensions import TypeVar

T = TypeVar("T")


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    cat: int = Field(ge=0, description="Called like the tag.")
    name: str = Field(min_length=1)


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str


class Item(BaseModel):
    n: int = Field(ge=0)


class Page(BaseModel, Generic[T]):
    items: list[T]


class Pets(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    many: list[Annotated[Cat | Dog, Field(discriminator="kind")] | int]


class Mix(BaseModel):
    first: int | list[Item] | None
    second: Page[Item] | str
    third: int | list[str | dict[str, Item | list[int]]]
    price: Annotated[Item | Dog, Field(union_mode="left_to_right")] | list[int]


class Names(BaseModel):
    maker: int = Field(1, alias="constructor")
    text: int = Field(2, alias="toString")
    proto: int = Field(3, alias="__proto__")
    name: str


class Choice(BaseModel):
    colour: Literal["red", "blue"]
    shape: Item | Cat | list[int] | list[Item]


class Stall(BaseModel):
    stall: str = Field(examples=["first"])


opened = asyncio.Event()
"""Lets those go on who wait for it now."""


class Record(Namespace, path="/bazaar/{stall}"):
    """Called like a type of TypeScript, so that its interface is not."""

    sure = Ask[int, int]()

    async def on_connect(self, ws: Socket, params: Stall) -> Stall:
        return params

    async def on_double(self, number: int) -> int:
        return number * 2

    async def on_where(self, ws: Socket[Stall], word: str) -> str:
        return f"{word} at the {ws.session.stall}"

    async def on_echo(self, value: Any) -> Any:
        return value

    async def on_wait(self, payload: Item) -> int:
        await opened.wait()
        return payload.n

    async def on_go(self) -> None:
        opened.set()
        opened.clear()

    async def on_pets(self, pets: Pets) -> int:
        return len(pets.many)

    async def on_mix(self, mix: Mix) -> str:
        return type(mix.second).__name__

    async def on_names(self, names: Names) -> dict[str, int]:
        return names.model_dump(by_alias=True, exclude={"name"})

    async def on_choice(self, choice: Choice) -> str:
        return type(choice.shape).__name__

    async def on_ask(self, ws: Socket, number: int) -> int:
        return await self.sure.ask(ws, number)

    @on("toString")
    async def to_string(self) -> str:
        return "called"


app = Application(Record)
