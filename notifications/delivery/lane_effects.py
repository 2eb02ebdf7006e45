"""The effect of a round's results on their lanes: failures that use up no retry, and changes of circuits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import connection

from notifications.delivery import breaker, circuits
from notifications.delivery.circuits import Trouble
from notifications.delivery.results import NotStarted, Result
from notifications.lanes import openings
from notifications.models import Lane
from notifications.states import Circuit, Outcome

_MOST_SPARED = 30  # times that a message may be told to come later without using up a retry


def hold(results: Iterable[Result], others: Iterable[int]) -> None:
    """Lock the lanes whose rows this round may change: failed or tried ones, and `others`.

    They are locked in one order and before anything else, so that no two rounds deadlock. Must run inside a
    transaction.
    """
    lanes = {each.claim.lane_id for each in results if each.is_lane_fault or each.claim.trial} | {*others}
    if lanes and connection.features.has_select_for_update:
        # What refers to a lane (a tally, a refusal) may be stored meanwhile.
        list(Lane.objects.select_for_update(no_key=True).filter(pk__in=lanes).order_by("pk").only("pk"))


def open_lanes(results: Iterable[Result]) -> dict[int, Lane]:
    """Return the lanes with failures whose circuits are not closed, by id."""
    failing = {each.claim.lane_id for each in results if each.is_lane_fault}
    return (
        {lane.pk: lane for lane in Lane.objects.filter(pk__in=failing).exclude(circuit=Circuit.CLOSED)}
        if failing
        else {}
    )


def spared(result: Result, lane: Lane | None, now: datetime) -> Result:
    """Return the result, marked as using up no retry if the lane is to blame.

    That requires a message that was surely not received, and either throttling or a lane (given if its
    circuit is open) that delivers nothing. A message that is throttled more than 30 times may be the cause
    itself.
    """
    error, claim = result.error, result.claim
    if error is None or error.outcome != Outcome.REFUSED or not error.lane_fault:
        return result
    in_trouble = lane is not None and not openings.works(lane, now)
    throttled = error.throttled and claim.token - claim.failures <= _MOST_SPARED
    return replace(result, spared=True, parked=in_trouble) if in_trouble or throttled else result


def judge(
    results: Sequence[Result],
    open_before: Mapping[int, Lane],
    troubles: Mapping[int, Trouble],
    *,
    now: datetime,
) -> None:
    """Open circuits, note failures while they are open, and free what works.

    Must run inside the transaction of the results.
    """
    for lane_id, lane in open_before.items():
        failed = [each for each in results if each.claim.lane_id == lane_id and each.is_lane_fault]
        circuits.note_failures(lane_id, {each.claim.envelope.destination for each in failed}, now=now)
        if any(each.claim.trial and each.error and each.error.outcome == Outcome.UNKNOWN for each in failed):
            circuits.rest_after_unknown(lane, now=now)
    answered = [
        each.claim
        for each in results
        if each.claim.trial and not isinstance(each.answer, NotStarted) and not each.is_lane_fault
    ]
    # One of many says as much as all.
    for lane_id, had_failed in dict.fromkeys((claim.lane_id, claim.parked) for claim in answered):
        circuits.delivered(lane_id, had_failed=had_failed, now=now)
        if had_failed:
            breaker.forget(lane_id)
    for lane_id, trouble in troubles.items():
        circuits.open_circuit(lane_id, trouble, now=now)


def throttled(results: Iterable[Result]) -> dict[int, float]:
    """Return the lanes whose providers asked for fewer messages, each with its longest rest in seconds."""
    found: dict[int, float] = {}
    for each in results:
        if each.error and each.error.throttled:
            found[each.claim.lane_id] = max(found.get(each.claim.lane_id, 0.0), each.error.retry_after or 0.0)
    return found
