"""cluster/nodes.py: who is alive, by the signs of life they give."""

from __future__ import annotations

from microsockets.cluster.nodes import LEASE_SECONDS, SUSPECT_SECONDS, Nodes


def test_a_sign_of_life_is_the_first_once() -> None:
    nodes = Nodes()
    assert nodes.hear("a", 0.0)
    assert not nodes.hear("a", 1.0)
    assert "a" in nodes
    assert nodes.drop("a")
    assert not nodes.drop("a")
    assert list(nodes) == []


def test_silence_makes_suspect_and_then_ends_the_lease() -> None:
    nodes = Nodes()
    nodes.hear("a", 0.0)
    nodes.hear("b", 4.0)
    assert nodes.suspects(SUSPECT_SECONDS) == set()
    assert nodes.suspects(SUSPECT_SECONDS + 0.1) == {"a"}
    assert nodes.expire(LEASE_SECONDS) == []
    assert nodes.expire(LEASE_SECONDS + 0.1) == ["a"]
    assert list(nodes) == ["b"]


def test_who_could_not_be_heard_is_forgiven() -> None:
    nodes = Nodes()
    nodes.hear("a", 0.0)
    nodes.forgive(10.0)
    assert nodes.suspects(10.0 + SUSPECT_SECONDS) == set()
    assert nodes.expire(10.0 + LEASE_SECONDS) == []
    assert nodes.expire(10.1 + LEASE_SECONDS) == ["a"]
