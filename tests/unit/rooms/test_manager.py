"""rooms/manager.py: the seam of 1.0."""

from __future__ import annotations

from microsockets.rooms import Room, RoomManager


async def test_members_and_rooms_are_lists_in_the_order_of_joining() -> None:
    manager = RoomManager()
    await manager.join("b", 2)
    await manager.join("b", 1)
    await manager.join(Room("/chat", "a"), 1)
    assert await manager.members("b") == [2, 1]
    assert await manager.rooms(1) == ["b", Room("/chat", "a")]


async def test_a_list_of_members_does_not_change_afterwards() -> None:
    manager = RoomManager()
    await manager.join("a", 1)
    members = await manager.members("a")
    await manager.leave("a", 1)
    assert members == [1]
    assert await manager.members("a") == []


async def test_flush_leaves_every_room_and_no_empty_one_behind() -> None:
    manager = RoomManager()
    for room in ("a", "b"):
        await manager.join(room, 1)
        await manager.join(room, 2)
    await manager.flush(1)
    assert await manager.rooms(1) == []
    assert await manager.members("a") == [2]
    await manager.flush(2)
    assert list(manager.membership) == []
