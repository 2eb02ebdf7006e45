"""Mails to a user about the own account. Each is a message of the log, which shows no link of theirs."""

from commlog.models import User
from notifications import outbox
from notifications.channels.email import EmailChannel
from notifications.faults import Malformed
from notifications.models import Message

EVENT = "ACCOUNT_SECURITY"
_END = "\n\nIf this was not you, tell your administrator at once.\n"


def tell(user: User, subject: str, text: str) -> bool:
    """Mail it in the caller's transaction; False: no address is on file, or none that can be mailed to."""
    return send(user, subject, text) is not None


def send(user: User, subject: str, text: str, *, link: str = "") -> Message | None:
    """The same, and the message. `link` goes where the text says links.SHOWN."""
    if not user.email:
        return None
    draft = outbox.Draft(
        EmailChannel.type,
        subject=subject,
        body=f"Hello {user.name},\n\n{text}{_END}",
        event=EVENT,
        user=user,
        link=link,
    )
    try:
        return outbox.enqueue(draft)
    except Malformed:
        return None
