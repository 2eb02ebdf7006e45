"""The blocks of docs/operate.md, with the values of a reader in the places that are a reader's to fill."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "operate.md"
HOST = "commlog.example.org"  # stays: the machine of the test answers to this name
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """Commands under a heading of the page."""

    heading: str
    commands: str


def blocks(page: str) -> list[Block]:
    """Return the page's blocks in their order."""
    found = []
    for section in re.split(r"^##+ ", page, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        found += [Block(heading, commands) for commands in _BLOCK.findall(text)]
    return found


def filled_in(found: list[Block], values: dict[str, str]) -> list[Block]:
    """Return the blocks with a reader's values.

    Raises ValueError where the page does not ask for one of them.
    """
    whole = "".join(block.commands for block in found)
    for place in values:
        if place not in whole:
            raise ValueError(f"the page does not say {place} any more")
    made = []
    for block in found:
        commands = block.commands
        for place, value in values.items():
            commands = commands.replace(place, value)
        made.append(Block(block.heading, commands))
    return made


def file_in(found: list[Block], path: str) -> str:
    """Return what the page writes to a file. Raises ValueError where it does not."""
    for block in found:
        written = re.search(
            rf"^cat > {re.escape(path)} <<'?EOF'?\n(.*?)^EOF$", block.commands, re.MULTILINE | re.DOTALL
        )
        if written:
            return written.group(1)
    raise ValueError(f"the page does not write {path}")
