"""What the tests of the console talk to: something of each kind that a client can do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from microsockets import Application, Ask, Error, Event, Namespace, Refuse, Socket, on
from pydantic import BaseModel, Field


class Params(BaseModel):
    hall: str
    token: str = Field(examples=["open sesame"])


class Fish(BaseModel):
    kind: Literal["fish"] = "fish"
    fins: int = Field(ge=0)


class Bird(BaseModel):
    kind: Literal["bird"] = "bird"
    wings: int = 2


class Lot(BaseModel):
    name: str = Field(min_length=3, description="As in the <b>catalogue</b>.", examples=["vase"])
    amount: int = Field(gt=0, examples=[2500])
    tags: list[str] = []
    sizes: dict[str, int] = {}
    beast: Fish | Bird | None = None


class Sold(Error):
    """Somebody else has it."""

    code = "sold"
    details: dict[str, str]


class Market(Namespace, path="/market/{hall}"):
    """Things for sale."""

    offered = Event[Lot]()
    """Something is for sale."""
    sure = Ask[str, bool]()
    """Whether to go on."""

    async def on_connect(self, ws: Socket, params: Params) -> None:
        if params.token != "open sesame":
            raise Refuse("forbidden", "not with this token")
        await ws.join("hall")

    @on(raises=[Sold])
    async def on_offer(self, ws: Socket, payload: Lot) -> int:
        """Offers it to everybody else."""
        if payload.name == "gone":
            raise Sold(details={"to": "ada"})
        await self.offered.broadcast(payload, to="hall", skip=ws)
        return payload.amount

    async def on_count(self, up_to: int) -> AsyncIterator[int]:
        for number in range(up_to):
            yield number

    async def on_confirm(self, ws: Socket) -> str:
        return "yes" if await self.sure.ask(ws, "really?") else "no"


app = Application(Market, title="Market", version="3.2")
