"""Incidents that closed because their lanes were no longer used say so."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0039_few_values")]

    operations = [
        migrations.AddField(
            model_name="incidentlane",
            name="unconfirmed",
            field=models.BooleanField(default=False, db_default=False),
        ),
    ]
