"""`microsockets client`: the file of types, and whether it is up to date."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import run

SHOP = "tests.schema.shop:app"


def test_it_prints_typescript() -> None:
    result = run("client", SHOP)
    assert result.exit_code == 0
    assert "export interface Shop" in result.stdout
    assert SHOP in result.stdout


def test_it_writes_what_it_prints(tmp_path: Path) -> None:
    file = tmp_path / "events.ts"
    assert run("client", SHOP, "--lang", "typescript", "-o", file).exit_code == 0
    assert file.read_text() == run("client", SHOP).stdout


def test_check_passes_while_the_file_is_as_it_would_be_written(tmp_path: Path) -> None:
    file = tmp_path / "events.ts"
    run("client", SHOP, "-o", file)
    result = run("client", SHOP, "-o", file, "--check")
    assert (result.exit_code, result.output) == (0, "")


def test_check_shows_what_is_out_of_date_and_leaves_it(tmp_path: Path) -> None:
    file = tmp_path / "events.ts"
    run("client", SHOP, "-o", file)
    stale = file.read_text().replace("teapot", "kettle").replace("more: boolean", "more: string")
    file.write_text(stale)
    result = run("client", SHOP, "-o", file, "--check")
    assert result.exit_code == 1
    assert "-  more: string" in result.stdout
    assert "is out of date: run `microsockets client" in result.stderr
    assert file.read_text() == stale


def test_check_of_a_file_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    result = run("client", SHOP, "-o", tmp_path / "events.ts", "--check")
    assert result.exit_code == 2
    assert "make it with `microsockets client" in result.stderr


def test_check_needs_a_file() -> None:
    result = run("client", SHOP, "--check")
    assert result.exit_code == 2
    assert "give it with -o" in result.stderr


def test_the_example_in_the_documentation_is_what_it_writes() -> None:
    file = Path(__file__).parents[2] / "examples" / "contract.ts"
    assert run("client", "examples.contract:app", "-o", file, "--check").exit_code == 0
