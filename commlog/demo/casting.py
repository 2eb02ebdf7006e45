"""Whom invented messages are from and for, at addresses and numbers kept free for examples and fiction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice
from random import Random

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group as Role
from django.db import transaction

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
_NAMES = (
    (
        ("Ana", "Jonas", "Mia", "Łukasz", "Zoë", "Ibrahim", "Søren", "Mateus", "Emre", "Lucía", "Kofi",
         "Björn", "Noël", "Elif", "Wanjiru"),
        ("Silva", "Weber", "Kowalska", "Haddad", "Jørgensen", "Mwangi", "Novák", "Öztürk", "Adeyemi",
         "García", "Schäfer", "O’Leary"),
    ),
    (("Дмитрий", "Ольга", "Юлия"), ("Соколов", "Шевченко", "Щербак")),
    (("Γιώργος", "Ελένη", "Νίκος"), ("Παπαδόπουλος", "Αγγελίδης", "Οικονόμου")),
    (("محمد", "فاطمة", "ليلى"), ("الحسن", "بن يوسف", "حدّاد")),
    (("יוסף", "שרה", "נועה"), ("כהן", "לוי", "מזרחי")),
    (("राहुल", "प्रिया", "अंजलि"), ("शर्मा", "पटेल", "वर्मा")),
    (("রহিম", "সুমাইয়া", "অনিক"), ("চৌধুরী", "হোসেন", "দাস")),
    (("สมชาย", "มาลี", "อรุณ"), ("ศรีสุข", "ใจดี", "วงศ์ทอง")),
    (("小明", "美玲", "国强"), ("王", "李", "張")),
    (("민준", "서연", "지우"), ("김", "박", "최")),
    (("さくら", "ケンジ", "ゆうこ"), ("たなか", "サトウ", "すずき")),
    (("გიორგი", "ნინო", "თამარ"), ("ბერიძე", "კაპანაძე", "ლომიძე")),
)  # fmt: skip
_OTHERS = 4  # one of so many has a name that is not in Latin letters
_GROUPS = (
    "Harbour Market Women", "Hillside Coffee Growers", "Riverside Taxi Drivers", "Old Town Tailors",
    "Lakeshore Beekeepers", "Station Road Traders", "Green Valley Dairy Circle", "Teachers’ Savings Circle",
)  # fmt: skip
_ROLES_IN_GROUP = ("Chair", "Treasurer", "Secretary", "", "", "")
_DOMAINS = ("example.org", "example.com", "example.net", "mail.example.org")
# Those of the demo whose contact data make trouble; the stand-ins tell them by their spelling
# (standins/conduct.py).
_BUSY = "busy.example.org"
_TROUBLED = (
    ("nobody.example.org", "+447700900901"),
    ("nobody.example.com", "+447700900912"),
    (_BUSY, "+447700900945"),
    ("full.example.net", "+447700900923"),
    ("silent.example.org", "+447700900931"),
    ("blocked.example.com", "+447700900966"),
    ("flaky.example.org", "+447700900950"),
    ("forgetful.example.org", "+447700900957"),
    ("", "+447700900062"),
    ("example.org", ""),
    ("example.org", "see paper file"),
    ("", ""),
)
_AT_ONCE = 2_000
_TALKATIVE = 10  # clients who get more messages than all others


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody. Who gets more messages than others is there several times."""

    staff: Sequence[User]
    clients: Sequence[Client]
    groups: Sequence[Group]

    @property
    def officers(self) -> Sequence[User]:
        """Those who write and resend messages."""
        return [user for user in self.staff if user.username != "viewer"]

    def busy(self) -> Client:
        """Somebody of the demo who cannot be reached yet."""
        return next(client for client in self.clients if client.email.endswith(_BUSY))


def of_demo(*, since: datetime, rng: Random) -> Cast:
    """Create the demo's people, as if they had been there for some time before `since`."""
    with transaction.atomic():
        for username, first, last in _STAFF:
            _user(username, first, last, since, SIGN_INS.get(username, "Officer"))
        places = [(rng.choice(_DOMAINS), f"+447700900{number:03}") for number in range(1, 53)] + list(
            _TROUBLED
        )
        Client.objects.bulk_create(
            _client(f"{204000 + number * 37:09}", number, rng, place)
            for number, place in enumerate(places, start=1)
        )
        _groups("G", len(_GROUPS), list(Client.objects.order_by("pk")), rng)
        _there_since(since, "")
    return find_demo()


def find_demo() -> Cast:
    """Those of the demo, whoever has made them."""
    clients = list(Client.objects.order_by("pk"))
    return Cast(
        list(User.objects.order_by("pk")), clients + clients[: -len(_TROUBLED)] * 2, list(Group.objects.all())
    )


def crowd(messages: int, *, since: datetime, rng: Random) -> Cast:
    """Enough people for so many messages: those of an earlier call first, then new ones."""
    wanted = max(50, min(20_000, messages // 50))
    ours = Client.objects.filter(client_id__startswith="GEN")
    new = range(ours.count() + 1, wanted + 1)
    places = [(rng.choice(_DOMAINS), f"+447700{900_000 + number % 900:06}") for number in new]
    made = [_client(f"GEN{number:07}", number, rng, place) for number, place in zip(new, places, strict=True)]
    Client.objects.bulk_create(made, batch_size=_AT_ONCE)
    clients = list(ours.order_by("pk")[:wanted])
    groups = _groups("GEN", max(5, min(1_000, messages // 1_000)), clients, rng)
    _there_since(since, "GEN")
    staff = User.objects.filter(username__startswith="gen")
    if not staff.exists():
        for number in range(1, 21):
            _user(f"gen.{number}", rng.choice(_NAMES[0][0]), rng.choice(_NAMES[0][1]), since, "Officer")
    # Some have far more than others: one message in ten or so goes to a handful of them.
    often = list(islice(cycle(clients[:_TALKATIVE]), len(clients) // 9))
    return Cast(list(staff.order_by("pk")), clients + often, groups)


def _user(username: str, first: str, last: str, since: datetime, role: str) -> None:
    user = User.objects.create(
        username=username,
        first_name=first,
        last_name=last,
        email=f"{username}@harbourlight.example",
        mobile_phone="+447700900800",
        # "!" is Django's word for no usable password
        password=make_password(PASSWORD) if username in SIGN_INS else "!",
        api_access=role == "Administrator",
        date_joined=since,
    )
    user.groups.set(Role.objects.filter(name=role))


def _client(client_id: str, number: int, rng: Random, place: tuple[str, str]) -> Client:
    first, last = map(rng.choice, _NAMES[0] if rng.randrange(_OTHERS) else rng.choice(_NAMES[1:]))
    local = fold(f"{first}.{last}").replace(" ", "")
    domain, phone = place
    email = f"{local if local.isascii() else 'client'}.{number}@{domain}" if domain else ""
    return Client(client_id=client_id, first_names=first, last_name=last, email=email, mobile_phone=phone)


def _groups(prefix: str, wanted: int, clients: Sequence[Client], rng: Random) -> list[Group]:
    ours = Group.objects.filter(group_id__startswith=prefix)
    new = [
        Group(
            group_id=f"{prefix}{number:05}",
            name=_GROUPS[number - 1] if number <= len(_GROUPS) else f"{rng.choice(_GROUPS)} {number}",
            email=f"circle.{number}@{rng.choice(_DOMAINS)}",
            mobile_phone=f"+4477009007{number % 100:02}",
        )
        for number in range(ours.count() + 1, wanted + 1)
    ]
    Group.objects.bulk_create(new, batch_size=_AT_ONCE)
    members = [
        Membership(group=group, client=client, role=role)
        for group in new
        for client, role in zip(rng.sample(clients, rng.randint(4, 8)), cycle(_ROLES_IN_GROUP), strict=False)
    ]
    Membership.objects.bulk_create(members, batch_size=_AT_ONCE)
    return list(ours.order_by("pk")[:wanted])


def _there_since(since: datetime, prefix: str) -> None:
    Client.objects.filter(client_id__startswith=prefix, created_at__gt=since).update(created_at=since)
    Group.objects.filter(group_id__startswith=prefix, created_at__gt=since).update(created_at=since)
