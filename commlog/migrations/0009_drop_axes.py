"""Removes what django-axes has stored.

Its tables hold what was typed as a user name, which may be a password.
"""

from django.db import migrations
from django.db.migrations.recorder import MigrationRecorder

# In this order: the first refers to the second.
TABLES = ('axes_accessattemptexpiration', 'axes_accessattempt', 'axes_accesslog', 'axes_accessfailurelog')


def drop(apps, schema_editor):
    for table in TABLES:
        schema_editor.execute(f'DROP TABLE IF EXISTS {table}')
    apps.get_model('contenttypes', 'ContentType').objects.filter(app_label='axes').delete()
    MigrationRecorder(schema_editor.connection).migration_qs.filter(app='axes').delete()


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('commlog', '0008_wrong_passwords'),
    ]

    operations = [migrations.RunPython(drop, migrations.RunPython.noop)]
