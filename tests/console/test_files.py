"""What is served at `docs_url`: files of our own, and nothing from elsewhere."""

from __future__ import annotations

import gzip
import re
from importlib import resources

import httpx
import pytest
from microsockets import Application

from tests.console.market import Market

STATIC = resources.files("microsockets.console") / "static"
FILES = ("index.html", "console.css", "console.js")


async def get(app: Application, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        return await client.request(method, path)


@pytest.mark.parametrize("url", ["/docs", "/docs/", "/about/events", "/"])
async def test_the_page_leads_to_its_files_wherever_it_is(url: str) -> None:
    app = Application(Market, docs_url=url)
    page = await get(app, url)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    loaded = re.findall(r'(?:src|href)="([^"]*console\.[^"]*)"', page.text)
    assert len(loaded) == 2
    for each in loaded:
        file = await get(app, str(page.url.join(each).path))
        assert file.status_code == 200
        assert file.text == (STATIC / each.rpartition("/")[2]).read_text("utf-8")
    assets = re.search(r'data-assets="([^"]*)"', page.text)
    root = re.search(r'data-root="([^"]+)"', page.text)
    assert assets is not None
    assert root is not None
    document = (await get(app, str(page.url.join(f"{assets[1]}contract.json").path))).json()
    assert document["contract"]["namespaces"].keys() == {"/market/{hall}"}
    assert page.url.join(root[1]).path == "/"


async def test_the_examples_are_there_by_direction() -> None:
    document = (await get(Application(Market), "/docs/contract.json")).json()
    examples = document["examples"]["/market/{hall}"]
    assert examples["in"]["offer"] == {"name": "vase", "amount": 2500}
    assert examples["params"] == {"hall": "text", "token": "open sesame"}
    assert examples["answers"] == {"sure": True}


@pytest.mark.parametrize("path", ["/docs", "/docs/console.js", "/docs/console.css", "/docs/contract.json"])
async def test_nothing_from_elsewhere_is_let_in(path: str) -> None:
    response = await get(Application(Market), path)
    policy = dict(each.strip().split(" ", 1) for each in response.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-cache"


async def test_head_gets_the_headers_alone_and_other_methods_nothing() -> None:
    app = Application(Market)
    page, head = await get(app, "/docs"), await get(app, "/docs", "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == page.headers["content-length"] == str(len(page.content))
    assert (await get(app, "/docs", "POST")).status_code == 404


@pytest.mark.parametrize("path", ["/docs/", "/docs/other.js", "/docs/../app.py", "/docsx", "/docs/static/console.js"])
async def test_there_is_nothing_else(path: str) -> None:
    assert (await get(Application(Market), path)).status_code == 404


@pytest.mark.parametrize("path", ["/docs", "/docs/console.js", "/docs/contract.json"])
async def test_docs_url_none_turns_it_all_off(path: str) -> None:
    assert (await get(Application(Market, docs_url=None), path)).status_code == 404


def test_it_is_at_most_60_kb_on_the_way() -> None:
    assert sum(len(gzip.compress((STATIC / name).read_bytes())) for name in FILES) <= 60_000


def test_no_file_names_another_place() -> None:
    text = "".join((STATIC / name).read_text("utf-8") for name in FILES)
    # An example of a URL is typed into a form, and nothing is loaded from there.
    assert set(re.findall(r"(?:https?:|wss?:)?//[\w.-]+\.\w+", text)) == {"https://example.com"}
    assert "<script>" not in text
    assert not re.search(r'style="|\son\w+="', text)
