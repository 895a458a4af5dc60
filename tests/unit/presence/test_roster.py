"""presence/roster.py: what observers are told adds up to who is there, whatever each process says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from microsockets.presence import Entry, Roster

NODES = ("one", "two", "three")
node = st.sampled_from(NODES)
socket = st.sampled_from(("s1", "s2", "s3"))
entry = st.builds(
    Entry, socket, st.sampled_from(("ann", "bob")), st.sampled_from((b"1", b"2")), st.integers(min_value=0, max_value=3)
)
step = st.tuples(node, st.none() | entry | socket | st.lists(entry, max_size=3))
"""What a process says: one entry, that a socket has none, or all that it has; None is that observers are told."""


class Observer:
    """Believes what it is told, and nothing that contradicts it."""

    def __init__(self) -> None:
        self.members: dict[str, bytes] = {}

    def hear(self, roster: Roster) -> None:
        difference = roster.take_difference()
        if difference is None:
            return
        assert difference.joined or difference.changed or difference.left
        for member, state in difference.joined.items():
            assert member not in self.members
            self.members[member] = state
        for member, state in difference.changed.items():
            assert self.members[member] != state
            self.members[member] = state
        for member in difference.left:
            del self.members[member]


@given(st.lists(step, max_size=40))
def test_differences_add_up(steps: list[tuple[str, Entry | str | list[Entry] | None]]) -> None:
    roster, observer = Roster(), Observer()
    said: dict[tuple[str, str], Entry] = {}
    for of, detail in steps:
        if isinstance(detail, Entry):
            roster.put(of, detail)
            said[of, detail.socket] = detail
        elif isinstance(detail, str):
            assert roster.remove(of, detail) is (said.pop((of, detail), None) is not None)
        elif detail is not None:
            roster.replace(of, detail)
            said = {key: each for key, each in said.items() if key[0] != of}
            said |= {(of, each.socket): each for each in detail}
        else:
            observer.hear(roster)
            assert observer.members == dict(roster.members())
    observer.hear(roster)
    assert observer.members == dict(roster.members())
    assert set(observer.members) == {each.member for each in said.values()}
    for each in NODES:
        assert roster.has(each) is any(key[0] == each for key in said)
        assert {found.socket for found in roster.of_node(each)} == {key[1] for key in said if key[0] == each}


@given(st.lists(st.tuples(node, entry), max_size=12))
def test_the_order_in_which_processes_are_heard_does_not_matter(said: list[tuple[str, Entry]]) -> None:
    last = {(of, each.socket): each for of, each in said}
    one, other = Roster(), Roster()
    for (of, _), each in last.items():
        one.put(of, each)
    for (of, _), each in reversed(last.items()):
        other.put(of, each)
    assert dict(one.members()) == dict(other.members())


def test_who_came_and_went_unheard_was_never_there() -> None:
    roster = Roster()
    roster.put("one", Entry("s1", "ann", b"1", 1))
    assert roster.get("one", "s1") == Entry("s1", "ann", b"1", 1)
    assert roster.remove("one", "s1")
    assert roster.get("one", "s1") is None
    assert roster.take_difference() is None
