"""A message says what it is about in the bank's core: an account, a repayment, a reference of whoever sends
it.
"""

from django.db import migrations, models

from notifications.migrations._online import AddFieldOnline


class Migration(migrations.Migration):
    dependencies = [("notifications", "0015_message_restored_index")]

    operations = [
        AddFieldOnline("message", "loan_account_key", models.UUIDField(null=True)),
        AddFieldOnline("message", "deposit_account_key", models.UUIDField(null=True)),
        AddFieldOnline("message", "repayment_key", models.UUIDField(null=True)),
        AddFieldOnline("message", "reference_id", models.CharField(db_default="", default="", max_length=200)),
    ]
