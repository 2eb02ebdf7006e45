"""Detection of failing lanes, from what all workers have seen since the lane's last accepted message."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Max

from notifications import channels
from notifications.channels.base.contract import About, DeliveryError, Failure
from notifications.delivery.circuits import digest
from notifications.delivery.claims import Claim
from notifications.lanes.lane_health import THE_HOUR, fails, health_of, latest
from notifications.models import Attempt, Lane, LaneRefusal, LaneTally
from notifications.states import Outcome

MESSAGES, ALIKE = 3, 5
LONG = timedelta(seconds=20)
_MOST = 200  # failures of a lane that are looked at
_OF_LANE = frozenset({About.SESSION, About.SERVER, About.UNKNOWN})
_Failed = tuple[Claim, datetime, DeliveryError]
# A status or reply code, an enhanced code of a mail server, a code of an SMS gateway.
_CODES = re.compile(r"(?<![\w.+-])(?:[2-5]\d\d|[245]\.\d{1,3}\.\d{1,3}|\d{5})(?![\w.-])")


class Try(NamedTuple):
    """A call that was made, when it ended, and its failure (None: the message was accepted)."""

    claim: Claim
    at: datetime
    error: DeliveryError | None


def note(tries: Sequence[Try]) -> None:
    """Store the failures, and mark lanes as failing where they are.

    Must run inside the transaction that has counted them.
    """
    failures = _failures(tries)
    if not failures:
        return
    rows = LaneTally.objects.filter(lane__in=failures).values("lane").order_by()
    tallied = dict(rows.annotate(last=Max("accepted_at")).values_list("lane", "last"))
    for lane in Lane.objects.filter(pk__in=failures).order_by("pk"):
        last_success = latest(lane.accepted_at, tallied.get(lane.pk))
        if not fails(lane, last_success):
            _look(lane, failures[lane.pk], last_success)


def _failures(tries: Sequence[Try]) -> dict[int, list[_Failed]]:
    """Return the failures after the last success among the tries, by lane, in order of time.

    A message that can never be sent as it is says nothing about its lane.
    """
    found: dict[int, list[_Failed]] = defaultdict(list)
    if all(each.error is None for each in tries):
        return found
    for claim, at, error in sorted(tries, key=lambda each: each.at):
        if error is None:
            found.pop(claim.lane_id, None)
        elif error.kind is not Failure.NEVER:
            found[claim.lane_id].append((claim, at, error))
    return found


def _look(lane: Lane, failures: Sequence[_Failed], last_success: datetime | None) -> None:
    if last_success is not None:
        failures = _new(failures, last_success)
    if not failures:
        return
    LaneRefusal.objects.bulk_create([_row(*each) for each in failures])
    _, at, error = failures[-1]
    since = at - THE_HOUR if last_success is None else max(last_success, at - THE_HOUR)
    seen = list(LaneRefusal.objects.filter(lane=lane, at__gt=since).order_by("-at")[:_MOST])
    if not is_failing(seen):
        return
    Lane.objects.filter(pk=lane.pk, failing_since=lane.failing_since).update(
        failing_since=min(each.at for each in seen), failing_with=str(error)
    )


def _new(failures: Sequence[_Failed], last_success: datetime) -> list[_Failed]:
    """Leave out messages that had failed before the last success too: others were accepted meanwhile."""
    again = [claim.message_id for claim, _, _ in failures if claim.token > 1]
    tries = Attempt.objects.filter(
        message__in=again, outcome__in=[Outcome.REFUSED, Outcome.UNKNOWN], finished_at__lte=last_success
    )
    old = set(tries.values_list("message", flat=True)) if again else set()
    return [each for each in failures if each[0].message_id not in old]


def is_failing(seen: Sequence[LaneRefusal]) -> bool:
    """Return whether failures with nothing accepted between them are the lane's fault.

    That is so if three messages failed because of the lane, or one kept failing for twenty seconds (an answer
    that may be about that message alone does not count), or five destinations (for a webhook: messages) got
    the same refusal. Throttling is no failure, unless nothing at all gets through for those twenty seconds.
    """
    of_lane = [each for each in seen if each.of_lane]
    if len({each.message_id for each in of_lane if not each.throttled}) >= MESSAGES:
        return True
    times, alike = defaultdict(list), defaultdict(set)
    for each in of_lane:
        if each.unclear:
            continue
        times[each.message_id].append(each.at)
    for each in seen:
        if not each.throttled:
            alike[each.answer].add(each.whom)
    return any(max(each) - min(each) >= LONG for each in times.values()) or any(
        len(each) >= ALIKE for each in alike.values()
    )


def _row(claim: Claim, at: datetime, error: DeliveryError) -> LaneRefusal:
    whom = (
        str(claim.message_id)
        if channels.of(claim.channel).lanes_are_receivers
        else claim.envelope.destination.casefold()
    )
    return LaneRefusal(
        lane_id=claim.lane_id,
        message_id=claim.message_id,
        at=at,
        whom=digest(whom)[:32],
        answer=likeness(error, claim.envelope.destination),
        of_lane=error.about in _OF_LANE,
        unclear=error.about is About.UNKNOWN and not error.lane_fault,
        throttled=error.throttled,
    )


def likeness(error: DeliveryError, destination: str) -> str:
    """Return what identical refusals have in common: the reason and the codes.

    The words are left out, because they name addresses and so differ.
    """
    said = error.detail[:1_000].replace(destination, " ") if destination else error.detail[:1_000]
    return " ".join([error.reason.value, *_first(_CODES.findall(said))])[:100]


def _first(codes: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(codes))[:3]


def sweep(now: datetime) -> None:
    """Clear the mark from lanes that no longer fail, and delete refusals older than an hour."""
    lanes = list(Lane.objects.filter(failing_since__isnull=False))
    health = health_of(lanes, now)
    for lane in lanes:
        if not health[lane.pk].failing_since:
            Lane.objects.filter(pk=lane.pk, failing_since=lane.failing_since).update(
                failing_since=None, failing_with=""
            )
    LaneRefusal.objects.filter(at__lt=now - THE_HOUR).delete()
