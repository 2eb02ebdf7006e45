"""Erasure in the audit trail: entries stay, but their content can never be decrypted again."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from commlog.erasure.targets import kind_of, recipient_of
from commlog.erasure.turns import Turn
from commlog.models import AuditEntry, AuditKey
from notifications.models import Message
from notifications.text import keys

_ROWS = 500  # that are read at once
_TABLE = AuditEntry._meta.db_table
_MESSAGE = "message"  # the kind of target that messages are


def forget(turn: Turn) -> None:
    """Delete the keys of entries about the person, about a message of theirs, or that name the person.

    Those about a message on legal hold stay.
    """
    behind = turn.erasure.places.get("at", {}).get(_TABLE, 0)
    while entries := _entries(behind):
        behind = entries[-1].pk
        if not (found := _about(turn, entries)):
            turn.erasure.places["at"] = {_TABLE: behind}
            turn.go_on()
            continue
        with turn.batch():
            gone = found - _held(turn, [each for each in entries if each.pk in found])
            those = AuditKey.objects.filter(pk__in=gone)
            turn.count({"audit": those._raw_delete(those.db)})
            turn.keep("audit", turn.erasure.kept.get("audit", 0) + len(found) - len(gone))
            turn.erasure.places["at"] = {_TABLE: behind}


def _entries(behind: int) -> list[AuditEntry]:
    found = AuditKey.objects.filter(pk__gt=behind).select_related("entry").order_by("pk")[:_ROWS]
    return [key.entry for key in found]


def _about(turn: Turn, entries: Sequence[AuditEntry]) -> set[int]:
    recipient, theirs = recipient_of(turn.erasure), turn.theirs(_messages(entries))
    own = (kind_of(recipient), recipient.key.hex) if recipient else None
    return {
        entry.pk
        for entry in entries
        if (entry.target_kind, entry.target_key) == own
        or keys.key_in(entry.target_key) in theirs
        or turn.spellings.stands_in(list(entry.said))
    }


def _held(turn: Turn, entries: Sequence[AuditEntry]) -> set[int]:
    of = dict(Message.objects.filter(key__in=_messages(entries)).values_list("pk", "key"))
    held = {of[pk] for pk in turn.held(of)}
    return {entry.pk for entry in entries if keys.key_in(entry.target_key) in held}


def _messages(entries: Iterable[AuditEntry]) -> list[UUID]:
    found = (keys.key_in(each.target_key) for each in entries if each.target_kind == _MESSAGE)
    return [key for key in found if key]
