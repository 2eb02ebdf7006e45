"""Messages are found at once by whom they went to, and by number."""

from functools import reduce
from operator import or_

from django.db import migrations, models

from notifications import channels
from notifications.migrations._online import AddIndexOnline
from notifications.models.spellings import Digits, Spelled


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("notifications", "0031_event_unchecked")]

    operations = [
        AddIndexOnline(
            "message",
            models.Index(
                Spelled("destination", "destination_fold"), "created_at", "id", name="message_spelled_to"
            ),
        ),
        AddIndexOnline(
            "message",
            models.Index(
                Digits("destination", "destination_fold"),
                "created_at",
                "id",
                name="message_number",
                condition=reduce(or_, (models.Q(type=each) for each in channels.BY_NUMBER)),
            ),
        ),
    ]
