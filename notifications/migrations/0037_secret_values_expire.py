from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0036_message_words")]

    operations = [
        migrations.AddField("sealedvalues", "expires_at", models.DateTimeField(null=True)),
        migrations.AddField("sealedvalues", "kept_until", models.DateTimeField(null=True)),
    ]
