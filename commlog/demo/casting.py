"""Whom invented messages are from and for, at addresses and numbers kept free for examples and fiction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice
from random import Random

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group as Role
from django.db import transaction
from django.db.models import QuerySet

from commlog.demo.environment import PASSWORD, SIGN_INS
from commlog.models import User
from notifications.models import Client, Group, Membership
from notifications.text.spelling import fold

_STAFF = (
    ("admin", "Amara", "Okonjo"),
    ("officer", "Oliver", "Brandt"),
    ("viewer", "Vera", "Lindqvist"),
    ("p.raman", "Priya", "Raman"),
    ("t.zielinski", "Tomasz", "Zieliński"),
)
# First and last names; Latin ones are the first.
_NAMES = [
    (first.split(), last.split())
    for first, last in (
        (
            "Ana Jonas Mia Łukasz Zoë Ibrahim Søren Mateus Emre Lucía Kofi Björn Noël Elif Wanjiru",
            "Silva Weber Kowalska Haddad Jørgensen Mwangi Novák Öztürk Adeyemi García Schäfer O’Leary",
        ),
        ("Дмитрий Ольга Юлия", "Соколов Шевченко Щербак"),
        ("Γιώργος Ελένη Νίκος", "Παπαδόπουλος Αγγελίδης Οικονόμου"),
        ("محمد فاطمة ليلى", "الحسن حدّاد منصور"),
        ("יוסף שרה נועה", "כהן לוי מזרחי"),
        ("राहुल प्रिया अंजलि", "शर्मा पटेल वर्मा"),
        ("রহিম সুমাইয়া অনিক", "চৌধুরী হোসেন দাস"),
        ("สมชาย มาลี อรุณ", "ศรีสุข ใจดี วงศ์ทอง"),
        ("小明 美玲 国强", "王 李 張"),
        ("민준 서연 지우", "김 박 최"),
        ("さくら ケンジ ゆうこ", "たなか サトウ すずき"),
        ("გიორგი ნინო თამარ", "ბერიძე კაპანაძე ლომიძე"),
    )
]
_OTHERS = 4  # one of so many has a name that is not in Latin letters
_GROUPS = (
    "Harbour Market Women", "Hillside Coffee Growers", "Riverside Taxi Drivers", "Old Town Tailors",
    "Lakeshore Beekeepers", "Station Road Traders", "Green Valley Dairy Circle", "Teachers’ Savings Circle",
)  # fmt: skip
_ROLES_IN_GROUP = ("Chair", "Treasurer", "Secretary", "", "", "")
_DOMAINS = ("example.org", "example.com", "example.net", "mail.example.org")
# Contact data that make trouble; the stand-ins tell them by their spelling (standins/conduct.py).
_BUSY = "busy.example.org"
_TROUBLED = {  # by the number of a client
    12: ("nobody.example.org", "+447700900901"),
    23: (_BUSY, "+447700900945"),
    34: ("silent.example.org", "+447700900931"),
    45: ("blocked.example.com", "+447700900966"),
    56: ("forgetful.example.org", "+447700900912"),
    67: ("example.org", ""),
    78: ("example.org", "see paper file"),
    89: ("", ""),
}
_BANK = "@harbourlight.example"  # ends the addresses of its staff
_AT_ONCE = 2_000
_TALKATIVE = 10  # clients who get more messages than all others
DEMO, GENERATED = "0002", "GEN"  # begin the IDs of clients


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody. Who gets more messages than others is there several times."""

    staff: Sequence[User]
    clients: Sequence[Client]
    groups: Sequence[Group]

    @property
    def officers(self) -> Sequence[User]:
        """Those who write and resend messages."""
        return [user for user in self.staff if not user.username.endswith("viewer")]

    def busy(self) -> Client | None:
        """Somebody who cannot be reached yet, unless the address was corrected."""
        return next((client for client in self.clients if client.email.endswith(_BUSY)), None)


def gather(messages: int, *, since: datetime, rng: Random, prefix: str = GENERATED) -> Cast:
    """Enough people for so many messages, there `since` then: those of an earlier call, and new ones."""
    wanted, groups = max(200, min(20_000, messages // 50)), max(8, min(1_000, messages // 1_000))
    with transaction.atomic():
        new = range(_clients(prefix).count() + 1, wanted + 1)
        made = [_client(f"{prefix}{4_000 + number * 37:05}", number, rng) for number in new]
        Client.objects.bulk_create(made, batch_size=_AT_ONCE)
        _make_groups(prefix, groups, rng)
        for old in (_clients(prefix), _groups(prefix)):
            old.filter(created_at__gt=since).update(created_at=since)
        if not _staff().exists():
            for name, first, last in _STAFF:
                _make_user(name, first, last, since, signs_in=prefix == DEMO)
    return found(prefix, wanted, groups)


def found(prefix: str, wanted: int | None = None, groups: int | None = None) -> Cast:
    """Those who are there."""
    clients = list(_clients(prefix)[:wanted])
    # Some have far more than others: one message in ten or so goes to a handful of them.
    often = islice(cycle(clients[:_TALKATIVE]), len(clients) // 9)
    return Cast(list(_staff()), [*clients, *often], list(_groups(prefix)[:groups]))


def _staff() -> QuerySet[User]:
    return User.objects.filter(email__endswith=_BANK).order_by("pk")


def _clients(prefix: str) -> QuerySet[Client]:
    return Client.objects.filter(client_id__startswith=prefix).order_by("pk")


def _groups(prefix: str) -> QuerySet[Group]:
    return Group.objects.filter(group_id__startswith=prefix).order_by("pk")


def _make_user(name: str, first: str, last: str, since: datetime, *, signs_in: bool) -> None:
    role = SIGN_INS.get(name, "Officer") if signs_in else "Officer"
    user = User.objects.create(
        username=name if signs_in else f"gen.{name}", first_name=first, last_name=last,
        email=f"{name}{_BANK}", mobile_phone="+447700900800", api_access=role == "Administrator",
        # "!" is Django's word for no usable password
        password=make_password(PASSWORD) if signs_in and name in SIGN_INS else "!", date_joined=since,
    )  # fmt: skip
    user.groups.set(Role.objects.filter(name=role))


def _client(client_id: str, number: int, rng: Random) -> Client:
    first, last = map(rng.choice, _NAMES[0] if rng.randrange(_OTHERS) else rng.choice(_NAMES[1:]))
    local = fold(f"{first}.{last}").replace(" ", "")
    domain, phone = rng.choice(_DOMAINS), f"+447700900{number % 900:03}"
    if number in _TROUBLED:
        domain, phone = _TROUBLED[number]
    email = f"{local if local.isascii() else 'client'}.{number}@{domain}" if domain else ""
    return Client(client_id=client_id, first_names=first, last_name=last, email=email, mobile_phone=phone)


def _make_groups(prefix: str, wanted: int, rng: Random) -> None:
    clients = list(_clients(prefix))
    new = [
        Group(
            group_id=f"{prefix}{number:04}",
            name=_GROUPS[number - 1] if number <= len(_GROUPS) else f"{rng.choice(_GROUPS)} {number}",
            email=f"circle.{number}@{rng.choice(_DOMAINS)}",
            mobile_phone=f"+4477009007{number % 100:02}",
        )
        for number in range(_groups(prefix).count() + 1, wanted + 1)
    ]
    Group.objects.bulk_create(new, batch_size=_AT_ONCE)
    members = [
        Membership(group=group, client=client, role=role)
        for group in new
        for client, role in zip(rng.sample(clients, rng.randint(4, 8)), cycle(_ROLES_IN_GROUP), strict=False)
    ]
    Membership.objects.bulk_create(members, batch_size=_AT_ONCE)
