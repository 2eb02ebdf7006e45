"""What staff do to clients and groups, told as business events in the act's transaction."""

from commlog.models import User
from notifications import events
from notifications.events import Happening, Raised
from notifications.models import Client, Group


def happened(subject: Client | Group, what: str, *, by: User, activity: str = "") -> Raised:
    """Tell that the client or the group was CREATED, APPROVED, REJECTED, or saw some other ACTIVITY."""
    kind = "CLIENT" if isinstance(subject, Client) else "GROUP"
    whom = {"client": subject} if isinstance(subject, Client) else {"group": subject}
    data = {"ACTIVITY": activity} if activity else {}
    return events.raise_one(Happening(f"{kind}_{what}", **whom, user=by, data=data), source=by.name)
