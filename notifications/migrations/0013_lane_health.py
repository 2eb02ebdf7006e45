"""How lanes do: tallies of their results, and what was refused lately.

The hot rows of a tally change in place (PostgreSQL).
"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def _room(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        table = schema_editor.quote_name(apps.get_model("notifications", "LaneTally")._meta.db_table)
        schema_editor.execute(f"ALTER TABLE {table} SET (fillfactor = 50)")


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0012_circuits'),
    ]

    operations = [
        migrations.AddField(
            model_name='channelswitch',
            name='paused_by',
            field=models.CharField(db_default='', default='', max_length=200),
        ),
        migrations.AddField(
            model_name='lane',
            name='accepted_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='lane',
            name='failing_since',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='lane',
            name='failing_with',
            field=models.TextField(db_default='', default=''),
        ),
        migrations.AddField(
            model_name='lane',
            name='paused_by',
            field=models.CharField(db_default='', default='', max_length=200),
        ),
        migrations.AddField(
            model_name='lane',
            name='told_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name='LaneRefusal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('message_id', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('whom', models.CharField(max_length=32)),
                ('answer', models.CharField(max_length=100)),
                ('of_lane', models.BooleanField()),
                ('throttled', models.BooleanField()),
                ('lane', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='refusals', to='notifications.lane')),
            ],
            options={
                'indexes': [models.Index(fields=['lane', 'at'], name='lane_refusal_at')],
            },
        ),
        migrations.CreateModel(
            name='LaneTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('minute', models.PositiveIntegerField()),
                ('worker', models.CharField(max_length=100)),
                ('delivered', models.IntegerField()),
                ('failed', models.IntegerField()),
                ('accepted_at', models.DateTimeField(null=True)),
                ('lane', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tallies', to='notifications.lane')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('lane', 'minute', 'worker'), name='lane_tally_once')],
            },
        ),
        migrations.RunPython(_room, migrations.RunPython.noop),
    ]
