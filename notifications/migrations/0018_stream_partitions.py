"""Topics have partitions, and events a place in one. Events of before get theirs from the cluster."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

from notifications.migrations._online import AddFieldOnline


class Migration(migrations.Migration):
    dependencies = [("notifications", "0017_account_indexes")]

    operations = [
        migrations.CreateModel(
            name="StreamTopic",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=300, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="StreamPartition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("first_offset", models.BigIntegerField(default=0)),
                ("next_offset", models.BigIntegerField(default=0)),
                (
                    "topic",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="partitions",
                        to="notifications.streamtopic",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("topic", "number"), name="stream_partition_once"),
                    models.CheckConstraint(
                        condition=Q(first_offset__gte=0, next_offset__gte=F("first_offset")), name="stream_partition_in_order"
                    ),
                ]
            },
        ),
        AddFieldOnline("streamevent", "template_name", models.CharField(db_default="", default="", max_length=255)),
        AddFieldOnline("streamevent", "occurred_at", models.DateTimeField(null=True)),
        AddFieldOnline(
            "streamevent",
            "partition",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="notifications.streampartition",
            ),
        ),
        AddFieldOnline("streamevent", "offset", models.BigIntegerField(null=True)),
    ]
