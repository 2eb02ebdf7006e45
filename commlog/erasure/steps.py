"""The steps of an erasure in order. Each can be interrupted anywhere and repeated."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from commlog.erasure import ledger, mentions, trail
from commlog.erasure.targets import held_whole, kind_of, of_recipient, on_file, recipient_of
from commlog.erasure.turns import BATCH, Turn
from commlog.export.storage import storage
from commlog.models import ApiAnswer, ExportFile, FileChunk, Job
from commlog.models.job import JobKind, JobState
from commlog.retention import holds
from commlog.retention.leases import Waits
from notifications import events
from notifications.database.clock import db_now
from notifications.forgetting import people
from notifications.models import BusinessEvent, Client, Group, Membership, Message, Subscription
from notifications.models.message import MessageQuerySet
from notifications.secrets.sealed import Unreadable, opened, seal
from notifications.states import LIVE
from notifications.text import keys

_KEY = re.compile(rf"\b(?:{keys.PATTERN})\b")
_ANSWER = '{"erased":true}'


class OnHold(Exception):
    """Everything of the person is on legal hold: nothing was erased."""


class OnFile(Exception):
    """The address or number is somebody's since it was asked for: nothing was erased."""


def begin(turn: Turn) -> None:
    """Clear the record's name and addresses, so that no new use begins. Raises OnHold, OnFile."""
    erasure = turn.erasure
    recipient = recipient_of(erasure)
    if recipient:
        turn.seek(of_recipient(recipient))
    with turn.batch():
        if held_whole(erasure, holds.recipients()):
            raise OnHold
        # After a restore a record may have the address of then.
        if not (recipient or erasure.replayed) and on_file(turn.sought):
            raise OnFile
        ledger.write(erasure, turn.sought)
        if recipient:
            turn.count(_empty_record(recipient, turn.named))
        erasure.sought = turn.sought.sealed()
        turn.keep("shared", turn.sought.shared)


def _empty_record(recipient: Client | Group, named: str) -> dict[str, int]:
    at, kind = db_now(), kind_of(recipient)
    number = named.split()[-1]
    if isinstance(recipient, Client):
        recipient.first_names, recipient.last_name = named, ""
    else:
        recipient.name = named
    setattr(recipient, f"{kind}_id", f"erased-{number}")
    recipient.email = recipient.mobile_phone = ""
    recipient.custom_fields, recipient.credit_officer, recipient.erased_at = {}, None, at
    recipient.save()
    gone = {"records": 1}
    for name, model in (("memberships", Membership), ("subscriptions", Subscription)):
        rows = model._default_manager.filter(**{kind: recipient.pk})
        gone[name] = rows._raw_delete(rows.db)
    return gone


def settle(turn: Turn) -> None:
    """Finish what is in progress: cancel messages not being sent, and wait for the others."""
    for name, rows in _windows(turn, "settle", lambda each: each.filter(state__in=sorted(LIVE))):
        with turn.batch():
            at, mine = db_now(), set(rows) - turn.held(rows)
            turn.count({"cancelled": people.cancel(mine, at)})
            people.stop_waiting(mine, at)
        if Message.objects.filter(pk__in=mine, state__in=sorted(LIVE)).exists():
            raise Waits("a message to the person is being sent")
        turn.erasure.places[name] = rows[-1]


def messages(turn: Turn) -> None:
    """Empty the messages, batch by batch, except those on hold."""
    for name, rows in _windows(turn, "messages", lambda each: each.filter(_says_something(turn))):
        with turn.batch():
            mine = set(rows) - turn.held(rows)
            turn.count(people.empty(mine, db_now(), named=turn.named))
            turn.keep("messages", turn.erasure.kept.get("messages", 0) + len(rows) - len(mine))
            turn.erasure.places[name] = rows[-1]


def _windows(
    turn: Turn, step: str, narrow: Callable[[MessageQuerySet], MessageQuerySet]
) -> Iterator[tuple[str, list[int]]]:
    """Yield the next messages, and the name under which the position after them is stored."""
    for number, each in enumerate(turn.messages()):
        name, ordered = f"{step} {number}", narrow(each).order_by("pk").values_list("pk", flat=True)
        while rows := list(ordered.filter(pk__gt=turn.erasure.places.get(name, 0))[:BATCH]):
            yield name, rows


def again(turn: Turn) -> None:
    """Repeat the steps that cover messages: new ones have arrived."""
    with turn.batch(ends_step=True):
        old = turn.erasure.places
        left = {name: place for name, place in old.items() if name.split()[0] not in AGAIN}
        turn.erasure.places = left | {"done": [name for name in old["done"] if name not in AGAIN]}
        turn.keep("messages", 0)


def _says_something(turn: Turn) -> Q:
    return Q(erased_at=None) | ~Q(recipient_name=turn.named)


def told(turn: Turn) -> None:
    """Empty the events about the person, and what others were sent because of them."""
    recipient = recipient_of(turn.erasure)
    if recipient is None:
        return
    places = turn.erasure.places
    theirs = BusinessEvent.objects.filter(**{kind_of(recipient): recipient.pk}).order_by("pk")
    while rows := list(theirs.filter(pk__gt=places.get("told", 0))[:BATCH]):
        with turn.batch():
            of = {key: event.pk for event in rows for key in events.keys_in(event.trace)}
            found = {
                pk: of[key] for pk, key in Message.objects.filter(key__in=list(of)).values_list("pk", "key")
            }
            held = turn.held(list(found))
            stay = {found[pk] for pk in held}
            for event in rows:
                if event.pk not in stay:
                    people.empty_event(event, named=turn.named)
            turn.count({"events": len(rows) - len(stay)})
            _empty_of_others(turn, set(found) - held)
            turn.keep("events", turn.erasure.kept.get("events", 0) + len(stay))
            places["told"] = rows[-1].pk


def _empty_of_others(turn: Turn, pks: set[int]) -> None:
    rows = Message.objects.filter(pk__in=pks, erased_at=None)
    live = rows.filter(state__in=sorted(LIVE)).values_list("pk", flat=True)
    turn.erasure.places["later"] = sorted({*turn.erasure.places.get("later", []), *live})
    turn.count(people.empty_words(set(rows.values_list("pk", flat=True)), db_now()))


def exports(turn: Turn) -> None:
    """Delete export files written while the messages still had content.

    All of them, since nobody can tell which rows a file contains.
    """
    places = turn.erasure.places
    since = datetime.fromisoformat(places.setdefault("exports", db_now().isoformat()))
    if Job.objects.filter(kind=JobKind.EXPORT, state=JobState.RUNNING, started_at__lt=since).exists():
        with turn.batch():
            pass  # it remembers since when
        raise Waits("an export is under way that may hold what is erased")
    for file in ExportFile.objects.filter(created_at__lt=since):
        storage().delete(file.stored_as)
        with turn.batch():
            file.delete()
            turn.count({"files": 1})
    with turn.batch():
        FileChunk.objects.filter(created_at__lt=since).delete()


def answers(turn: Turn) -> None:
    """Empty responses stored for repeated API calls: a repeated call is still recognised and not executed
    again.
    """
    places, kept = turn.erasure.places, ApiAnswer.objects.exclude(body="").order_by("pk")
    while rows := list(kept.filter(pk__gt=places.get("answers", 0)).values_list("pk", "body")[:BATCH]):
        for pk, body in rows:
            places["answers"] = pk
            if not _is_about(turn, body):
                turn.go_on()
                continue
            with turn.batch():
                turn.count({"answers": ApiAnswer.objects.filter(pk=pk).update(body=seal(_ANSWER))})


def _is_about(turn: Turn, body: str) -> bool:
    """Return whether a response names the person or a message of theirs; False if it cannot be decrypted."""
    try:
        text = opened(body)
    except Unreadable:
        return False
    return turn.spellings.stands_in(text) or bool(turn.theirs([UUID(key) for key in _KEY.findall(text)]))


def later(turn: Turn) -> None:
    """Do what had to wait: messages to others that were in progress."""
    places = turn.erasure.places
    told, named = places.get("later", []), places.get("named", [])
    if Message.objects.filter(pk__in=[*told, *named], state__in=sorted(LIVE)).exists():
        raise Waits("a message to somebody else that names the person is being sent")
    if told:
        with turn.batch():
            turn.count(people.empty_words(set(told) - turn.held(told), db_now()))
            places["later"] = []
    if named:
        with turn.batch():
            mentions.take_out(turn, Message, named)
            places["named"] = []


def is_left(turn: Turn) -> bool:
    """Return whether messages arrived meanwhile that contain something of the person."""
    for each in turn.messages():
        left = each.filter(_says_something(turn)).order_by("pk").values_list("pk", flat=True)
        place = 0
        while rows := list(left.filter(pk__gt=place)[:BATCH]):
            if set(rows) - holds.held_among(rows):
                return True
            place = rows[-1]
    return False


STEPS: Mapping[str, Callable[[Turn], None]] = {
    "begin": begin,
    "settle": settle,
    "messages": messages,
    "told": told,
    "exports": exports,
    "answers": answers,
    "sessions": mentions.sessions,
    "tasks": mentions.tasks,
    "mentions": mentions.everywhere,
    "trail": trail.forget,
    "later": later,
}
AGAIN = ("settle", "messages", "later")  # where messages came meanwhile
