"""Whom the demo's messages are from and for. All invented; addresses and numbers are such as are kept free for examples and fiction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from random import Random

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group as Role
from django.db import transaction

from commlog.demo import sign_ins
from commlog.demo.standins import conduct
from commlog.demo.standins.conduct import Conduct
from commlog.models import User
from notifications.models import Client, Group, Membership
from notifications.text.spelling import fold

_STAFF = (
    ("admin", "Amara", "Okonjo", "Administrator"),
    ("officer", "Oliver", "Brandt", "Officer"),
    ("viewer", "Vera", "Lindqvist", "Viewer"),
    ("p.raman", "Priya", "Raman", "Officer"),
    ("t.zielinski", "Tomasz", "Zieliński", "Officer"),
)
FIRST_NAMES = (
    "Ana", "Jonas", "Mia", "Łukasz", "Zoë", "Ibrahim", "Søren", "Ingrid", "Mateus", "Nadia", "Emre", "Lucía", "Kofi", "Hanna", "Björn",
    "Chiara", "Pavel", "Aisha", "Noël", "Marta", "Tariq", "Elif", "Dmitri", "Renée", "Wanjiru",
)  # fmt: skip
LAST_NAMES = (
    "Silva", "Weber", "Kowalska", "Haddad", "Jørgensen", "Mwangi", "Ferreira", "Novák", "Öztürk", "Castellanos", "Adeyemi", "Lindgren",
    "Moreau", "Petrova", "García", "Schäfer", "Mensah", "Virtanen", "Rossi", "Nakamura", "O’Leary", "Demir", "Bianchi",
)  # fmt: skip
_COMPANIES = ("Quayside Bakery Cooperative", "Two Rivers Bicycles", "Molinero & Daughters Mill", "Northpier Fishing Supplies")
GROUP_NAMES = (
    "Harbour Market Women", "Hillside Coffee Growers", "Riverside Taxi Drivers", "Old Town Tailors", "Lakeshore Beekeepers",
    "Station Road Traders", "Green Valley Dairy Circle", "Teachers’ Savings Circle",
)  # fmt: skip
ROLES_IN_GROUP = ("Chair", "Treasurer", "Secretary", "", "", "")
DOMAINS = ("example.org", "example.com", "example.net", "mail.example.org")
# Those whose contact data make trouble; the stand-ins tell them by their spelling.
_TROUBLED = (
    ("nobody.example.org", "+447700900901"),
    ("nobody.example.com", "+447700900912"),
    ("busy.example.org", "+447700900945"),
    ("full.example.net", "+447700900923"),
    ("silent.example.org", "+447700900931"),
    ("blocked.example.com", "+447700900966"),
    ("flaky.example.org", "+447700900950"),
    ("flaky.example.com", "+447700900953"),
    ("forgetful.example.org", "+447700900957"),
)


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody. `steady` are the clients and groups whose address and number work, `troubled` the clients with some that do not."""

    staff: list[User]
    steady: list[Client]
    troubled: list[Client]
    groups: list[Group]

    def officers(self) -> list[User]:
        """Those who write and resend messages."""
        return [user for user in self.staff if user.username != "viewer"]


def make_cast(*, since: datetime, rng: Random) -> Cast:
    """Create them all, as if they had been there for some time before `since`."""
    with transaction.atomic():
        for words in _STAFF:
            _user(*words)
        clients = [_client(number, rng) for number in range(1, 49)]
        clients += [_company(number, name) for number, name in enumerate(_COMPANIES, start=49)]
        for number, name in enumerate(GROUP_NAMES, start=1):
            _group(number, name, clients, rng)
        for number, (domain, phone) in enumerate(_TROUBLED, start=53):
            _client(number, rng, domain, phone)
        _client(62, rng, email="")
        _client(63, rng, phone="")
        _client(64, rng, phone="see paper file")
        _client(65, rng, email="unknown", phone="")
        long_ago = since - timedelta(days=200)
        Client.objects.update(created_at=long_ago)
        Group.objects.update(created_at=long_ago)
        User.objects.update(date_joined=long_ago)
    return find_cast()


def find_cast() -> Cast:
    """Those that are there, whoever has made them."""
    steady: list[Client] = []
    troubled: list[Client] = []
    for client in Client.objects.all():
        (steady if _is_steady(client) else troubled).append(client)
    return Cast(list(User.objects.order_by("pk")), steady, troubled, list(Group.objects.all()))


def local_part(first: str, last: str) -> str:
    """What stands before the @ of this person's address."""
    return fold(f"{first}.{last}").replace(" ", "")


def _is_steady(client: Client) -> bool:
    behaves = conduct.of_address(client.email) is conduct.of_number(client.mobile_phone) is Conduct.FINE
    return behaves and "@" in client.email and client.mobile_phone.startswith("+")


def _user(username: str, first: str, last: str, role: str) -> User:
    user = User.objects.create(
        username=username,
        first_name=first,
        last_name=last,
        email=f"{username}@harbourlight.example",
        mobile_phone="+447700900800",
        password=make_password(sign_ins.PASSWORD) if username in sign_ins.ROLES else "!",  # "!" is Django's word for no usable password
        api_access=role == "Administrator",
    )
    user.groups.add(Role.objects.get(name=role))
    return user


def _client(number: int, rng: Random, domain: str = "", phone: str | None = None, email: str | None = None) -> Client:
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    local = local_part(first, last)
    return Client.objects.create(
        client_id=f"{204000 + number * 37:09}",
        first_names=first,
        last_name=last,
        email=f"{local}@{domain or rng.choice(DOMAINS)}" if email is None else email,
        mobile_phone=f"+447700900{number:03}" if phone is None else phone,
    )


def _company(number: int, name: str) -> Client:
    word = name.split()[0].lower()
    phone = f"+447700900{number:03}"
    return Client.objects.create(
        client_id=f"{204000 + number * 37:09}", first_names=name, email=f"accounts@{word}.example", mobile_phone=phone
    )


def _group(number: int, name: str, clients: list[Client], rng: Random) -> Group:
    word = name.split()[0].lower().replace("’", "")
    group = Group.objects.create(
        group_id=f"G{number:05}", name=name, email=f"{word}.circle@example.org", mobile_phone=f"+4477009007{number:02}"
    )
    members = rng.sample(clients, rng.randint(4, 8))
    for client, role in zip(members, cycle(ROLES_IN_GROUP), strict=False):
        Membership.objects.create(group=group, client=client, role=role)
    return group
