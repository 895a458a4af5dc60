"""A namespace that says enough about itself: for documentation, for typed clients, and for a check of changes."""

from __future__ import annotations

from collections.abc import AsyncIterator

from microsockets import Application, Ask, Error, Event, Namespace, Socket, on
from pydantic import BaseModel, Field


class Bid(BaseModel):
    lot: int = Field(ge=1, description="The number in the catalogue.", examples=[7])
    amount: int = Field(gt=0, description="In cents.", examples=[2500])


class Price(BaseModel):
    amount: int
    open: bool


class TooLow(Error):
    """Somebody has bid more."""

    code = "too_low"
    details: Price


class Auction(Namespace, path="/auction/{hall}"):
    """Bidding for lots in one hall."""

    raised = Event[Bid]()
    """The highest bid for a lot is another one now."""
    sure = Ask[Bid, bool]()
    """Asked before a bid that is ten times the last one."""

    @on(raises=[TooLow])
    async def on_bid(self, ws: Socket, payload: Bid) -> Price:
        """Bids for a lot, and answers with its price."""
        if payload.amount < 100:
            raise TooLow(details=Price(amount=100, open=True))
        await self.raised.broadcast(payload, to="hall", skip=ws)
        return Price(amount=payload.amount, open=True)

    async def on_watch(self, ws: Socket, lot: int) -> AsyncIterator[Price]:
        """The prices of a lot, from now on."""
        await ws.join("hall")
        yield Price(amount=0, open=True)


app = Application(Auction, title="Auction", version="1.0")
