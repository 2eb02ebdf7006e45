"""Times in which lanes fail together; a message that failed says when."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models

from notifications.migrations._online import AddFieldOnline


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0027_message_listed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('opened_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='IncidentLane',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cause', models.TextField()),
                ('began_at', models.DateTimeField()),
                ('opened_at', models.DateTimeField()),
                ('well_since', models.DateTimeField(null=True)),
                ('recovered_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='IncidentNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ],
        ),
        migrations.RemoveField(
            model_name='lane',
            name='told_at',
        ),
        migrations.AddField(
            model_name='lanerefusal',
            name='unclear',
            field=models.BooleanField(db_default=False, default=False),
        ),
        AddFieldOnline("message", "failed_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('closed_at', None)), fields=['opened_at'], name='incident_open'),
        ),
        migrations.AddField(
            model_name='incidentlane',
            name='incident',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lanes', to='notifications.incident'),
        ),
        migrations.AddField(
            model_name='incidentlane',
            name='lane',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='notifications.lane'),
        ),
        migrations.AddField(
            model_name='incidentnotice',
            name='incident',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='notifications.incident'),
        ),
        migrations.AddField(
            model_name='incidentnotice',
            name='message',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='notifications.message'),
        ),
        migrations.AddConstraint(
            model_name='incidentlane',
            constraint=models.UniqueConstraint(condition=models.Q(('recovered_at', None)), fields=('lane',), name='incident_of_lane_once'),
        ),
    ]
