"""The documents: what they name exists, and what the code says to operators stands in them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

from commlog.demo import environment
from notifications.database.availability import Trouble
from tests import settings_page

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
OPERATE = ROOT / "docs" / "operate.md"
# Which test runs the blocks of a document; those for the reader's machine and those that are no commands are
# run nowhere.
RUN_BY = {
    ("operate.md", "sh"): "tests/production",
    ("operate.md", "bash"): "tests/cluster/test_demo.py",
    ("how-it-works.md", "bash"): "tests/cluster/test_demo.py",
    ("how-it-works.md", "python"): "tests/commlog/export/test_cells.py",
    ("api.md", "bash"): "tests/commlog/api/test_docs.py",
    ("api.md", "python"): "tests/commlog/api/test_docs.py",
    ("api.md", "json"): "tests/commlog/api/test_docs.py",
}
RUN_NOWHERE = {
    ("README.md", "console"),
    ("CONTRIBUTING.md", "console"),
    ("CONTRIBUTING.md", "python"),
    ("how-it-works.md", "text"),
    ("operate.md", "yaml"),  # for the reader's Prometheus
}
_LEVELS = {"info", "warning", "error", "exception", "critical"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", document.read_text()):
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        assert not anchor or anchor in _anchors(file), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_target_of_make_exists(document: Path) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", document.read_text(), re.MULTILINE))
    assert named <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_exists(document: Path) -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", document.read_text()))
    assert named <= {*get_commands(), "qcluster"}


@pytest.mark.parametrize(
    "document", [each for each in DOCUMENTS if each.name != "DECISIONS.md"], ids=lambda path: path.name
)
def test_every_file_exists(document: Path) -> None:
    for name in re.findall(
        r"`((?:bench|commlog|docs|notifications|templates|tests)/[\w./-]*)`", document.read_text()
    ):
        assert (ROOT / name).exists(), name


def test_every_decision_stands_in_its_room_and_in_the_table() -> None:
    top, *rooms = re.split(r"^## (.+)\n", (ROOT / "DECISIONS.md").read_text(), flags=re.MULTILINE)
    written = {
        name: re.findall(r"^(\d+)\. \*\*", text, re.MULTILINE)
        for name, text in zip(rooms[::2], rooms[1::2], strict=True)
    }
    table = dict(re.findall(r"^\| \[(.+?)\]\(#.+?\) \| (.+) \|$", top, re.MULTILINE))
    assert {name: re.findall(r"\[(\d+)\]\(#\1\)", links) for name, links in table.items()} == written, (
        "a new one goes to its room and into the table"
    )
    assert all(numbers == sorted(numbers, key=int) for numbers in written.values())
    assert sorted(int(each) for numbers in written.values() for each in numbers) == list(
        range(1, sum(map(len, written.values())) + 1)
    )


def test_every_decision_that_code_refers_to_exists() -> None:
    code = [
        file.read_text()
        for package in ("commlog", "notifications", "tests")
        for file in (ROOT / package).rglob("*.py")
    ]
    named = {number for text in code for number in re.findall(r"DECISIONS\.md (\d+)", text)}
    assert named
    assert named <= _anchors(ROOT / "DECISIONS.md")


def test_every_block_is_run_by_a_test_or_is_for_the_reader_s_machine() -> None:
    languages = {
        (each.name, found)
        for each in DOCUMENTS
        for found in re.findall(r"^```(\S*)\n.*?^```$", each.read_text(), re.M | re.S)
    }
    assert languages == set(RUN_BY) | RUN_NOWHERE
    for (name, _), test in RUN_BY.items():
        assert any(
            name in file.read_text() for file in [ROOT / test, *(ROOT / test).glob("*.py")] if file.is_file()
        ), test


def test_the_sign_ins_are_those_of_the_demo() -> None:
    signs_in = re.findall(
        r"^\| `(\w+)` \| `([\w-]+)` \| ([A-Z][a-z]+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert signs_in == [(name, environment.PASSWORD, role) for name, role in environment.SIGN_INS.items()]


def test_every_command_stands_in_the_table() -> None:
    table = OPERATE.read_text().partition("\n## Commands\n")[2].partition("\n## ")[0]
    ours = {name for name, app in get_commands().items() if app.startswith(("commlog", "notifications"))}
    assert ours <= set(re.findall(r"`([a-z_]+)[^`]*`", table))


def test_what_is_logged_stands_in_the_table() -> None:
    table = OPERATE.read_text().partition("\n## What the log lines mean\n")[2].partition("\n## ")[0]
    explained = set(re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE))
    logged = {
        each
        for package in ("commlog", "notifications")
        for file in (ROOT / package).rglob("*.py")
        for each in _logged(file)
    }
    of_django = {"Internal Server Error: …", "Invalid HTTP_HOST header: …"}
    assert explained == logged | {trouble.sentence for trouble in Trouble} | of_django


def _logged(file: Path) -> Iterator[str]:
    """The texts that a module logs, with … for what is filled in."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log" | "logger" | "_log"), attr=level),
                args=[ast.Constant(value=str(text)), *_],
            ):
                if level in _LEVELS:
                    yield text.replace("%s", "…")
            case ast.Call(func=ast.Name(id="_say"), args=[ast.JoinedStr(values=parts)]) if (
                file.name == "marker.py"
            ):
                yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in parts)


def test_the_limits_of_the_api_are_those_of_the_settings() -> None:
    defaults = dict(re.findall(r"^\| `(\w+)` \| `(\d+)`", settings_page.PAGE.read_text(), re.MULTILINE))
    limits = re.findall(
        r"^\| [^|]+ \| ([\d,]+) \| `(\w+)` \|$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE
    )
    assert len(limits) >= 9
    assert {name: value.replace(",", "") for value, name in limits} == {
        name: defaults[name] for _, name in limits
    }


def _anchors(file: Path) -> set[str]:
    """The headings of a document as GitHub names them, and the anchors that it sets itself."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    set_here = re.findall(r'^<a id="(\w+)"></a>$', file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings} | set(
        set_here
    )
