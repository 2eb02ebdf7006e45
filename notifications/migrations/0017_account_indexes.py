"""Messages about an account, a repayment or a reference are found by indexes that are empty as long as nobody
names any.
"""

from django.db import migrations, models
from django.db.models import Q

from notifications.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("notifications", "0016_accounts")]

    operations = [
        *(
            AddIndexOnline(
                "message",
                models.Index(
                    fields=[f"{name}_key", "created_at", "id"], name=f"message_{name}", condition=Q(**{f"{name}_key__isnull": False})
                ),
            )
            for name in ("loan_account", "deposit_account", "repayment")
        ),
        AddIndexOnline(
            "message",
            models.Index(fields=["reference_id", "created_at", "id"], name="message_reference", condition=~Q(reference_id="")),
        ),
        AddIndexOnline(
            "message",
            models.Index(fields=["provider_id"], name="message_sms_number", condition=Q(type="SMS") & ~Q(provider_id="")),
        ),
    ]
