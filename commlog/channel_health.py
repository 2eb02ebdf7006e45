"""Channels and their lanes, in the words of the pages. Nothing here shows a secret."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, IntegerField, OuterRef, Q, Subquery, Value, When
from django.utils import timezone

from commlog.limits import A_COUNT, TookTooLong, counted, time_limit
from notifications import channels, lanes, switches
from notifications.models import ChannelSwitch, Lane, Message
from notifications.models.message import MessageQuerySet
from notifications.states import LIVE, Circuit, MessageType

_LATELY = timedelta(hours=1)
_MOST_COUNTED = 60_000  # a thousand a minute
_MOST_NAMED = 3
MOST_LANES = 200
_WORKING = "Working"


@dataclass(frozen=True, slots=True)
class LaneLine:
    """A lane, since when its oldest message has been waiting, and how many a second may leave now (None: no limit)."""

    lane: Lane
    waiting_since: datetime | None
    limit: float | None

    @property
    def words(self) -> str:
        """Its status."""
        if self.lane.paused_at:
            return "Paused"
        return "Slow" if self.slow and self.lane.circuit != Circuit.OPEN else str(Circuit(self.lane.circuit).label)

    @property
    def slow(self) -> bool:
        """Whether it is slower than an administrator has set, because its provider asked for fewer messages."""
        return self.limit != self.lane.rate

    @property
    def held(self) -> bool:
        """Whether it is held back."""
        return bool(self.lane.paused_at) or self.lane.circuit == Circuit.OPEN


@dataclass(frozen=True, slots=True)
class ChannelCard:
    """A channel: what it uses, how it is switched, and its lanes."""

    type: MessageType
    uses: Sequence[tuple[str, str]]
    enabled: bool
    paused_at: datetime | None
    held_by_mode: bool
    lanes: Sequence[LaneLine]

    @property
    def troubled(self) -> list[LaneLine]:
        """Its lanes that are held back."""
        return [line for line in self.lanes if line.held]

    @property
    def words(self) -> str:
        """How it is, in one word or two."""
        if not self.enabled:
            return "Switched off"
        if self.paused_at:
            return "Paused"
        if self.held_by_mode:
            return "Held by SENDING_MODE"
        return "Trouble" if self.troubled else _WORKING

    @property
    def works(self) -> bool:
        """Whether nothing of it is held back."""
        return self.words == _WORKING

    @property
    def testable(self) -> bool:
        """Whether a person can have a test message sent to themselves."""
        return self.type in (MessageType.EMAIL, MessageType.SMS)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What goes through a channel: how many messages were created in the last hour, and how many wait (None: too many to count)."""

    reason: str  # the failure reason of what comes while the channel is off
    came: int | None
    waiting: int | None

    @property
    def a_minute(self) -> str:
        """How many came a minute, rounded."""
        rate = (self.came or 0) / (_LATELY / timedelta(minutes=1))
        return "less than 1" if rate < 1 else f"about {rate:,.0f}"


def cards() -> list[ChannelCard]:
    """Every channel. Three queries, whatever the number of lanes; those that are held back come first."""
    now = timezone.now()
    switches = {row.channel: row for row in ChannelSwitch.objects.all()}
    due = Message.objects.filter(lane=OuterRef("pk"), due_at__isnull=False).order_by("due_at").values("due_at")
    first, parked = Subquery(due.filter(parked_at=None)[:1]), Subquery(due.filter(parked_at__isnull=False)[:1])
    rank = Case(When(Q(paused_at__isnull=False) | Q(circuit=Circuit.OPEN), then=Value(0)), default=Value(1), output_field=IntegerField())
    found = Lane.objects.exclude(name="").annotate(first=first, parked=parked, rank=rank).order_by("rank", "channel", "name")[:MOST_LANES]
    lines: dict[str, list[LaneLine]] = {channel: [] for channel in MessageType}
    for lane in found:
        waiting_since = min((each for each in (lane.first, lane.parked) if each), default=None)
        lines[lane.channel].append(LaneLine(lane, waiting_since, lanes.present_limit(lane, now)))
    stopped = channels.held_channels()
    return [_card(channel, switches.get(channel), channel in stopped, lines[channel]) for channel in MessageType]


def traffic(channel: MessageType, *, now: datetime) -> Traffic:
    """What goes through the channel, and what happens to it once the channel is off."""
    through = Message.objects.filter(type=channel)
    came = _number(through.filter(created_at__gte=now - _LATELY))
    return Traffic(str(switches.reason_of(channel).label), came, _number(through.filter(state__in=LIVE)))


def _number(rows: MessageQuerySet) -> int | None:
    try:
        with time_limit(A_COUNT):
            found = counted(rows, _MOST_COUNTED)
    except TookTooLong:
        return None
    return found if found <= _MOST_COUNTED else None


def _card(channel: MessageType, switch: ChannelSwitch | None, held_by_mode: bool, lines: Sequence[LaneLine]) -> ChannelCard:
    enabled, paused_at = (switch.enabled, switch.paused_at) if switch else (True, None)
    return ChannelCard(channel, _uses(channel), enabled, paused_at, held_by_mode, lines)


def _uses(channel: MessageType) -> list[tuple[str, str]]:
    match channel:
        case MessageType.EMAIL:
            tls = "STARTTLS" if settings.EMAIL_USE_TLS else "TLS" if settings.EMAIL_USE_SSL else "no encryption"
            server = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}, {tls}" if settings.EMAIL_HOST else "none: set EMAIL_URL"
            signs_in = "yes" if settings.EMAIL_HOST_USER else "no"
            replies = settings.REPLY_TO_EMAIL or "to the sender"
            return [("Mail server", server), ("Signs in", signs_in), ("Sender", settings.DEFAULT_FROM_EMAIL), ("Replies", replies)]
        case MessageType.SMS:
            ready = settings.TWILIO_ACCOUNT_SID and settings.TWILIO_AUTH_TOKEN and settings.TWILIO_FROM
            gateway = settings.TWILIO_API_URL if ready else "none: set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM"
            receipts = settings.RECEIPTS_URL or "not asked for: set RECEIPTS_URL"
            return [("Gateway", gateway), ("Sender", settings.TWILIO_FROM or "none"), ("Receipts", receipts)]
        case MessageType.WEB_HOOK:
            nets = ", ".join(map(str, settings.WEBHOOK_ALLOWED_NETS)) or "none"
            return [("Plain http", "allowed" if settings.WEBHOOK_ALLOW_HTTP else "refused"), ("Private networks allowed", nets)]
        case MessageType.EVENT_STREAM:
            return [("Stream", "kept in Commlog’s own database")]


def sentences() -> list[str]:
    """What everybody has to know about channels that are held back."""
    found = []
    for switch in ChannelSwitch.objects.order_by("channel"):
        if not switch.enabled:
            found.append(f"{switch} is switched off: new messages fail, and those that wait go on waiting.")
        elif switch.paused_at:
            found.append(f"{switch} is paused: its messages wait.")
    found += [f"{lane} is paused: its messages wait." for lane in Lane.objects.filter(paused_at__isnull=False)[:_MOST_NAMED]]
    troubled = list(Lane.objects.filter(circuit=Circuit.OPEN).order_by("channel", "name")[: _MOST_NAMED + 1])
    found += [f"{lane} is in trouble: its messages wait, and it is tried again by itself." for lane in troubled[:_MOST_NAMED]]
    if len(troubled) > _MOST_NAMED:
        found.append("More destinations are in trouble: see Channels in the administration.")
    return found
