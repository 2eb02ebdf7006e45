"""Messages are found at once by sender, template, event, reference and whatever else an index had not held."""

from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Upper

from notifications.migrations._online import AddIndexOnline, RemoveIndexOnline

_FINAL = Q(state__in=["FAILED", "SENT"])
_INDEXES = [
    *(
        models.Index(fields=[name, "created_at", "id"], name=f"message_{name}", condition=_FINAL & ~Q(**{name: ""}))
        for name in ("sender", "resent_by", "event")
    ),
    models.Index(
        fields=["template", "template_name", "created_at", "id"],
        name="message_template",
        condition=Q(state__in=["FAILED", "SENT"], template__isnull=False),
    ),
    models.Index(fields=["created_at", "id"], name="message_detailed", condition=~Q(failure_cause="")),
    models.Index(fields=["created_at", "id"], name="message_duplicate", condition=Q(possible_duplicate=True)),
    models.Index(fields=["created_at", "id"], name="message_no_words", condition=Q(words_gone_at__isnull=False)),
    models.Index(
        fields=["attempt_count", "created_at", "id"], name="message_retried", condition=Q(attempt_count__gt=2)
    ),
    models.Index(
        Upper("reference_id"), "created_at", "id", name="message_referred", condition=~Q(reference_id="")
    ),
    models.Index(
        Upper("provider_id"),
        "created_at",
        "id",
        name="message_sms_referred",
        condition=Q(type="SMS") & ~Q(provider_id=""),
    ),
]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("notifications", "0038_links_as_values")]

    operations = [
        *(AddIndexOnline("message", index) for index in _INDEXES),
        RemoveIndexOnline("message", "message_reference"),
        RemoveIndexOnline("message", "message_sms_number"),
    ]
