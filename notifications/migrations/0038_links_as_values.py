"""A link is a secret value like any other: its mail's text has the mark of these in its place."""

from datetime import timedelta
from typing import Any

from django.db import migrations
from django.db.models import F, Value
from django.db.models.functions import Replace

from notifications.secrets import hidden
from notifications.secrets.sealed import Unreadable, opened, seal

_SHOWN = "[the link is only in the e-mail itself]"
_VALID = timedelta(days=3)  # an invitation; a reset is less, but that is not known here
_BATCH = 500


def _move(apps: Any, schema_editor: Any) -> None:
    message, link, values = (
        apps.get_model("notifications", name) for name in ("Message", "SealedLink", "SealedValues")
    )
    for each in link.objects.select_related("message"):
        try:
            sealed = hidden.sealed({"body": [opened(each.link)]})
        except Unreadable:  # its mail fails, and says why
            continue
        values.objects.create(
            message=each.message, values=sealed, expires_at=each.message.created_at + _VALID
        )
    # Also of those that failed, or a resend would send them without their link.
    _reword(message.objects.filter(content__contains=_SHOWN), _SHOWN, hidden.MARK)
    apps.get_model("django_q", "Schedule").objects.filter(name="sweep links of e-mails").delete()


def _move_back(apps: Any, schema_editor: Any) -> None:
    message, link, values = (
        apps.get_model("notifications", name) for name in ("Message", "SealedLink", "SealedValues")
    )
    links = values.objects.filter(expires_at__isnull=False)
    for each in links:
        try:
            (found,) = hidden.read(each.values)["body"]
        except Unreadable:
            continue
        link.objects.create(message_id=each.message_id, link=seal(found))
    _reword(message.objects.filter(pk__in=list(links.values_list("message", flat=True))), hidden.MARK, _SHOWN)
    links.delete()


def _reword(messages: Any, old: str, new: str) -> None:
    # By an index: of all messages few are to users.
    found = messages.filter(user__isnull=False, event="ACCOUNT_SECURITY")
    pks = list(found.values_list("pk", flat=True))
    for start in range(0, len(pks), _BATCH):
        messages.model.objects.filter(pk__in=pks[start : start + _BATCH]).update(
            content=Replace(F("content"), Value(old), Value(new))
        )


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0037_secret_values_expire"),
        ("django_q", "0018_task_success_index"),
    ]

    operations = [
        migrations.RunPython(_move, _move_back),
        migrations.DeleteModel("SealedLink"),
    ]
