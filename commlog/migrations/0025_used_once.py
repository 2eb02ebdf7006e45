"""A table of what was used once, such as the codes of an app: Django's cache in the database."""

from django.core.management import call_command
from django.db import migrations


def create(apps, schema_editor):
    call_command("createcachetable", "commlog_used_once", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("commlog", "0024_job_item_indexes")]
    operations = [
        migrations.RunPython(create, migrations.RunPython.noop, elidable=False),
    ]
