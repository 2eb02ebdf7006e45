"""*Reveal*: show one message in full to a user who may not read content, with an audited reason."""

from django import forms

from commlog import audit
from commlog.audit import AuditAction
from commlog.models import User
from notifications.models import Message


class RevealForm(forms.Form):
    """The reason."""

    reason = forms.CharField(
        label="Reason", min_length=5, max_length=500, help_text="Recorded in the audit trail with your name."
    )


def record(message: Message, form: RevealForm, *, by: User) -> None:
    """Audit the reveal before the message is shown."""
    whom = f"{message.get_type_display()} to {message.recipient_name or message.destination}"
    audit.record(
        by,
        AuditAction.REVEALED,
        kind="message",
        key=message.key.hex,
        label=whom,
        after={"reason": form.cleaned_data["reason"]},
    )
