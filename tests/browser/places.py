"""One of everything, as the gallery visits it: made for axe, found in the demo for screenshots."""

from dataclasses import fields, replace
from typing import Any

from django.contrib.auth.models import Group as Role
from django.utils import timezone

from commlog import audit
from commlog.audit import AuditAction
from commlog.models import ApiConsumer, CustomView, Job, MenuItem, User
from notifications.delivery import circuits
from notifications.models import (
    BusinessEvent,
    ChannelSwitch,
    Client,
    Message,
    NotificationTemplate,
    StreamSubscription,
)
from notifications.models import Group as ClientGroup
from notifications.states import MessageState, MessageType, Outcome
from tests.factories import (
    make_attempt,
    make_client,
    make_group,
    make_lane,
    make_message,
    make_resend,
    make_user,
    officer,
    viewer,
)
from tests.test_permissions_matrix import NOTHING, World, one_of_everything


def of_demo() -> World:
    """What the demo has."""
    failed = Message.objects.filter(
        state=MessageState.FAILED, type=MessageType.EMAIL, client__isnull=False, outcome=Outcome.REFUSED
    )
    view = CustomView.objects.order_by("pk").first()
    item, group, role = (
        MenuItem.objects.first(),
        ClientGroup.objects.first(),
        Role.objects.get(name="Officer"),
    )
    message = failed.exclude(html="").first() or failed.first()
    user = User.objects.exclude(username="admin").filter(email__contains="@").first() or User.objects.get(
        username="officer"
    )
    job = Job.objects.order_by("-pk").first()
    found = {
        "message": message,
        "client": message and message.client,
        "group": group,
        "user": user,
        "menu_item": item,
        "view": view,
        "job": job,
        "template": NotificationTemplate.objects.known().exclude(html="").first(),
        "event": BusinessEvent.objects.filter(message_count__gt=0).order_by("-pk").first(),
        "stream": StreamSubscription.objects.order_by("pk").first(),
    }
    keys: dict[str, Any] = {name: row.key for name, row in found.items() if row} | {
        "role": role.pk,
        "exception": 0,
    }
    # What the demo lacks leads nowhere, and a page that is not there is left out.
    return World(**{field.name: keys.get(field.name, NOTHING) for field in fields(World)})


def of_everything(person: User) -> World:
    """Rows in every state, long names and empty ones included, for an administrator to look at."""
    olaf = officer(username="olaf", email="olaf@example.org", api_access=True)
    viewer(username="w" * 150, first_name="V" * 100, last_name="x" * 100)
    make_user("gone", is_active=False)
    ana = make_client(client_id="000123")
    make_client(client_id="000124", first_names="Bo", last_name="Lind", email="", mobile_phone="12")
    failed = _messages(ana)
    nobodies = Role.objects.create(name="A role with a rather long name that wraps somewhere")
    item = MenuItem.objects.create(name="W" * 32, type="CLIENTS", for_everyone=True, creator=olaf, position=4)
    item.roles.add(nobodies)
    MenuItem.objects.create(name="Switched off", type="GROUPS", active=False, position=5)
    view = CustomView.objects.create(name="Mine", owner=person, criteria=[["attempts", "MORE_THAN", ["5"]]])
    before = {"name": "Old", "seen by": "all users", "active": True}
    audit.record(
        person,
        AuditAction.CHANGED,
        item,
        before=before,
        after={"name": "New", "seen by": ["Officer", "Viewer"]},
    )
    audit.record(
        olaf,
        AuditAction.DENIED,
        kind="page",
        label="/administration/" + "x" * 200,
        after={"method": "GET", "reason": "y" * 300},
    )
    lane = make_lane(MessageType.WEB_HOOK, "x" * 200 + ".example.org:443")
    circuits.open_circuit(
        lane.pk, circuits.Trouble("HTTP 503: " + "y" * 300, frozenset()), now=timezone.now()
    )
    ChannelSwitch.objects.create(channel=MessageType.SMS, enabled=False, paused_at=timezone.now())
    made = {
        "message": failed.key,
        "client": ana.key,
        "group": make_group(ana).key,
        "user": olaf.key,
        "menu_item": item.key,
    }
    world = replace(one_of_everything(), **made, view=view.key, role=nobodies.pk)
    _unbroken()
    return world


def _unbroken() -> None:
    """Make every text long that somebody may write, without a place at which it could be broken."""
    for rows, name in (
        (Message.objects.filter(subject="Payment due"), "subject"),
        (ClientGroup.objects.all(), "name"),
        (Role.objects.exclude(name__in=("Administrator", "Officer", "Viewer")), "name"),
        (CustomView.objects.all(), "name"),
        (NotificationTemplate.objects.all(), "name"),
        (NotificationTemplate.objects.exclude(destination=""), "destination"),
        (ApiConsumer.objects.all(), "name"),
        (Job.objects.all(), "words"),
    ):
        longest = min(rows.model._meta.get_field(name).max_length or 300, 120)
        for row in rows:
            start = f"{getattr(row, name)[:40]}{row.pk}"
            rows.model._base_manager.filter(pk=row.pk).update(**{name: start.ljust(longest, "W")})


def _messages(ana: Client) -> Message:
    for kind in MessageType:
        for state in MessageState:
            make_message(
                state, kind, recipient_name="Ana Silva", client=ana if kind == MessageType.SMS else None
            )
    make_message(
        MessageState.FAILED,
        destination="https://" + "x" * 400 + ".example.org",
        subject="y" * 300,
        recipient_name="z" * 300,
    )
    failed = make_message(
        MessageState.FAILED,
        client=ana,
        recipient_name="Ana Silva",
        outcome=Outcome.UNKNOWN,
        html="<h1>Payment due</h1><img src='x'>",
    )
    for outcome in Outcome:
        make_attempt(failed, outcome)
    make_attempt(failed, "")
    make_resend(failed, MessageState.SENT)
    return failed
