"""Status of channels and lanes in the words of the pages. No secret is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, IntegerField, OuterRef, Q, QuerySet, Subquery, TextChoices, Value, When
from django.utils import timezone

from commlog.kit.limits import A_COUNT, TookTooLong, capped, counted, counted_in_time, time_limit
from notifications import channels
from notifications.cluster import health
from notifications.lanes import lane_health, openings
from notifications.lanes.lane_health import LaneHealth
from notifications.models import ChannelSwitch, Lane, Message
from notifications.models.message import UNTIL_RELEASED
from notifications.states import LIVE, Circuit, MessageType

_LATELY = timedelta(hours=1)
_MOST_COUNTED = 60_000  # a thousand a minute
_MOST_NAMED = 3
_MOST_SAID = 1_000  # messages that wait
_MOST_LOOKED_AT = 50  # lanes that are in trouble or may be failing
MOST_LANES = 200


class Status(TextChoices):
    """Status of a channel or lane, worst first."""

    OFF = "off", "Off"
    HELD = "held", "Held by SENDING_MODE"
    TROUBLE = "trouble", "In trouble"
    FAILING = "failing", "Failing"
    STANDING = "standing", "Not sending"
    PAUSED = "paused", "Paused"
    SLOW = "slow", "Slow"
    WORKING = "working", "Working"
    IDLE = "idle", "Idle"

    @property
    def works(self) -> bool:
        return self in (Status.WORKING, Status.IDLE)


_BY_SEVERITY = {status: place for place, status in enumerate(Status)}


@dataclass(frozen=True, slots=True)
class LaneLine:
    """A lane at `now`: its oldest due time, and its limit per second (None: none)."""

    lane: Lane
    now: datetime
    waiting_since: datetime | None
    limit: float | None
    health: LaneHealth

    @property
    def status(self) -> Status:
        if self.lane.paused_at:
            return Status.PAUSED
        if self.lane.circuit == Circuit.OPEN:
            return Status.TROUBLE
        if self.health.failing_since:
            return Status.FAILING
        due = self.waiting_since is not None and self.waiting_since <= self.now
        if due and not self.health.tried and self.now - (self.waiting_since or self.now) > health.PATIENCE:
            return Status.STANDING
        if self.slow:
            return Status.SLOW
        return Status.WORKING if due or self.health.tried_in_hour else Status.IDLE

    @property
    def words(self) -> str:
        return _worded(self.status, self.lane.paused_by)

    @property
    def numbers(self) -> str:
        """Share of its recent messages that were delivered, in words."""
        return self.health.words(self.now)

    @property
    def slow(self) -> bool:
        """Whether its provider asked for fewer messages than the limit set by an administrator."""
        return self.limit != self.lane.rate

    @property
    def trouble(self) -> str:
        """What its server or receiver said when the trouble began."""
        return self.lane.trouble or (self.lane.failing_with if self.status == Status.FAILING else "")


@dataclass(frozen=True, slots=True)
class ChannelCard:
    """A channel: its settings, its switch and who set it, and its lanes."""

    type: MessageType
    uses: Sequence[tuple[str, str]]
    enabled: bool
    paused_at: datetime | None
    paused_by: str
    held_by_mode: bool
    lanes: Sequence[LaneLine]

    @property
    def troubled(self) -> list[LaneLine]:
        """Lanes that have a problem, worst first."""
        return sorted(
            (line for line in self.lanes if not line.status.works), key=lambda line: _BY_SEVERITY[line.status]
        )

    @property
    def status(self) -> Status:
        if not self.enabled:
            return Status.OFF
        if self.paused_at:
            return Status.PAUSED
        if self.held_by_mode:
            return Status.HELD
        return min((line.status for line in self.lanes), key=_BY_SEVERITY.__getitem__, default=Status.IDLE)

    @property
    def words(self) -> str:
        paused_by = (
            self.paused_by
            if self.paused_at
            else next((line.lane.paused_by for line in self.lanes if line.lane.paused_at), "")
        )
        return _worded(self.status, paused_by)

    @property
    def numbers(self) -> str:
        """Share of its recent messages that were delivered, in words; "" if no lane of it is listed."""
        if not self.lanes:
            return ""
        return sum((line.health for line in self.lanes), LaneHealth()).words(self.lanes[0].now)

    @property
    def testable(self) -> bool:
        """Whether a person can send a test message to themselves."""
        return self.type in channels.FOR_PEOPLE


@dataclass(frozen=True, slots=True)
class Traffic:
    """Messages created in the last hour, and messages waiting (None: too many to count)."""

    reason: str  # the failure reason of what comes while the channel is off
    came: int | None
    waiting: int | None

    @property
    def a_minute(self) -> str:
        rate = (self.came or 0) / (_LATELY / timedelta(minutes=1))
        return "less than 1" if rate < 1 else f"about {rate:,.0f}"


def cards() -> list[ChannelCard]:
    """Return every channel, those with problems first. Three queries, whatever the number of lanes."""
    now = timezone.now()
    switches = {row.channel: row for row in ChannelSwitch.objects.all()}
    due = (
        Message.objects.filter(lane=OuterRef("pk"), due_at__lt=UNTIL_RELEASED)
        .order_by("due_at")
        .values("due_at")
    )
    first, parked = (
        Subquery(due.filter(parked_at=None)[:1]),
        Subquery(due.filter(parked_at__isnull=False)[:1]),
    )
    needs_somebody = Q(paused_at__isnull=False) | Q(circuit=Circuit.OPEN) | Q(failing_since__isnull=False)
    rank = Case(When(needs_somebody, then=Value(0)), default=Value(1), output_field=IntegerField())
    found = list(
        Lane.objects.exclude(name="")
        .annotate(first=first, parked=parked, rank=rank)
        .order_by("rank", "channel", "name")[:MOST_LANES]
    )
    healths = lane_health.health_of(found, now)
    lines: dict[str, list[LaneLine]] = {channel: [] for channel in MessageType}
    for lane in found:
        waiting_since = min((each for each in (lane.first, lane.parked) if each), default=None)
        lines[lane.channel].append(
            LaneLine(lane, now, waiting_since, openings.present_limit(lane, now), healths[lane.pk])
        )
    stopped = channels.held_channels()
    return [
        _card(channel, switches.get(channel), channel in stopped, lines[channel]) for channel in MessageType
    ]


def traffic(channel: MessageType, *, now: datetime) -> Traffic:
    """Return the channel's traffic, and what happens to it once the channel is off."""
    through = Message.objects.filter(type=channel)
    came = counted_in_time(through.filter(created_at__gte=now - _LATELY), _MOST_COUNTED)
    return Traffic(
        str(channels.of(channel).when_off.label),
        came,
        counted_in_time(through.filter(state__in=LIVE), _MOST_COUNTED),
    )


def _card(
    channel: MessageType, switch: ChannelSwitch | None, held_by_mode: bool, lines: Sequence[LaneLine]
) -> ChannelCard:
    enabled, paused_at, paused_by = (
        (switch.enabled, switch.paused_at, switch.paused_by) if switch else (True, None, "")
    )
    return ChannelCard(
        channel, channels.of(channel).uses(), enabled, paused_at, paused_by, held_by_mode, lines
    )


def _worded(status: Status, paused_by: str) -> str:
    return f"{status.label} by {paused_by}" if status == Status.PAUSED and paused_by else str(status.label)


def sentences(now: datetime) -> list[str]:
    """Return the banner sentences about channels and lanes that are held back or failing."""
    found, held = [], []
    for switch in ChannelSwitch.objects.order_by("channel"):
        if not switch.enabled:
            found.append(f"{switch} is switched off. New messages fail until it is switched on.")
        elif switch.paused_at:
            lanes = Lane.objects.filter(channel=switch.channel)
            found.append(f"{switch} is {_paused(switch, now)}. {_waiting(lanes)}")
        else:
            continue
        held.append(switch.channel)
    found += [
        f"{lane} is {_paused(lane, now)}. {_waiting(Lane.objects.filter(pk=lane.pk))}"
        for lane in Lane.objects.filter(paused_at__isnull=False)[:_MOST_NAMED]
    ]
    return found + _failing(Lane.objects.filter(paused_at=None).exclude(channel__in=held), now)


def _paused(held: ChannelSwitch | Lane, now: datetime) -> str:
    since = f" since {lane_health.clock(held.paused_at, now)}" if held.paused_at else ""
    return f"paused by {held.paused_by}{since}" if held.paused_by else f"paused{since}"


def _waiting(lanes: QuerySet[Lane]) -> str:
    """Return how many messages of the lanes are unsent, in words, by the indexes of due messages."""
    due = Message.objects.filter(lane__in=lanes.values("pk"), due_at__isnull=False)
    try:
        with time_limit(A_COUNT):
            number = sum(counted(due.filter(parked_at__isnull=each), _MOST_SAID) for each in (True, False))
    except TookTooLong:
        number = _MOST_SAID + 1
    if not number:
        return "No messages are waiting."
    return f"{capped(number, _MOST_SAID)} message{' is' if number == 1 else 's are'} waiting."


def _failing(those: QuerySet[Lane], now: datetime) -> list[str]:
    asked = those.filter(Q(circuit=Circuit.OPEN) | Q(failing_since__isnull=False))
    listed = list(asked.order_by("channel", "name")[:_MOST_LOOKED_AT])
    healths = lane_health.health_of(listed, now) if listed else {}
    failing, troubled = [], []
    for lane in listed:
        found = healths[lane.pk]
        if lane.circuit == Circuit.OPEN:
            troubled.append((str(lane), found.words(now)))
        elif found.failing_since:
            failing.append((str(lane), found.words(now)))
    return [
        *_together(troubled, "in trouble", "messages wait; retries are automatic"),
        *_together(failing, "failing"),
    ]


def _together(those: Sequence[tuple[str, str]], what: str, then: str = "") -> list[str]:
    """One sentence for all: with its numbers of one, of several their names. `then`: what that means."""
    if not those:
        return []
    if len(those) == 1:
        [(name, numbers)] = those
        return [f"{name} is {what}: {numbers}.{f' Its {then}.' if then else ''}"]
    names = [name for name, _ in those[:_MOST_NAMED]]
    if len(those) > _MOST_NAMED:
        names.append("others")
    found = f"{', '.join(names[:-1])} and {names[-1]} are {what}.{f' Their {then}.' if then else ''}"
    return [f"{found} All are listed under Administration, Channels." if len(those) > _MOST_NAMED else found]
