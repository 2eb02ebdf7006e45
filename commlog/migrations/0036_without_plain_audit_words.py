from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("commlog", "0035_seal_audit_words")]

    operations = [
        migrations.RemoveField("auditentry", "target_label"),
        migrations.RemoveField("auditentry", "before"),
        migrations.RemoveField("auditentry", "after"),
    ]
