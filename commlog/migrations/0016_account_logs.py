"""A log of its own for an account: with columns, views and jobs as the other logs have."""

from django.db import migrations, models
from django.db.models import Q

KINDS = [
    ("LOG", "Communications"),
    ("CLIENT", "Communications of a client"),
    ("GROUP", "Communications of a group"),
    ("USER", "Communications of a user"),
    ("ACCOUNT", "Communications about an account"),
]
KNOWN = Q(kind__in=[kind for kind, _ in KINDS])


class Migration(migrations.Migration):
    dependencies = [("commlog", "0015_audit_indexes")]

    operations = [
        migrations.AlterField("columnlayout", "kind", models.CharField(choices=KINDS, max_length=7)),
        migrations.AlterField("customview", "kind", models.CharField(choices=KINDS, default="LOG", max_length=7)),
        migrations.AlterField("job", "log", models.CharField(choices=KINDS, default="LOG", max_length=7)),
        migrations.RemoveConstraint("columnlayout", "column_layout_kind_known"),
        migrations.AddConstraint("columnlayout", models.CheckConstraint(condition=KNOWN, name="column_layout_kind_known")),
        migrations.RemoveConstraint("customview", "custom_view_kind_known"),
        migrations.AddConstraint("customview", models.CheckConstraint(condition=KNOWN, name="custom_view_kind_known")),
    ]
