"""rooms/recipients.py: from `to=` and `skip=` to sockets, each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from microsockets.errors import UsageError
from microsockets.rooms import Recipients, Room, RoomKey, RoomManager
from microsockets.targets import ALL, Targets, user


@dataclass(frozen=True)
class Peer:
    id: str
    protocol: str = "v1"


ANN, BOB, CAT = Peer("ann"), Peer("bob"), Peer("cat")


class OwnManager:
    """A manager with nothing in common with ours but the 1.0 calls."""

    def __init__(self) -> None:
        self.asked: list[RoomKey] = []
        self.rooms: dict[RoomKey, list[Any]] = {}

    async def join(self, room: RoomKey, socket: Any) -> None:
        self.rooms.setdefault(room, []).append(socket)

    async def members(self, room: RoomKey) -> list[Any]:
        self.asked.append(room)
        return self.rooms.get(room, [])


class Reversing(RoomManager):
    async def members(self, room: RoomKey) -> list[Any]:
        return (await super().members(room))[::-1]


async def full(manager: Any = None, path: str | None = "/chat") -> Recipients:
    recipients = Recipients(path, manager or RoomManager())
    for socket in (ANN, BOB, CAT):
        recipients.add(socket)
    for name, socket in (("r", ANN), ("r", BOB), ("s", BOB), ("s", CAT)):
        await recipients.manager.join(recipients.key(name), socket)
    recipients.add_user("u", ANN)
    recipients.add_user("u", CAT)
    return recipients


@pytest.mark.parametrize("manager", [RoomManager, OwnManager])
@pytest.mark.parametrize(
    ("to", "skip", "expected"),
    [
        ("r", None, [ANN, BOB]),
        ("nowhere", None, []),
        (ANN, None, [ANN]),
        (ALL, None, [ANN, BOB, CAT]),
        (user("u"), None, [ANN, CAT]),
        (user("nobody"), None, []),
        (["r", "s"], None, [ANN, BOB, CAT]),
        (["s", user("u"), CAT, "s"], None, [BOB, CAT, ANN]),
        ([], None, []),
        (("r", "s", BOB), None, [ANN, BOB, CAT]),
        ("r", ANN, [BOB]),
        ("r", "s", [ANN]),
        (ALL, [user("u"), "nowhere"], [BOB]),
        (ALL, ALL, []),
        ("r", [], [ANN, BOB]),
        ("ann", None, [ANN]),
        ("r", "bob", [ANN]),
    ],
    ids=repr,
)
async def test_each_recipient_is_selected_once(
    manager: type[Any], to: Targets, skip: Targets | None, expected: list[Peer]
) -> None:
    recipients = await full(manager())
    assert list(await recipients.select(to, skip)) == expected


async def test_recipients_may_be_given_by_an_iterator() -> None:
    targets: list[str | Peer] = ["r", CAT]
    assert list(await (await full()).select(iter(targets), None)) == [ANN, BOB, CAT]


async def test_a_manager_that_answers_members_is_asked() -> None:
    manager = OwnManager()
    recipients = await full(manager)
    await recipients.select("r", None)
    assert manager.asked == [Room("/chat", "r")]
    assert list(await (await full(Reversing())).select("r", None)) == [BOB, ANN]


@pytest.mark.parametrize(
    "target", [None, 7, object(), ["r", None], b"r"], ids=["None", "int", "object", "list", "bytes"]
)
async def test_anything_else_is_refused_with_what_to_give(target: Any) -> None:
    recipients = await full()
    with pytest.raises(UsageError, match="give a room's name, a socket, user"):
        await recipients.select(target, None)
    with pytest.raises(UsageError):
        await recipients.select("r", [target])


async def test_a_room_belongs_to_its_namespace() -> None:
    recipients = await full()
    assert recipients.key("r") == Room("/chat", "r")
    assert (await full(path=None)).key("r") == "r"
    assert list(await recipients.select("r", None)) == [ANN, BOB]


async def test_a_socket_that_was_taken_out_is_no_recipient() -> None:
    recipients = await full()
    assert recipients.has_id("ann")
    recipients.remove(ANN)
    recipients.remove(ANN)
    assert not recipients.has_id("ann")
    assert list(await recipients.select(ALL, None)) == [BOB, CAT]
    assert list(await recipients.select("ann", None)) == []


@pytest.mark.parametrize("manager", [RoomManager, OwnManager])
async def test_a_user_exists_while_a_socket_is_theirs(manager: type[Any]) -> None:
    recipients = await full(manager())
    recipients.remove_user("u", ANN)
    recipients.remove_user("u", ANN)
    recipients.remove_user("nobody", ANN)
    assert list(recipients.of_user("u")) == [CAT]
    recipients.remove_user("u", CAT)
    assert list(recipients.of_user("u")) == []


async def test_a_manager_of_somebody_elses_is_asked_for_members_alone() -> None:
    recipients = await full(OwnManager())
    assert recipients.room_names(None) == []
    assert list(recipients.here(["r", "ann"], None)) == [ANN]


async def test_the_rooms_of_a_namespace_and_of_a_socket() -> None:
    recipients = await full()
    assert sorted(recipients.room_names(None)) == ["r", "s"]
    assert recipients.room_names("cat") == ["s"]
    assert recipients.room_names("nobody") == []


async def test_taking_a_socket_from_a_user_it_does_not_have_is_no_change() -> None:
    recipients = await full()
    recipients.remove_user("nobody", ANN)
    recipients.remove_user("u", ANN)
    assert list(recipients.of_user("u")) == [CAT]
