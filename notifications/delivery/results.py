"""Recording of results: close the attempt and settle its message, both guarded by the claim's token."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F

from notifications import channels
from notifications.channels.base.contract import Accepted, DeliveryError, Failure, Receipt
from notifications.database import sql
from notifications.delivery import lane_failures, tallies
from notifications.delivery.claims import Claim
from notifications.delivery.deactivation import retire
from notifications.delivery.lane_failures import Try
from notifications.delivery.reports import GRACE, Standing, standing
from notifications.delivery.tallies import Ended
from notifications.delivery.verdict import LONGEST_RETRY_AFTER, Verdict, judge
from notifications.failures import Reason
from notifications.failures.meanings import stored
from notifications.models import Attempt, Message, SealedValues
from notifications.states import MessageState, Outcome, WaitingReason

MOST_ABANDONS = 3  # a message that kills its worker each time must not do so for ever
_POISON = f"{MOST_ABANDONS} senders in a row were lost before they could send this message."
_REST = 1.0  # seconds before a message is tried again whose provider asked for fewer
_LONGEST_DETAIL = 8_192  # characters of a provider's answer that are kept

# `|| ''` keeps the indexes over states out of it: a batch is found by its ids, not among all that is under
# way.
_STILL_MINE = f"{sql.MESSAGE}.state || '' = '{MessageState.SENDING_ASYNC}'"
_LOCK = f"SELECT id, token, created_at FROM {sql.MESSAGE} WHERE THESE AND {_STILL_MINE} ORDER BY id"  # noqa: S608 - names of tables
MARK_SENT = f"""
UPDATE {sql.MESSAGE} SET state = '{MessageState.SENT}', sent_at = v.finished_at, lease_until = NULL, outcome =
'{Outcome.ACCEPTED}',
failure_reason = '', failure_cause = '', provider_id = v.provider_id
EACH AND {sql.MESSAGE}.token = v.token AND {_STILL_MINE} RETURNING """  # noqa: S608
_SENT_TYPES = {"id": "bigint", "token": "bigint", "finished_at": "timestamptz", "provider_id": "text"}
CLOSE = f"""
UPDATE {sql.ATTEMPT} SET outcome = v.outcome, started_at = v.started_at, finished_at = v.finished_at,
failure_reason = v.failure_reason,
detail = v.detail, provider_id = v.provider_id EACH AND {sql.ATTEMPT}.outcome || '' = '' RETURNING
{sql.ATTEMPT}.id
"""  # noqa: S608
CLOSE_TYPES = {
    "id": "bigint",
    "outcome": "text",
    "started_at": "timestamptz",
    "finished_at": "timestamptz",
    "failure_reason": "text",
    "detail": "text",
    "provider_id": "text",
}


@dataclass(frozen=True, slots=True)
class NotStarted:
    """An answer that means nothing was sent: the message is due again after `wait`.

    `suspect`: the message itself may be the cause, which is counted.
    """

    why: str = "Given back: the claim would have run out before the call could begin."
    wait: timedelta = timedelta()
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one call, and when the call really began and ended."""

    claim: Claim
    answer: Receipt | Accepted | DeliveryError | NotStarted
    started_at: datetime
    finished_at: datetime
    # Failed because its lane is in trouble or was told to slow down: it uses up no retry.
    spared: bool = False
    parked: bool = False  # and waits apart from the rest of its lane

    @property
    def error(self) -> DeliveryError | None:
        """The failure, or None."""
        return self.answer if isinstance(self.answer, DeliveryError) else None

    @property
    def is_lane_fault(self) -> bool:
        """Whether it failed because of its lane."""
        return self.error is not None and self.error.lane_fault


def record(results: Sequence[Result]) -> None:
    """Record results. One whose attempt was closed meanwhile is kept as a late result.

    Must run inside a transaction.
    """
    if not results:
        return
    # Messages are locked before attempts, as everywhere: else two workers could wait for each other.
    mine = _mark_sent([each for each in results if isinstance(each.answer, Receipt)])
    mine |= _lock([each for each in results if not isinstance(each.answer, Receipt)])
    live: list[Result] = []
    for each in results:
        if (each.claim.message_id, each.claim.token) in mine:
            live.append(each)
        else:
            keep_late(each)
    tries = [
        Try(each.claim, each.finished_at, each.error)
        for each in live
        if not isinstance(each.answer, NotStarted)
    ]
    verdicts = {
        each.claim.attempt_id: _verdict(each.claim, each.error, each.finished_at)
        for each in live
        if each.error and not each.spared
    }
    _close_attempts(
        live,
        tallies.counted(
            [
                _ended(
                    each, mine[each.claim.message_id, each.claim.token], verdicts.get(each.claim.attempt_id)
                )
                for each in live
            ]
        ),
    )
    lane_failures.note(tries)
    for each in live:
        if isinstance(each.answer, Accepted):
            _await_receipt(each.claim, each.answer, each.finished_at)
        elif isinstance(each.answer, DeliveryError) and each.spared:
            rest = (
                min(max(_REST, each.answer.retry_after or 0.0), LONGEST_RETRY_AFTER)
                if each.answer.throttled
                else 0.0
            )
            _spare(
                each.claim, each.answer, due_at=each.finished_at + timedelta(seconds=rest), parked=each.parked
            )
        elif isinstance(each.answer, DeliveryError):
            if each.answer.gone and each.claim.template_id:
                retire(each.claim.template_id)
            _move(each.claim, verdicts[each.claim.attempt_id], each.answer, each.finished_at)
        elif isinstance(each.answer, NotStarted):
            put_back = abandon if each.answer.suspect else give_back
            put_back(each.claim, due_at=each.finished_at + each.answer.wait)
    SealedValues.objects.wipe([each.claim.message_id for each in live if each.claim.envelope.secrets])


def _ended(result: Result, created_at: datetime, verdict: Verdict | None) -> Ended:
    outcome, reason, _, _ = _summary(result.answer)
    final = verdict is not None and verdict.due_at is None
    called = not isinstance(result.answer, NotStarted)
    return Ended(
        result.claim, result.finished_at, outcome, reason, final=final, called=called, created_at=created_at
    )


def _await_receipt(claim: Claim, answer: Accepted, accepted_at: datetime) -> None:
    """Leave the message under way, claimed by no worker, until its receipt comes.

    The receipt may have overtaken the answer.
    """
    due = accepted_at + timedelta(seconds=settings.RECEIPT_TIMEOUT)
    provider_id = answer.provider_id[:200]
    _change(
        claim,
        provider_id=provider_id,
        receipt_due_at=due,
        receipt_status="",
        receipt_at=None,
        failure_reason="",
        failure_cause="",
    )
    conclude(claim, standing(claim.message_id, provider_id), now=accepted_at, due_at=due)


def conclude(claim: Claim, found: Standing, *, now: datetime, due_at: datetime) -> None:
    """Move a message that awaits its receipt to SENT, or on as after a failed attempt, or let it wait."""
    seen: dict[str, Any] = {"receipt_status": found.status, "receipt_at": found.at}
    if found.sent_at:
        _change(claim, state=MessageState.SENT, sent_at=found.sent_at, outcome=Outcome.ACCEPTED, **seen)
    elif found.refused and (found.lost_at is None or due_at <= now):
        _change(claim, receipt_due_at=None, **seen)
        if settle(claim, found.refused, finished_at=now):
            tallies.count_failed(claim.lane_id, now)
    elif found.lost_at:
        _change(claim, receipt_due_at=min(due_at, found.lost_at + GRACE), **seen)
    elif due_at <= now:
        _change(claim, state=MessageState.SENT, sent_at=_accepted_at(claim) or now, outcome=Outcome.ACCEPTED)


def _accepted_at(claim: Claim) -> datetime | None:
    accepted = Attempt.objects.filter(message=claim.message_id, token=claim.token, outcome=Outcome.ACCEPTED)
    return accepted.values_list("finished_at", flat=True).first()


def settle(claim: Claim, error: DeliveryError, *, finished_at: datetime) -> bool:
    """Move a message on after a failed attempt: WAITING for its retry, or FAILED.

    Returns whether it is FAILED.
    """
    verdict = _verdict(claim, error, finished_at)
    _move(claim, verdict, error, finished_at)
    return verdict.due_at is None


def _verdict(claim: Claim, error: DeliveryError, finished_at: datetime) -> Verdict:
    return judge(
        error,
        failures=claim.failures,
        outcome=claim.outcome,
        possible_duplicate=claim.possible_duplicate,
        policy=settings.RETRY_POLICIES.get(claim.channel),
        finished_at=finished_at,
        chance=random.random(),  # noqa: S311 - jitter, not a secret
    )


def _spare(claim: Claim, error: DeliveryError, *, due_at: datetime, parked: bool) -> None:
    """Put the message back among those that wait for their lane."""
    waiting = {"state": MessageState.WAITING, "waiting_reason": WaitingReason.WAIT_FOR_CLOSE_CIRCUIT}
    times = {"due_at": due_at, "parked_at": due_at if parked else None}
    outcome = claim.outcome or Outcome.REFUSED
    _change(
        claim,
        **waiting,
        **times,
        outcome=outcome,
        failure_reason=error.reason,
        failure_cause=error.detail[:_LONGEST_DETAIL],
    )


def give_back(claim: Claim, *, due_at: datetime) -> None:
    """Make a message that was not sent due again; no retry is used up."""
    _change(claim, state=MessageState.WAITING, waiting_reason=WaitingReason.READY_TO_BE_SENT, due_at=due_at)


def abandon(claim: Claim, *, due_at: datetime) -> None:
    """Make a message due again whose sender was lost before sending it.

    The third time it fails for good, since it may be what kills its senders.
    """
    mine = Message.objects.filter(pk=claim.message_id, token=claim.token)
    mine.update(abandons=F("abandons") + 1)
    if mine.filter(abandons__lt=MOST_ABANDONS).exists():
        give_back(claim, due_at=due_at)
    else:
        _fail(claim, DeliveryError(Reason.OTHER, _POISON, kind=Failure.NEVER))
        tallies.count_failed(claim.lane_id, due_at, outcome=Outcome.ABANDONED)


def _fail(claim: Claim, error: DeliveryError) -> None:
    """Fail a message that was never sent, with no further try counted."""
    outcome = claim.outcome or Outcome.REFUSED
    _change(
        claim,
        state=MessageState.FAILED,
        outcome=outcome,
        failure_reason=error.reason,
        failure_cause=error.detail,
        **_meant(claim, error),
    )


def _meant(claim: Claim, error: DeliveryError) -> dict[str, Any]:
    """Return the stored fields for the meaning of a final failure."""
    return stored(channels.meaning_of(claim.channel, error.reason, error.detail, error.outcome))


def _move(claim: Claim, verdict: Verdict, error: DeliveryError, finished_at: datetime) -> None:
    waiting = verdict.due_at is not None
    failed_at = None if waiting or error.kind is Failure.NEVER else finished_at
    _change(
        claim,
        state=MessageState.WAITING if waiting else MessageState.FAILED,
        waiting_reason=WaitingReason.READY_TO_BE_SENT if waiting else "",
        due_at=verdict.due_at,
        failures=verdict.failures,
        outcome=verdict.outcome,
        possible_duplicate=verdict.possible_duplicate,
        failure_reason=error.reason,
        failure_cause=error.detail[:_LONGEST_DETAIL],
        failed_at=failed_at,
        **({} if waiting else _meant(claim, error)),
    )


def _change(claim: Claim, **fields: Any) -> None:
    mine = Message.objects.filter(pk=claim.message_id, token=claim.token, state=MessageState.SENDING_ASYNC)
    # Its attempt was open and is locked: nobody else may have moved it.
    if mine.update(lease_until=None, **fields) != 1:
        raise RuntimeError(f"message {claim.message_id} moved under an open attempt")


def _mark_sent(results: Sequence[Result]) -> dict[tuple[int, int], datetime]:
    """Mark messages that are still this worker's as SENT.

    Returns when they were created, by message id and token.
    """
    rows = [
        {
            "id": each.claim.message_id,
            "token": each.claim.token,
            "finished_at": str(sql.moment(each.finished_at)),
            "provider_id": _summary(each.answer)[3],
        }
        for each in results
    ]
    columns = ", ".join(f"{sql.MESSAGE}.{name}" for name in ("id", "token", "created_at"))
    return _mine(sql.update_each(sql.MESSAGE, f"{MARK_SENT}{columns}", rows, _SENT_TYPES))


def _lock(results: Sequence[Result]) -> dict[tuple[int, int], datetime]:
    """Lock messages that are still this worker's.

    Returns when they were created, by message id and token.
    """
    if not results:
        return {}
    these, which = sql.these("id", [each.claim.message_id for each in results])
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    return _mine(sql.select(_LOCK.replace("THESE", these) + lock, [which]))


def _mine(rows: Iterable[tuple[Any, ...]]) -> dict[tuple[int, int], datetime]:
    return {(pk, token): sql.read_moment(created_at) for pk, token, created_at in rows}


def _close_attempts(results: Sequence[Result], tally: sql.Insert | None) -> None:
    rows = [closing(each) for each in results]
    if (hit := len(sql.update_each(sql.ATTEMPT, CLOSE, rows, CLOSE_TYPES, also=tally))) != len(rows):
        raise RuntimeError(f"{hit} of {len(rows)} open attempts were closed")


def closing(result: Result) -> dict[str, Any]:
    """Return the values that close the result's attempt, as a row for `sql`."""
    outcome, reason, detail, provider_id = _summary(result.answer)
    return {
        "id": result.claim.attempt_id,
        "outcome": outcome,
        "started_at": None if isinstance(result.answer, NotStarted) else str(sql.moment(result.started_at)),
        "finished_at": str(sql.moment(result.finished_at)),
        "failure_reason": reason,
        "detail": detail,
        "provider_id": provider_id,
    }


def _summary(answer: Receipt | Accepted | DeliveryError | NotStarted) -> tuple[str, str, str, str]:
    match answer:
        case Receipt() | Accepted():
            return Outcome.ACCEPTED.value, "", answer.detail[:_LONGEST_DETAIL], answer.provider_id[:200]
        case DeliveryError():
            return answer.outcome.value, answer.reason.value, answer.detail[:_LONGEST_DETAIL], ""
        case NotStarted():
            return Outcome.ABANDONED.value, "", answer.why, ""


def keep_late(result: Result) -> None:
    """Store a result on its attempt although the message was no longer this worker's.

    Only on an attempt that was closed without a result: if a commit succeeded but the connection was lost,
    the result is already recorded.
    """
    outcome, _, detail, provider_id = _summary(result.answer)
    closed_without = Attempt.objects.filter(
        pk=result.claim.attempt_id, outcome__in=[Outcome.UNKNOWN, Outcome.ABANDONED], late_at=None
    )
    closed_without.update(
        late_outcome=outcome, late_detail=detail, late_at=result.finished_at, provider_id=provider_id
    )
