from django.db import migrations


def _without_them(apps, schema_editor):
    """An earlier version knows no such type."""
    apps.get_model("commlog", "MenuItem").objects.filter(type="EVENTS").delete()


class Migration(migrations.Migration):
    # On its own: PostgreSQL changes no table in the transaction that deleted rows others refer to.
    dependencies = [("commlog", "0026_second_factor")]

    operations = [migrations.RunPython(migrations.RunPython.noop, _without_them)]
