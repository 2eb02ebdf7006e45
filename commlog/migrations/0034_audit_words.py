import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commlog", "0033_access_records")]

    operations = [
        migrations.AddField("auditentry", "words", models.TextField(default="")),
        migrations.CreateModel(
            name="AuditKey",
            fields=[
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="key",
                        serialize=False,
                        to="commlog.auditentry",
                    ),
                ),
                ("key", models.CharField(max_length=44)),
            ],
        ),
        migrations.AddField("retentionrun", "readings_until", models.DateTimeField(null=True)),
    ]
