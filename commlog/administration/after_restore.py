"""Decisions about a restored database, by page or command; each is audited."""

from dataclasses import dataclass

from django.db import transaction

from commlog import audit, permissions
from commlog.audit import Actor, AuditAction
from commlog.kit.limits import counted_in_time
from commlog.log import reading
from commlog.models import CustomView, User
from notifications.database.clock import db_now
from notifications.models import Message
from notifications.models.message import MessageQuerySet
from notifications.restored import holding
from notifications.states import MessageType

MOST = 10_000  # counted no further


class Undecidable(Exception):
    """The decision is not possible now; the text explains why to a clerk."""


@dataclass(frozen=True, slots=True)
class Held:
    """How many messages of a channel wait for a decision. None: too many to count."""

    channel: MessageType
    number: int | None


def chosen(view: CustomView | None, by: Actor = None) -> MessageQuerySet:
    """Return the messages of a view, or all. Raises Undecidable, also for conditions that `by` may not
    use.
    """
    everything = Message.objects.all()
    scope = permissions.as_read_by(by, everything) if isinstance(by, User) else everything
    if view is None:
        return scope
    found = reading.of_view(view).over(scope)
    if not found.sound:
        raise Undecidable(
            f"The view {view.name} uses a filter that no longer exists, or that you may not use."
        )
    return found.messages


def waiting(view: CustomView | None = None, *, by: Actor = None) -> list[Held]:
    """Return how many messages of each channel wait for a decision, in a view or in all. Raises
    Undecidable.
    """
    among = holding.marked(chosen(view, by))
    numbers = [Held(channel, counted_in_time(among.filter(type=channel), MOST)) for channel in MessageType]
    return [each for each in numbers if each.number != 0]


def hold(*, by: Actor) -> bool:
    """Stop all sending, as senders do that find an older database. Return whether anything changed."""
    if holding.held():
        return False
    held = holding.hold(now=db_now())
    _record(by, "held")
    return held


def lift(*, by: Actor, seconds: float) -> bool:
    """Resume sending of new messages. Return whether anything changed. Raises Undecidable while marking
    goes on.
    """
    _mark(seconds)
    with transaction.atomic():
        lifted = holding.lift(now=db_now())
        if lifted:
            _record(by, "new messages sent again")
    return lifted


def release(view: CustomView | None, *, sms: bool, by: Actor, seconds: float) -> int:
    """Send the messages of a view (or all) that wait for a decision. Return how many. Raises Undecidable."""
    among = chosen(view, by)
    lift(by=by, seconds=seconds)
    number = holding.release(among, sms=sms, seconds=seconds)
    _record(by, "released", number, view)
    return number


def end(view: CustomView | None, *, by: Actor, seconds: float) -> int:
    """Fail the messages of a view (or all) that wait for a decision. Return how many. Raises Undecidable."""
    among = chosen(view, by)
    _mark(seconds)
    number = holding.end(among, seconds=seconds)
    _record(by, "ended as failed", number, view)
    return number


def _mark(seconds: float) -> None:
    if not holding.mark(now=db_now(), seconds=seconds):
        raise Undecidable(
            "Messages are still being marked, or a sender is still sending some. Try again in half a minute."
        )


def _record(by: Actor, what: str, number: int | None = None, view: CustomView | None = None) -> None:
    said: dict[str, object] = {"after a restore": what}
    if number is not None:
        said |= {"messages": number, "of": view.name if view else "all"}
    audit.record(by, AuditAction.CHANGED, kind="installation", label="the restored database", after=said)
