"""A subscription says that its cursors are being reset, until its readers are cut off."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0024_failure_meaning_index")]

    operations = [
        migrations.AddField("streamsubscription", "resets_until", models.DateTimeField(null=True)),
    ]
