"""Many invented people, for trying the log at size."""

from collections.abc import Sequence
from datetime import datetime
from itertools import cycle, islice
from random import Random

from django.contrib.auth.models import Group as Role

from commlog.demo.people import DOMAINS, FIRST_NAMES, GROUP_NAMES, LAST_NAMES, ROLES_IN_GROUP, Cast, local_part
from commlog.models import User
from notifications.models import Client, Group, Membership

PREFIX = "GEN"  # of the IDs and user names of people who were made in bulk
_STAFF = 20
_AT_ONCE = 2_000
_TALKATIVE = 10  # clients who get more messages than all others
# First and last names in scripts other than Latin, and of how many clients one has such a name.
_OTHER_SCRIPTS = (
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
)
_OTHERS = 4


def gather(messages: int, *, since: datetime, rng: Random) -> Cast:
    """Enough people for so many messages. Those of an earlier call are taken first; who is missing is made."""
    clients = _clients(max(50, min(20_000, messages // 50)), since, rng)
    groups = _groups(max(5, min(1_000, messages // 1_000)), clients, since, rng)
    staff = _staff(since, rng)
    # Some have far more than others: one message in ten or so goes to a handful of them.
    often = list(islice(cycle(clients[:_TALKATIVE]), len(clients) // 9))
    return Cast(staff=staff, steady=clients + often, troubled=clients[-max(1, len(clients) // 100) :], groups=groups)


def _clients(wanted: int, since: datetime, rng: Random) -> list[Client]:
    have = Client.objects.filter(client_id__startswith=PREFIX).count()
    new = [_client(number, rng) for number in range(have + 1, wanted + 1)]
    Client.objects.bulk_create(new, batch_size=_AT_ONCE)
    Client.objects.filter(client_id__startswith=PREFIX, created_at__gt=since).update(created_at=since)
    return list(Client.objects.filter(client_id__startswith=PREFIX).order_by("pk")[:wanted])


def _client(number: int, rng: Random) -> Client:
    firsts, lasts = (FIRST_NAMES, LAST_NAMES) if rng.randrange(_OTHERS) else rng.choice(_OTHER_SCRIPTS)
    first, last = rng.choice(firsts), rng.choice(lasts)
    local = local_part(first, last)
    address = f"{local if local.isascii() else 'client'}.{number}@{rng.choice(DOMAINS)}"
    return Client(
        client_id=f"{PREFIX}{number:07}",
        first_names=first,
        last_name=last,
        email=address,
        mobile_phone=f"+447700{900_000 + number % 900:06}",
    )


def _groups(wanted: int, clients: Sequence[Client], since: datetime, rng: Random) -> list[Group]:
    have = Group.objects.filter(group_id__startswith=PREFIX).count()
    new = [
        Group(
            group_id=f"{PREFIX}{number:05}",
            name=f"{rng.choice(GROUP_NAMES)} {number}",
            email=f"circle.{number}@{rng.choice(DOMAINS)}",
            mobile_phone=f"+447700{900_000 + number % 900:06}",
        )
        for number in range(have + 1, wanted + 1)
    ]
    Group.objects.bulk_create(new, batch_size=_AT_ONCE)
    members = [
        Membership(group=group, client=client, role=role)
        for group in new
        for client, role in zip(rng.sample(clients, rng.randint(4, 8)), cycle(ROLES_IN_GROUP), strict=False)
    ]
    Membership.objects.bulk_create(members, batch_size=_AT_ONCE)
    Group.objects.filter(group_id__startswith=PREFIX, created_at__gt=since).update(created_at=since)
    return list(Group.objects.filter(group_id__startswith=PREFIX).order_by("pk")[:wanted])


def _staff(since: datetime, rng: Random) -> list[User]:
    """Officers who can never sign in: "!" is Django's word for no usable password."""
    made = User.objects.filter(username__startswith=PREFIX.lower())
    if not made.exists():
        role = Role.objects.filter(name="Officer").first()
        for number in range(1, _STAFF + 1):
            first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
            user = User.objects.create(
                username=f"{PREFIX.lower()}.{local_part(first, last)}.{number}",
                first_name=first,
                last_name=last,
                email=f"{local_part(first, last)}@harbourlight.example",
                password="!",  # noqa: S106
                date_joined=since,
            )
            if role:
                user.groups.add(role)
    return list(made.order_by("pk"))
