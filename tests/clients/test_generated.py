"""Clients that others' generators make from our description compile, search, send and resend against a
running server.

`make clients` installs the generators. Without them the tests are skipped, with the reason; REQUIRE_CLIENTS=1
fails instead.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copy
from typing import Any
from urllib.request import urlopen

import pytest

from notifications.models import Message
from notifications.states import MessageState
from tests.factories import make_key, make_message
from tests.web_server import ROOT, commlog

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clients]
PROGRAMS = Path(__file__).parent / "programs"
PYTHON, NODE = ROOT / ".clients" / "python" / "bin", ROOT / ".clients" / "node" / "node_modules"
_TSC = (
    "node_modules/.bin/tsc --strict --target es2022 --module node16 --skipLibCheck --types node --outDir "
    "built program.ts"
)
_COMPILE_PYTHON = "python -m compileall -q commlog_client"
_IMPORT_ALL = (
    "import commlog_client as c, pkgutil; [__import__(m.name) for m in pkgutil.walk_packages(c.__path__, "
    "'commlog_client.')]"
)


@dataclass(frozen=True, slots=True)
class Generator:
    """How a client is made of openapi.json in an empty directory, and which program is written over it, in
    which language.
    """

    makes: str
    program: str
    needs: tuple[Path, ...]

    @property
    def compiles(self) -> tuple[str, ...]:
        """Compiles the client, and imports all of it."""
        return (_TSC,) if self.program.endswith(".ts") else (_COMPILE_PYTHON, f'python -c "{_IMPORT_ALL}"')

    @property
    def runs(self) -> str:
        """Runs the program."""
        return "node built/program.js" if self.program.endswith(".ts") else "python program.py"


GENERATORS = {
    "openapi-python-client": Generator(
        "openapi-python-client generate --path openapi.json --meta none --output-path commlog_client "
        "--fail-on-warning",
        "openapi_python_client.py",
        (PYTHON / "openapi-python-client",),
    ),
    "openapi-generator python": Generator(
        "openapi-generator-cli generate -i openapi.json -g python -o . "
        "--additional-properties=packageName=commlog_client",
        "openapi_generator_python.py",
        (PYTHON / "openapi-generator-cli",),
    ),
    "openapi-generator typescript-axios": Generator(
        "openapi-generator-cli generate -i openapi.json -g typescript-axios -o client",
        "typescript_axios.ts",
        (PYTHON / "openapi-generator-cli", NODE / ".bin" / "tsc"),
    ),
    "openapi-typescript": Generator(
        "node_modules/.bin/openapi-typescript openapi.json -o client/schema.d.ts",
        "openapi_typescript.ts",
        (NODE / ".bin" / "openapi-typescript", NODE / ".bin" / "tsc"),
    ),
}


@pytest.fixture
def server(transactional_db: None) -> Iterator[str]:
    """The address of a running Commlog."""
    with commlog() as port:
        yield f"http://127.0.0.1:{port}"


def _run(command: str, directory: Path, **given: str) -> str:
    environment = {"PATH": f"{PYTHON}:/usr/local/bin:/usr/bin:/bin", "HOME": str(directory)} | given
    ran = subprocess.run(
        ["bash", "-c", command], cwd=directory, env=environment, capture_output=True, text=True, timeout=100
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def _installed(generator: Generator) -> None:
    missing = [str(tool.relative_to(ROOT)) for tool in generator.needs if not tool.exists()]
    if missing:
        reason = f"there is no {' and no '.join(missing)}; `make clients` installs what it can"
        (pytest.fail if os.environ.get("REQUIRE_CLIENTS") == "1" else pytest.skip)(reason)


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
def test_a_generated_client_searches_sends_and_resends(
    generator: Generator, server: str, tmp_path: Path
) -> None:
    _installed(generator)
    failed = make_message(MessageState.FAILED)
    (tmp_path / "node_modules").symlink_to(NODE)
    with urlopen(f"{server}/api/openapi.json") as answer:
        (tmp_path / "openapi.json").write_bytes(answer.read())
    _run(generator.makes, tmp_path)
    copy(PROGRAMS / generator.program, tmp_path / f"program{Path(generator.program).suffix}")
    for command in generator.compiles:
        _run(command, tmp_path)

    told: dict[str, Any] = json.loads(_run(generator.runs, tmp_path, COMMLOG=server, KEY=make_key()))

    sent = Message.objects.get(resend_of=None, state=MessageState.QUEUED)
    assert (sent.subject, sent.content, sent.destination) == ("Hello", "Dear Ana", "ana@example.org")
    assert told == {
        "found": [[failed.key.hex, "FAILED", failed.failure_reason, failed.created_at.year]],
        "sent": [sent.key.hex, "QUEUED"],
        "resent": 202,
        "unknown": 2608,
    }
    assert Message.objects.get(resend_of=failed).content == failed.content
