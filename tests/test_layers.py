"""Imports point down: a module imports only from its own layer or lower ones, and never in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "microsockets"

LAYERS: list[set[str]] = [
    {"checks", "errors", "hints", "limits", "status", "type_names", "types"},
    {
        "protocol",
        "protocol.deflate",
        "protocol.frames",
        "protocol.framing",
        "protocol.handshake",
        "protocol.reader",
        "protocol.upgrade",
    },
    {
        "declared",
        "dependencies",
        "events",
        "fail_fast",
        "handlers",
        "hooks",
        "middleware",
        "middleware.calls",
        "middleware.chain",
        "middleware.logging",
        "middleware.rate_limit",
        "middleware.timing",
        "middleware.validate",
        "paths",
        "payloads",
        "presence",
        "presence.declaration",
        "presence.roster",
        "signatures",
        "targets",
    },
    {
        "brokers",
        "brokers.broker",
        "brokers.memory",
        "brokers.nats",
        "brokers.nats.broker",
        "brokers.nats.connection",
        "brokers.nats.url",
        "brokers.redis",
        "brokers.redis.broker",
        "brokers.redis.line",
        "brokers.redis.url",
        "cluster",
        "cluster.cluster",
        "cluster.emitter",
        "cluster.manager",
        "cluster.messages",
        "cluster.nodes",
        "cluster.questions",
        "cluster.rosters",
        "cluster.targets",
        "outbox",
        "outbox.asgi",
        "outbox.direct",
        "outbox.queue",
        "rooms",
        "rooms.elsewhere",
        "rooms.manager",
        "rooms.membership",
        "rooms.recipients",
    },
    {"place", "socket"},
    {"attendance", "hub", "namespace"},
    {
        "admission",
        "application",
        "carriers",
        "classic",
        "connection",
        "console",
        "endpoint",
        "failures",
        "gateway",
        "lifespan",
        "pages",
        "runtime",
        "schema",
        "schema.asyncapi",
        "schema.branches",
        "schema.comparison",
        "schema.compatibility",
        "schema.contract",
        "schema.definitions",
        "schema.difference",
        "schema.docstrings",
        "schema.locked",
        "schema.patterns",
        "schema.phrases",
        "schema.published",
        "schema.rules",
        "schema.samples",
        "schema.typescript",
        "schema.typescript.comments",
        "schema.typescript.file",
        "schema.typescript.layout",
        "schema.typescript.literals",
        "schema.typescript.names",
        "schema.typescript.reader",
        "schema.typescript.types",
        "schema.walk",
        "worker",
    },
    {
        "",
        "__main__",
        "cli",
        "cli.calling",
        "cli.client",
        "cli.contract",
        "cli.files",
        "cli.loading",
        "cli.options",
        "cli.problem",
        "cli.routes",
        "cli.schema",
        "cli.serve",
        "cli.yaml",
        "client",
        "client.auth",
        "client.backoff",
        "client.declared",
        "client.delivery",
        "client.emitter",
        "client.error",
        "client.frames",
        "client.hook",
        "client.link",
        "client.liveness",
        "client.message",
        "client.questions",
        "client.queue",
        "client.requests",
        "client.session",
        "client.socket",
        "client.state",
        "client.stream",
        "client.tasks",
        "client.timers",
        "client.transport",
        "server",
        "server.context",
        "server.direct",
        "server.http",
        "server.inbox",
        "server.scope",
        "server.serve",
        "server.websocket",
        "testing",
        "testing.client",
        "testing.peer",
    },
]


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(module: str) -> Iterator[str]:
    """The modules of the package that a module imports."""
    path = MODULES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [part for part in package[: len(package) - node.level + 1] if part]
            target = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{target}.{alias.name}".lstrip(".") for alias in node.names]
            yield from (name if name in MODULES else target for name in names)


def layer(module: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if module in names)


def test_each_module_belongs_to_one_layer() -> None:
    assert sorted(name for names in LAYERS for name in names) == sorted(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    for target in imported(module):
        assert layer(target) <= layer(module), f"{module} imports {target} of a higher layer"


@pytest.mark.parametrize("module", MODULES)
def test_no_import_is_inside_a_function(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inner = [node for function in functions for node in ast.walk(function)]
    assert not [node.lineno for node in inner if isinstance(node, ast.Import | ast.ImportFrom)]


def test_no_modules_import_each_other() -> None:
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join((*above[above.index(module) :], module))
        if module not in done:
            for target in set(imported(module)) - {module}:
                visit(target, (*above, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


def test_the_wire_knows_no_asyncio() -> None:
    for module in LAYERS[1]:
        imports = [node for node in ast.walk(ast.parse(MODULES[module].read_text())) if isinstance(node, ast.Import)]
        assert "asyncio" not in {alias.name for node in imports for alias in node.names}


def test_the_application_never_imports_a_server() -> None:
    for module, path in MODULES.items():
        if module.partition(".")[0] not in ("cli", "server"):
            assert "import uvicorn" not in path.read_text(), module
            assert "from uvicorn" not in path.read_text(), module
