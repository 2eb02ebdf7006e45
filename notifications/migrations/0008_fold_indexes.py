"""People are found by their whole name at once, however many there are."""

from django.db import migrations, models

from notifications.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("notifications", "0007_folds")]

    operations = [
        AddIndexOnline("client", models.Index(fields=["name_fold"], name="client_by_fold")),
        AddIndexOnline("group", models.Index(fields=["name_fold"], name="group_by_fold")),
    ]
