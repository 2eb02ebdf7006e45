"""Programs are found by their name, and what people and programs did without what Commlog did by itself."""

from django.db import migrations, models

from notifications.migrations._online import AddIndexOnline

NAMED_PROGRAM = models.Q(('actor__isnull', True), models.Q(('actor_name', ''), _negated=True))
NOT_BY_ITSELF = models.Q(('action', 'CHANGED'), ('actor__isnull', True), ('actor_name', ''), _negated=True)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [('commlog', '0014_shipped_views')]

    operations = [
        AddIndexOnline('auditentry', models.Index(condition=NAMED_PROGRAM, fields=['actor_name', 'id'], name='audit_program')),
        AddIndexOnline('auditentry', models.Index(condition=NOT_BY_ITSELF, fields=['id'], name='audit_people')),
    ]
