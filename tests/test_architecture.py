"""The shape of the house: the arrow between the packages, no cycles, no file that grew too large, nothing
forbidden.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from notifications.states import MessageType

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("commlog", "notifications")
DOORS = (
    "alerts", "channels", "channels.base.detail", "channels.email", "channels.email.letter",
    "channels.sms.channel", "channels.webhook", "cluster.health", "cluster.schedules", "content", "criteria",
    "database.availability", "database.cached_sql", "database.clock", "database.guards", "database.id_lookup",
    "database.replica",
    "events", "failures", "failures.meanings",
    "faults", "criteria.word_search", "forgetting.people", "forgetting.rows", "forgetting.words",
    "incidents", "incidents.attribution", "lanes.lane_health",
    "lanes.openings", "lanes.switches", "models", "models.folds", "models.lane", "models.message",
    "models.legal_hold", "models.sealed_values",
    "masking", "models.recipients", "models.template", "outbox", "process", "receipts", "restored.holding",
    "restored.small_file", "retry",
    "rollups", "rollups.hourly", "rollups.reading", "rollups.samples",
    "secrets", "secrets.hidden", "secrets.sealed", "secrets.urls", "sendable", "states",
    "streams.hub", "streams.offsets", "streams.reading", "streams.readers", "streams.sessions",
    "streams.subscriptions",
    "channels.event_stream.topics",
    "templating", "templating.checks", "templating.moving", "text.days", "text.validation", "text.keys",
    "text.numbers", "text.spelling", "words.indexing",
)  # fmt: skip
COMPOSITION = (
    "settings",
    "environment",
    "wsgi",
    "apps",
    "urls",
    "middleware",
    "navigation",
    "database_middleware",
    "demo",
)
FACES = ("views", "api", "live", "metrics", "management", "account_commands", "templatetags")
MOST_IN_THE_HALL = {"commlog": 12, "notifications": 16}  # modules directly in a package
NAME_CHANNELS = ("commlog.demo.",)  # the demo invents what each of them sends, and how that fares
CHANNELS = tuple(MessageType.__members__)
LARGEST = 400
FORBIDDEN_NAMES = {"utils", "helpers", "services", "managers", "constants", "misc"}
FILES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts
)


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in FILES}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path, *, inside_functions: bool = False) -> Iterator[str]:
    """The modules that a file imports when it is loaded (and, if wanted, later)."""
    tree = parsed(path)
    for node in ast.walk(tree) if inside_functions else _top_level(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                longer = f"{node.module}.{alias.name}"
                yield longer if longer in MODULES else node.module


def _top_level(tree: ast.Module) -> Iterator[ast.AST]:
    for node in tree.body:
        if isinstance(node, ast.If | ast.Try):
            yield from ast.walk(node)
        else:
            yield node


def test_the_domain_knows_no_back_office() -> None:
    wrong = [
        f"{name} imports {target}"
        for name, path in MODULES.items()
        if name.startswith("notifications")
        for target in imports(path, inside_functions=True)
        if target.split(".")[0] == "commlog"
    ]
    assert wrong == []


def test_the_domain_knows_no_request() -> None:
    wrong = [
        f"{name} imports {target}"
        for name, path in MODULES.items()
        if name.startswith("notifications")
        for target in imports(path, inside_functions=True)
        if target.startswith(
            ("django.http", "django.shortcuts", "django.template", "django.views", "django.urls")
        )
    ]
    assert wrong == []


def test_the_back_office_uses_the_doors_of_the_domain() -> None:
    used = {
        target: name
        for name, path in MODULES.items()
        if name.startswith("commlog")
        for target in imports(path, inside_functions=True)
        if target.startswith("notifications.")
    }
    assert {
        target: name for target, name in used.items() if target.removeprefix("notifications.") not in DOORS
    } == {}
    assert [door for door in DOORS if f"notifications.{door}" not in MODULES] == []


def test_no_import_cycles() -> None:
    graph = {
        name: {target for target in imports(path) if target in MODULES and target != name}
        for name, path in MODULES.items()
    }

    assert cycle_of(graph) == []
    assert cycle_of({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]


def test_no_cycles_of_folders() -> None:
    graph: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        here = room_of(name)
        graph.setdefault(here, set()).update(room_of(target) for target in imports(path) if target in MODULES)
        graph[here].discard(here)

    assert cycle_of(graph) == []


def test_rooms_know_no_face() -> None:
    wrong = [
        f"{name} imports {target}"
        for name, path in MODULES.items()
        if name.startswith("commlog.") and name.split(".")[1] not in COMPOSITION + FACES
        for target in imports(path, inside_functions=True)
        if target.startswith("commlog.") and target.split(".")[1] in COMPOSITION + FACES
    ]
    assert wrong == []


def test_the_kit_knows_no_model_and_no_room() -> None:
    wrong = [
        f"{name} imports {target}"
        for name, path in MODULES.items()
        if name.startswith("commlog.kit")
        for target in imports(path, inside_functions=True)
        if target.startswith(("commlog.", "notifications.models")) and not target.startswith("commlog.kit")
    ]
    assert wrong == []


def test_channels_are_asked_and_not_named() -> None:
    """What is so of a channel stands in its folder alone: a name elsewhere is a fact that the next channel
    would lack.
    """
    named = re.compile(rf"\bMessageType\.({'|'.join(CHANNELS)})\b")
    at_home = ("notifications.channels.", "notifications.states", *NAME_CHANNELS)
    wrong = [
        f"{name}: {found.group()}"
        for name, path in MODULES.items()
        if not name.startswith(at_home)
        for found in named.finditer(path.read_text())
    ]
    in_pages = re.compile(rf"""["']({"|".join(CHANNELS)})["']""")
    pages = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static" / "js").rglob("*.js")]
    wrong += [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in pages
        for found in in_pages.finditer(path.read_text())
    ]
    assert wrong == []


def test_the_parameters_of_a_log_are_read_in_one_place() -> None:
    """Whoever else knows a log gets its LogQuery. The API has parameters of its own."""
    readers = ("commlog.log.reading", "commlog.log.writing", "commlog.views.", "commlog.api.")
    wrong = [
        name
        for name, path in MODULES.items()
        if name.startswith("commlog.") and not name.startswith(readers)
        if any(each.startswith("commlog.log.") for each in (name, *imports(path, inside_functions=True)))
        if names_in(path) & {"QueryDict", "GET"}
    ]
    assert wrong == []
    assert "QueryDict" in names_in(MODULES["commlog.log.reading"])


def names_in(path: Path) -> set[str]:
    """Every name, attribute and imported name of a file."""
    nodes = list(ast.walk(parsed(path)))
    return {
        str(getattr(node, kind)) for node in nodes for kind in ("id", "attr", "name") if hasattr(node, kind)
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_few_modules_stand_in_the_hall(package: str) -> None:
    assert len(list((ROOT / package).glob("*.py"))) <= MOST_IN_THE_HALL[package]


def room_of(name: str) -> str:
    """The folder of a module; a module directly in a package is a room of its own."""
    is_folder = MODULES[name].name == "__init__.py"
    return name if is_folder or name.count(".") < 2 else name.rpartition(".")[0]


def cycle_of(graph: dict[str, set[str]]) -> list[str]:
    """A cycle, from a name to itself; empty where there is none."""
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name not in done:
            for target in sorted(graph.get(name, ())):
                if found := visit(target, [*trail, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := visit(name, []))), [])


@pytest.mark.xdist_group("architecture")  # so that one process reads the files
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file(path: Path) -> None:
    source = path.read_text()
    # The comments that docs/settings.md is made of are a page of their own.
    assert len([line for line in source.splitlines() if not line.lstrip().startswith("#:")]) <= LARGEST
    assert path.stem not in FORBIDDEN_NAMES
    for pattern in (r"\bimport \*", r"\bmark_safe\b", r"\bfrom_string\(", r"ignore_conflicts"):
        assert not re.search(pattern, source), pattern
    tree = parsed(path)
    assert ast.get_docstring(tree) or not tree.body, "a module says what it is for"
    assert docstrings_wanted(tree, names_called().get(module(path), set())) == []
    assert docstrings_that_repeat(tree) == []


@cache
def names_called() -> dict[str, set[str]]:
    """By module, the names that other rooms take from it; composition only puts them together."""
    called: dict[str, set[str]] = {name: set() for name in MODULES}
    for name, path in MODULES.items():
        if not name.startswith(tuple(f"commlog.{each}" for each in COMPOSITION)):
            for target, taken in names_taken(parsed(path)):
                if target in MODULES and room_of(target) != room_of(name):
                    called[target].add(taken)
    return called


def names_taken(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Modules and what is taken from them: imported by name, or named behind the module."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield str(node.module), alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield known.get(node.value.id, ""), node.attr


def docstrings_wanted(tree: ast.Module, called: set[str]) -> list[str]:
    """The functions and classes that other rooms call and that do not say what they are for."""
    definitions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [node.name for node in definitions if node.name in called and not ast.get_docstring(node)]


def docstrings_that_repeat(tree: ast.Module) -> list[str]:
    """The definitions whose docstring has no word that their name and their arguments lack."""
    definitions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    ]
    return [
        node.name
        for node in definitions
        if (said := words_in(ast.get_docstring(node) or "")) and said <= words_in(_heading(node))
    ]


def _heading(node: ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) -> str:
    arguments = [] if isinstance(node, ast.ClassDef) else [each.arg for each in node.args.args]
    return " ".join([node.name, *arguments])


def words_in(text: str) -> set[str]:
    """The words that say something, each without what inflects it."""
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", text).replace("_", " ").lower()
    return {re.sub(r"(ing|ed|es|e|s)$", "", word) for word in re.findall(r"[a-z]+", apart)} - FILLERS


FILLERS = {
    "a",
    "an",
    "the",
    "of",
    "it",
    "i",
    "return",
    "this",
    "that",
    "to",
    "for",
    "whether",
    "self",
    "and",
    "th",
}


def test_a_docstring_is_wanted_where_other_rooms_call_and_says_more_than_the_name() -> None:
    breach = ast.parse(
        'def close_connections(self):\n    """Close the connections."""\n'
        'def closing():\n    """Close what was kept open."""\ndef bare():\n    pass\ndef own():\n    pass\n'
    )

    assert docstrings_that_repeat(breach) == ["close_connections"]
    assert docstrings_wanted(breach, {"bare", "closing"}) == ["bare"]


def test_templates_escape_everything() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in (ROOT / "templates").rglob("*.html")
        for found in re.finditer(
            r"\|\s*safe\b|autoescape off|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=", path.read_text()
        )
    ]
    assert wrong == []


def test_no_registry_or_machine_is_named() -> None:
    named = re.compile(
        r"https?://(?!127\.0\.0\.1|localhost|[a-z.-]*example\.(?:org|com))[^\s\"')]*(?:pypi|registry|mirror)",
        re.I,
    )
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml", "Makefile", ".ci/run"):
        assert not named.search((ROOT / name).read_text()), name
