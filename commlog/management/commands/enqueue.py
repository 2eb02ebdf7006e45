"""enqueue: messages from a file of JSON lines to the outbox, all or nothing."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import reset_queries, transaction

from commlog.api.json_input import parse_object
from commlog.api.schemas import DraftReader
from commlog.kit.sentences import with_field
from notifications import outbox
from notifications.faults import Fault, Malformed

_BATCH = 1_000
_MOST_NAMED = 20  # malformed lines named before the rest are only counted
_IN_MEMORY = 4_000_000  # bytes of input kept in memory before a temporary file is used


class Command(BaseCommand):
    """The first pass finds all malformed lines, the second stores, so that the transaction is short."""

    help = (
        "Store messages from JSON lines: "
        '{"type":"EMAIL","destination":"a@example.org","subject":"…","body":"…"}. Prints their keys.'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="a file of JSON lines, or - for standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        with _opened(options["file"]) as lines, _spool() as accepted, _spool() as keys:
            self._check(lines, accepted)
            accepted.seek(0)
            with transaction.atomic():
                _store(accepted, keys)
            keys.seek(0)
            for key in keys:
                self.stdout.write(key, ending="")

    def _check(self, lines: IO[bytes], accepted: IO[str]) -> None:
        reader = DraftReader()
        wrong = 0
        for number, raw in enumerate(lines, start=1):
            if not raw.strip():
                continue
            try:
                line = _decoded(raw)
                outbox.check(reader.read(parse_object(line)))
            except Malformed as error:
                wrong += 1
                if wrong <= _MOST_NAMED:
                    self.stderr.write(f"line {number}: {with_field(error)}")
            else:
                accepted.write(line.strip() + "\n")
        if wrong:
            more = f" ({wrong - _MOST_NAMED} more not shown)" if wrong > _MOST_NAMED else ""
            raise CommandError(
                f"{wrong} malformed {'line' if wrong == 1 else 'lines'}{more}: nothing was stored."
            )


def _store(accepted: IO[str], keys: IO[str]) -> None:
    reader = DraftReader()
    drafts = (reader.read(parse_object(line)) for line in accepted)
    while batch := list(islice(drafts, _BATCH)):
        keys.writelines(f"{message.key.hex}\n" for message in outbox.enqueue_many(batch))
        reset_queries()  # with DEBUG on, Django remembers every statement


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed("JSON", Fault.NOT_UTF8, byte=error.start + 1) from error


@contextlib.contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        with open(name, "rb") as file:
            yield file
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}") from error


def _spool() -> tempfile.SpooledTemporaryFile[str]:
    return tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, mode="w+", encoding="utf-8", newline="\n")
