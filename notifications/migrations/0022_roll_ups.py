"""How tries ended, by minute and by hour. The tallies of the last hour are begun anew; what ended before is
counted by the cluster later.

The hot rows change in place (PostgreSQL).
"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Max, Q

from notifications.database.clock import db_now

OUTCOMES = [
    ("ACCEPTED", "Accepted"),
    ("REFUSED", "Refused"),
    ("UNKNOWN", "Unknown, may have arrived"),
    ("ABANDONED", "Abandoned, not sent"),
]


def _keep_last_successes(apps: Any, schema_editor: Any) -> None:
    """They are known of the tallies alone."""
    lanes = apps.get_model("notifications", "Lane").objects
    tallies = apps.get_model("notifications", "LaneTally").objects.values("lane").order_by()
    for pk, last in tallies.annotate(last=Max("accepted_at")).exclude(last=None).values_list("lane", "last"):
        lanes.filter(Q(accepted_at=None) | Q(accepted_at__lt=last), pk=pk).update(accepted_at=last)


def _begin(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        table = schema_editor.quote_name(apps.get_model("notifications", "LaneTally")._meta.db_table)
        schema_editor.execute(f"ALTER TABLE {table} SET (fillfactor = 50)")
    newest = apps.get_model("notifications", "Attempt").objects.order_by("-pk").values_list("pk", flat=True).first()
    if newest:
        apps.get_model("notifications", "Backfill").objects.create(before=db_now(), newest=newest)


def _counts() -> list[tuple[str, Any]]:
    return [
        ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
        ("minute", models.PositiveIntegerField()),
        ("outcome", models.CharField(choices=OUTCOMES, default="", max_length=9)),
        ("reason", models.CharField(default="", max_length=40)),
        ("tries", models.IntegerField(default=0)),
        ("retries", models.IntegerField(default=0)),
        ("final", models.IntegerField(default=0)),
        ("waited", models.BigIntegerField(default=0)),
        *((f"wait_{number}", models.IntegerField(default=0)) for number in range(12)),
    ]


def _lane(name: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name=name, to="notifications.lane"
    )


class Migration(migrations.Migration):
    dependencies = [("notifications", "0021_wording")]

    operations = [
        migrations.RunPython(_keep_last_successes, migrations.RunPython.noop),
        migrations.DeleteModel("LaneTally"),
        migrations.CreateModel(
            name="LaneTally",
            fields=[
                *_counts(),
                ("worker", models.CharField(max_length=100)),
                ("messages", models.IntegerField(default=0)),
                ("accepted_at", models.DateTimeField(null=True)),
                ("lane", _lane("tallies")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("lane", "minute", "worker", "outcome", "reason"), name="lane_tally_once"
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="LaneHour",
            fields=[*_counts(), ("lane", _lane("hours"))],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("minute", "lane", "outcome", "reason"), name="lane_hour_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="Backfill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("before", models.DateTimeField()),
                ("newest", models.BigIntegerField()),
                ("oldest", models.BigIntegerField(default=1)),
            ],
        ),
        migrations.RunPython(_begin, migrations.RunPython.noop),
    ]
