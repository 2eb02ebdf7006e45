"""Business events for changes of clients and groups by staff, in the transaction of the change."""

from commlog.models import User
from notifications import events
from notifications.events import Happening, Raised
from notifications.models import Client, Group


def happened(subject: Client | Group, what: str, *, by: User, activity: str = "") -> Raised:
    """Report that the client or group was CREATED, APPROVED, REJECTED, or saw some other ACTIVITY."""
    kind = "CLIENT" if isinstance(subject, Client) else "GROUP"
    whom = {"client": subject} if isinstance(subject, Client) else {"group": subject}
    data = {"ACTIVITY": activity} if activity else {}
    return events.raise_one(Happening(f"{kind}_{what}", **whom, user=by, data=data), source=by.name)
