"""Writes docs/settings.md from the comments beside the reads of variables (`make settings-page`).

A comment that begins with `#:` says what the variable below it is for. The default is taken from the call;
where it is worked out, the comment ends with "Default:" and what it is. `# --- Title ---` begins a section.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from notifications.retry import RetryPolicy

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "settings.md"
_TOP = """# Settings

Commlog reads its settings from environment variables, once, at the start. A wrong value stops the start;
the error names the variable and what is allowed. In production all of them stand in one file:
[operate.md](operate.md#3-settings).

This page is made of the comments in `commlog/settings.py` and `commlog/environment.py`. Change them there,
and run `make settings-page`.
"""
_RETRIES = """
Each of these but `RETRY_UNKNOWN_SMS` can be set for one channel as well: `RETRY_EMAIL_…`, `RETRY_SMS_…` and
`RETRY_WEB_HOOK_…`, such as `RETRY_SMS_MAX_RETRIES`. Event streams are not retried.
"""
_HEADING = re.compile(r"# --- (.+?) -+")
_READ = re.compile(r'env\.(?!refuse)(\w+)\("([A-Z_]+)"(?:, \(?(True|False|[\d_]+|"[^"]*"))?')
_RETRY = re.compile(r' {4}"([A-Z_]+)": \("(\w+)"')
_CALL = re.compile(r"env\.\w+\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
_BOUNDS = re.compile(r"least=([\d_]+)(?:, most=([\d_]+))?")
_NO_DEFAULT = ("usable", "matching")  # what follows the name says what is allowed


def page() -> str:
    """Return the page."""
    made = _TOP
    for title, rows in _sections():
        about = ""
        if title == "Retries":
            about, rows = _RETRIES, [*_retries(), *rows]
        if rows:
            made += f"\n## {title}\n{about}\n| variable | default | meaning |\n|---|---|---|\n{''.join(rows)}"
    return made


def names() -> set[str]:
    """Return the variables on the page as it is now."""
    return set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE.read_text(), re.MULTILINE))


def _sections() -> Iterator[tuple[str, list[str]]]:
    title, rows, known = "", [], set[str]()
    for line, comment in _lines("commlog/settings.py"):
        if heading := _HEADING.fullmatch(line):
            yield title, rows
            title, rows = heading[1], []
        for kind, name, default in _READ.findall(line):
            if name not in known:
                known.add(name)
                rows.append(_row(name, "" if kind in _NO_DEFAULT else default, comment, _bounds(line)))
    yield title, rows


def _retries() -> Iterator[str]:
    for line, comment in _lines("commlog/environment.py"):
        if found := _RETRY.match(line):
            value = getattr(RetryPolicy(), found[2])
            yield _row(f"RETRY_{found[1]}", f"{value:g}" if isinstance(value, float) else str(value), comment)


def _lines(path: str) -> Iterator[tuple[str, str]]:
    """Each line of a module that is no such comment, with the one above it. A call on `env` is one line."""
    comment: list[str] = []
    opened, begun = 0, False
    for line in _CALL.sub(_in_one_line, (ROOT / path).read_text()).splitlines():
        if line.strip().startswith("#:"):
            comment = [*comment, line] if begun else [line]
            begun = True
            continue
        yield line, " ".join(each.strip().removeprefix("#:").strip() for each in comment)
        begun = False
        opened += sum(line.count(each) for each in "([{") - sum(line.count(each) for each in ")]}")
        if opened == 0:
            comment = []


def _in_one_line(call: re.Match[str]) -> str:
    return re.sub(r"\s*\n\s*", "", call[0].replace(",\n", ", \n"))


def _bounds(line: str) -> str:
    found = _BOUNDS.search(line)
    return (
        ""
        if not found
        else f" ({_plain(found[1])} to {_plain(found[2])})"
        if found[2]
        else f" ({_plain(found[1])} or more)"
    )


def _plain(literal: str) -> str:
    return {"True": "1", "False": "0"}.get(literal) or re.sub(r"(?<=\d)_(?=\d)", "", literal.strip('"'))


def _row(name: str, literal: str, comment: str, bounds: str = "") -> str:
    if not comment:
        raise ValueError(f"nothing is said about {name}: write a comment that begins with #: above it")
    meaning, _, default = comment.partition(" Default: ")
    value = f"`{_plain(literal)}`" if literal else "none"
    return f"| `{name}` | {default.removesuffix('.') or value}{bounds} | {meaning} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
