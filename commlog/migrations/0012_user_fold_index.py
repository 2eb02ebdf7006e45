"""Users are found by their whole name at once."""

from django.db import migrations, models

from notifications.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("commlog", "0011_user_folds")]

    operations = [AddIndexOnline("user", models.Index(fields=["name_fold"], name="user_by_fold"))]
