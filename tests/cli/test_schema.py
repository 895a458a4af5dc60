"""`microsockets schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.command import run

SHOP = "tests.schema.shop:app"


def test_it_prints_asyncapi_as_json() -> None:
    result = run("schema", SHOP)
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["asyncapi"] == "3.0.0"
    assert document["info"] == {"title": "The shop", "version": "2.1"}
    assert "servers" not in document


@pytest.mark.parametrize(("name", "options"), [("api.yaml", []), ("api.yml", []), ("api", ["--format", "yaml"])])
def test_yaml_says_the_same(tmp_path: Path, name: str, options: list[str]) -> None:
    assert run("schema", SHOP, "-o", tmp_path / name, *options).exit_code == 0
    text = (tmp_path / name).read_text()
    assert not text.startswith("{")
    assert "&id" not in text
    assert yaml.safe_load(text) == json.loads(run("schema", SHOP).stdout)


def test_a_server_can_be_named() -> None:
    document = json.loads(run("schema", SHOP, "--server", "wss://example.com/live").stdout)
    assert document["servers"] == {"this": {"host": "example.com", "protocol": "wss", "pathname": "/live"}}


@pytest.mark.parametrize(
    "server", ["example.com", "wss://", "wss://[::1", "wss://host:port", "wss://host:70000", "http://a"]
)
def test_a_server_that_is_none_is_refused(server: str) -> None:
    result = run("schema", SHOP, "--server", server)
    assert result.exit_code == 2
    assert "write it like wss://example.com" in result.stderr
