"""Large responses, written to a file piece by piece: a thousand messages may hold gigabytes.

Messages are read without long texts but with their sizes, and texts a few megabytes at a time. Nothing is
sent before everything is written, so an error is an error, never a shorter list.
"""

import json
from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from django.conf import settings
from django.db.models import Func, IntegerField, prefetch_related_objects
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase

from commlog.api.codes import Code
from commlog.api.errors import ApiError
from commlog.api.schemas import message_out
from commlog.kit.limits import A_PAGE, time_limit
from notifications.models import Message

TEXTS = ("subject", "content", "html")  # what a list of messages is fetched without
SIZE = "size_of_texts"
_AT_ONCE = 4_000_000  # bytes of texts that are read together, and of an answer that is held in memory
_MOST_ROWS = 250  # read together, for the sake of their attempts
_TYPE = "application/json"


class SizeOf(Func):
    """The total size of texts; on PostgreSQL in bytes, which needs no detoasting."""

    function = "LENGTH"
    arg_joiner = ") + LENGTH("
    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Use OCTET_LENGTH, which reads the size from a text's header."""
        return self.as_sql(
            compiler, connection, function="OCTET_LENGTH", arg_joiner=") + OCTET_LENGTH(", **context
        )


def answer(messages: Sequence[Message], *, full: bool, secret_urls: bool) -> HttpResponseBase:
    """Return the messages, loaded without TEXTS but with SIZE, as a JSON list; `full`: with attempts.

    Raises ApiError if it has more bytes than a resend accepts, or TookTooLong.
    """
    # At least so much: said before anything is written.
    _check(sum(getattr(message, SIZE) for message in messages))
    target = SpooledTemporaryFile(max_size=_AT_ONCE)  # noqa: SIM115  the response closes it
    try:
        _write(cast(IO[bytes], target), _shown(messages, full, secret_urls))
        length = target.tell()
        target.seek(0)
        if length <= _AT_ONCE:
            with target:
                return HttpResponse(target.read(), content_type=_TYPE)
        return FileResponse(target, content_type=_TYPE, headers={"Content-Length": str(length)})
    except BaseException:
        target.close()
        raise


def _write(target: IO[bytes], shown: Iterator[dict[str, Any]]) -> None:
    target.write(b"[")
    between = b""
    for each in shown:
        target.write(between + json.dumps(each, ensure_ascii=False, separators=(",", ":")).encode())
        between = b","
        _check(target.tell() + 1)
    target.write(b"]")


def _shown(messages: Sequence[Message], full: bool, secret_urls: bool) -> Iterator[dict[str, Any]]:
    for piece in _pieces(messages):
        for message in _read(piece, full):
            yield message_out(message, message.attempts.all() if full else None, secret_urls=secret_urls)


def _read(piece: Sequence[Message], full: bool) -> Iterator[Message]:
    """Yield the messages of a piece with their texts, released afterwards."""
    if piece and piece[0].masked:
        prefetch_related_objects(piece, *(["attempts"] if full else []))
        yield from piece
        return
    with time_limit(A_PAGE):
        texts = {
            row["pk"]: row
            for row in Message.objects.filter(pk__in=[each.pk for each in piece]).values("pk", *TEXTS)
        }
        if full:
            prefetch_related_objects(piece, "attempts")
    for message in piece:
        found = texts.pop(message.pk, None)
        if found is None:
            continue  # deleted meanwhile
        for name in TEXTS:
            setattr(message, name, found[name])
        yield message
        for name in TEXTS:
            delattr(message, name)
        getattr(message, "_prefetched_objects_cache", {}).clear()


def _pieces(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Split the messages into runs whose texts fit into memory; a larger message is a run of its own."""
    piece: list[Message] = []
    size = 0
    for message in messages:
        if piece and (size + getattr(message, SIZE) > _AT_ONCE or len(piece) == _MOST_ROWS):
            yield piece
            piece, size = [], 0
        piece.append(message)
        size += getattr(message, SIZE)
    if piece:
        yield piece


def _check(length: int) -> None:
    if length > settings.API_LARGEST_ANSWER:
        source = (
            f"limit: the answer would have more than {settings.API_LARGEST_ANSWER:,} bytes; ask for "
            "fewer messages"
        )
        raise ApiError(400, Code.OUT_OF_BOUNDS_PAGINATION_LIMIT_VALUE, source)
