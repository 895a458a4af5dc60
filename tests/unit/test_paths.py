"""paths.py: which value belongs to a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microsockets.errors import ConfigurationError
from microsockets.paths import Path, Paths


def path(template: str) -> Path:
    return Path(template, "Game")


@pytest.mark.parametrize(
    ("template", "advice"),
    [
        ("game", 'must start with "/"'),
        ("", 'must start with "/"'),
        ("/{}", "no parameter"),
        ("/{game-id}", "no parameter"),
        ("/{1}", "no parameter"),
        ("/{a}/{a}", "has a parameter twice"),
        ("/{a", "brace without its partner"),
        ("/a}", "brace without its partner"),
        ("/{{a}}", "brace without its partner"),
    ],
)
def test_a_template_that_is_none_is_refused_and_names_where(template: str, advice: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^Game: .*{advice}"):
        path(template)


def test_a_parameter_matches_one_segment() -> None:
    game = path("/game/{game_id}/seat/{n}")
    assert game.match("/game/g1/seat/2") == {"game_id": "g1", "n": "2"}
    assert game.match("/game/g1/x/seat/2") is None
    assert game.match("/game//seat/2") is None
    assert game.match("/game/g1/seat/2/") is None


def test_text_of_a_template_is_no_pattern() -> None:
    assert path("/a.b/{c}").match("/axb/1") is None
    assert path("/a.b(/{c}").match("/a.b(/1") == {"c": "1"}


def test_templates_that_differ_only_in_names_have_one_shape() -> None:
    assert path("/g/{a}").shape == path("/g/{b}").shape != path("/h/{a}").shape


segment = st.text(st.characters(blacklist_characters="/{}", blacklist_categories=["Cs"]), min_size=1)


@given(literal=segment, value=segment)
def test_what_is_filled_in_is_found_again(literal: str, value: str) -> None:
    assert path(f"/{literal}/{{name}}").match(f"/{literal}/{value}") == {"name": value}


@given(text=st.text())
def test_any_path_can_be_asked_for(text: str) -> None:
    paths: Paths[int] = Paths()
    paths.add(path("/"), 1)
    paths.add(path("/{a}"), 2)
    found = paths.find(text)
    assert found is None or found[0] in (1, 2)


def test_literal_paths_win_over_templates() -> None:
    paths: Paths[str] = Paths()
    paths.add(path("/game/{id}"), "template")
    paths.add(path("/game/new"), "literal")
    assert paths.find("/game/new") == ("literal", {})
    assert paths.find("/game/7") == ("template", {"id": "7"})
    assert paths.find("/other") is None


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("longer", "shorter", "asked"),
    [
        ("/game/{id}", "/{kind}/{id}", "/game/7"),
        ("/game-{id}", "/{name}", "/game-7"),
        ("/{a}-{b}-final", "/{name}", "/red-blue-final"),
    ],
)
def test_among_templates_more_literal_text_wins(longer: str, shorter: str, asked: str, order: int) -> None:
    paths: Paths[str] = Paths()
    for template in (longer, shorter)[::order]:
        paths.add(path(template), template)
    found = paths.find(asked)
    assert found is not None
    assert found[0] == longer
