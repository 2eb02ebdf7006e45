"""Search terms of an erasure: the person's names, addresses and numbers, and their messages and events.

What others share is not searched for: two clients may have one name or number, and nothing of the other may
be erased. `Sought.shared` counts what was excluded for that reason, and the certificate reports it.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import reduce
from operator import or_
from typing import Any, Self

from django.db.models import Model, Q

from commlog.erasure.spellings import Spellings
from commlog.models import Erasure, User
from commlog.models.erasure import ErasureKind
from notifications import channels
from notifications.criteria import Operator, sent_to
from notifications.models import BusinessEvent, Client, Group, Message
from notifications.models.message import MessageQuerySet
from notifications.secrets.sealed import opened, seal
from notifications.text.numbers import e164
from notifications.text.spelling import fold

_MOST = 200  # names and addresses of one person; of a message that went elsewhere once
_LOOKED_AT = 50_000  # messages of which the names and addresses are read
_PEOPLE: tuple[type[Model], ...] = (Client, Group, User)


@dataclass(slots=True)
class Sought:
    """What is searched for. `shared`: how many names and addresses others have too."""

    names: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    shared: int = 0

    @classmethod
    def of(cls, erasure: Erasure) -> Self:
        """Return what was stored when the erasure was requested."""
        return cls(**json.loads(opened(erasure.sought))) if erasure.sought else cls()

    def sealed(self) -> str:
        return seal(json.dumps(asdict(self)))

    @property
    def spellings(self) -> Spellings:
        return Spellings(self.names, self.addresses, self.numbers)


def of_recipient(recipient: Client | Group) -> Sought:
    """Return what is known of a client or group, from its record, messages and events."""
    own = theirs(recipient)
    people = own.filter(type__in=channels.FOR_PEOPLE).order_by("-created_at")
    said = people.values_list("recipient_name", "destination")[:_LOOKED_AT]
    names, destinations = {recipient.name}, {recipient.email, recipient.mobile_phone}
    for name, destination in said:
        names.add(name)
        destinations.add(destination)
    told = BusinessEvent.objects.filter(**{kind_of(recipient): recipient.pk})
    names.update(told.values_list("subject_name", flat=True)[:_LOOKED_AT])
    if recipient.erased_at:  # what was on hold is erased now; the pseudonym tells nothing
        names.discard(recipient.name)
    return _unshared(names, destinations, but=recipient)


def of_address(text: str) -> Sought:
    """Return only this address or number."""
    return _unshared((), {text}, but=None)


def theirs(recipient: Client | Group) -> MessageQuerySet:
    return Message.objects.filter(**{kind_of(recipient): recipient.pk})


def on_file(sought: Sought) -> type[Model] | None:
    """Return what kind of record has one of the addresses or numbers; None: no record."""
    theirs = Q(mobile_phone__in=sought.numbers)
    for address in sought.addresses:
        theirs |= Q(email__iexact=address)
    return next((model for model in _PEOPLE if model._default_manager.filter(theirs).exists()), None)


def kind_of(recipient: Client | Group) -> str:
    """Return the kind of recipient as named in permissions and in the fields of an erasure."""
    return "client" if isinstance(recipient, Client) else "group"


def messages_to(sought: Sought, *, of: Client | Group | None) -> MessageQuerySet:
    """Return the messages to these addresses, except those of another client or group."""
    conditions = [sent_to(each, Operator.EQUALS) for each in (*sought.addresses, *sought.numbers)]
    if not conditions:
        return Message.objects.none()
    to = Message.objects.filter(reduce(or_, conditions), type__in=channels.FOR_PEOPLE)
    return to.filter(client=None, group=None, user=None) if of else to.filter(user=None)


def messages_of(sought: Sought, recipient: Client | Group | None) -> list[MessageQuerySet]:
    """Return the person's messages, and messages to the person's addresses that belong to nobody."""
    own = [theirs(recipient)] if recipient else []
    return [*own, messages_to(sought, of=recipient)]


def recipient_of(erasure: Erasure) -> Client | Group | None:
    return erasure.client or erasure.group


def held_whole(erasure: Erasure, held: Any) -> bool:
    """Return whether everything of the person is on hold (`held`: commlog.retention.holds.Recipients)."""
    return erasure.client_id in held.clients or erasure.group_id in held.groups


def kind_of_address(text: str) -> ErasureKind | None:
    """Return the kind of address; None if the text is neither an address nor a number."""
    if text.count("@") == 1 and all(text.split("@")) and not any(each.isspace() for each in text):
        return ErasureKind.EMAIL
    try:
        e164(text)
    except ValueError:
        return None
    return ErasureKind.NUMBER


def _unshared(names: Iterable[str], destinations: Iterable[str], *, but: Client | Group | None) -> Sought:
    found = Sought()
    seen: set[str] = set()
    for name in sorted(names):
        folded = fold(name)
        if not folded or folded in seen or len(found.names) >= _MOST:
            continue
        seen.add(folded)
        if _somebody_else(Q(name_fold=folded), but):
            found.shared += 1
        else:
            found.names.append(name)
    for text in sorted(destinations):
        kind = kind_of_address(text) if text else None
        if kind is None or len(found.addresses) + len(found.numbers) >= _MOST:
            continue
        number = kind == ErasureKind.NUMBER
        spelled = e164(text) if number else text
        if (folded := fold(spelled)) in seen:
            continue
        seen.add(folded)
        condition = Q(mobile_phone=spelled) if number else Q(email__iexact=spelled)
        if but is not None and _somebody_else(condition, but):
            found.shared += 1
        elif number:
            found.numbers.append(spelled)
        else:
            found.addresses.append(spelled)
    return found


def _somebody_else(condition: Q, but: Client | Group | None) -> bool:
    for model in _PEOPLE:
        others = model._default_manager.filter(condition)
        if isinstance(but, model):
            others = others.exclude(pk=but.pk)
        if others.exists():
            return True
    return False
