"""Mails to a user about the own account. Each is a message of the log, which shows no link of theirs."""

from datetime import datetime

from commlog.models import User
from notifications import outbox
from notifications.channels.email import EmailChannel
from notifications.faults import Malformed
from notifications.models import Message
from notifications.secrets import hidden

EVENT = "ACCOUNT_SECURITY"
_END = "If this was not you, tell your administrator at once.\n"


def tell(user: User, subject: str, text: str) -> bool:
    """Mail it in the caller's transaction; False: no address is on file, or none that can be mailed to."""
    return send(user, subject, text) is not None


def send(
    user: User, subject: str, text: str, *, link: str = "", until: datetime | None = None
) -> Message | None:
    """The same, and the message. `link` is its last paragraph, hidden; it is not sent after `until`."""
    if not user.email:
        return None
    paragraphs = [hidden.without_mark(f"Hello {user.name},\n\n{text}"), *([hidden.MARK] if link else [])]
    draft = outbox.Draft(
        EmailChannel.type,
        subject=subject,
        body="\n\n".join([*paragraphs, _END]),
        event=EVENT,
        user=user,
        secrets={"body": [link]} if link else {},
        secrets_expire_at=until,
    )
    try:
        return outbox.enqueue(draft)
    except Malformed:
        return None
