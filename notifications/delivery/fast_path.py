"""The usual round of a turn in one statement: record the accepted messages and permit the next few.

PostgreSQL only. In five steps the same round takes more than twice the sender's processor time and a quarter
more of the database's: most of the cost of a statement does not depend on how few rows it has.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from notifications import channels
from notifications.channels.base.contract import Receipt
from notifications.database import sql
from notifications.delivery.claims import PERMIT, Claim
from notifications.delivery.results import CLOSE, CLOSE_TYPES, MARK_SENT, Result, closing, keep_late
from notifications.models import WAITS
from notifications.process import this_process
from notifications.rollups import inserts
from notifications.states import Outcome

_FROM_CLOSING = ("started_at", "finished_at", "detail", "provider_id")
_TYPES = {name: CLOSE_TYPES[name] for name in _FROM_CLOSING} | {
    "id": "bigint",
    "attempt_id": "bigint",
    "token": "bigint",
    "lane_id": "bigint",
}
_MARKED = (
    f"FROM {sql.recordset(_TYPES)} WHERE {sql.MESSAGE}.id = ANY({sql.NUMBERS}) AND {sql.MESSAGE}.id = v.id"
)
_ACCEPTED = f"(SELECT *, '{Outcome.ACCEPTED}' outcome, '' failure_reason FROM sent) v"  # noqa: S608 - of ours
_CLOSED = f"FROM {_ACCEPTED} WHERE {sql.ATTEMPT}.id = ANY({sql.NUMBERS}) AND {sql.ATTEMPT}.id = v.attempt_id"
_WAITS = ", ".join(f"COUNT(*) FILTER (WHERE wait = {number}) wait_{number}" for number in range(len(WAITS)))
_COUNTED = f"""(
SELECT lane_id, FLOOR(EXTRACT(EPOCH FROM finished_at) / 60)::integer AS minute, '{Outcome.ACCEPTED}' outcome,
'' reason, COUNT(*) tries, 0 retries, 0 final, COUNT(*) messages, SUM(waited)::bigint waited,
MAX(finished_at) accepted_at, {_WAITS}
FROM (SELECT *, {inserts.WAIT_OF} wait FROM sent) s GROUP BY 1, 2) v
"""  # noqa: S608 - no value of anybody's
# An attempt is closed by what its message has returned, so messages are locked before attempts here too. The
# division by zero takes the whole statement back where a message was marked whose attempt was not open, which
# cannot be.
_ROUND = f"""
WITH sent AS ({MARK_SENT.replace("EACH", _MARKED)} v.*, {inserts.WAITED}),
closed AS ({CLOSE.replace("EACH", _CLOSED)}),
counted AS ({inserts.TO_TALLIES.replace("EACH", _COUNTED)}), permitted AS
({PERMIT.replace("THESE", f"id = ANY({sql.NUMBERS})")})
SELECT ARRAY(SELECT attempt_id FROM sent), ARRAY(SELECT id FROM permitted),
1 / (CASE WHEN (SELECT COUNT(*) FROM sent) = (SELECT COUNT(*) FROM closed) THEN 1 ELSE 0 END)
"""  # noqa: S608 - names of tables and columns


def fits(results: Sequence[Result], claims: Sequence[Claim]) -> bool:
    """Return whether this round is a usual one: on PostgreSQL, and everything accepted at its first try.

    No claim was made while its lane's circuit was open, and nothing to permit goes to our own database.
    """
    return (
        connection.vendor == "postgresql"
        and all(
            isinstance(each.answer, Receipt) and each.claim.token == 1 and not each.claim.trial
            for each in results
        )
        and not any(channels.get(each.channel).inline for each in claims)
    )


def record_and_permit(results: Sequence[Result], claims: Sequence[Claim], *, now: datetime) -> list[Claim]:
    """Record results for which `fits` holds, and return the claims that were permitted.

    Outside a transaction the statement is a transaction of its own.
    """
    moment = sql.moment(now)
    rows = [_row(each) for each in results]
    attempts = [each.claim.attempt_id for each in results]
    asked = [
        *(
            sql.as_json(rows),
            sql.numbers([each.claim.message_id for each in results]),
            sql.numbers(attempts),
            this_process.name(),
        ),
        *(moment, sql.numbers([each.attempt_id for each in claims]), moment),
    ]
    ((recorded, permitted, _),) = sql.select(_ROUND, asked)
    if len(recorded) < len(results):
        for each in results:
            if each.claim.attempt_id not in recorded:
                keep_late(each)
    granted = set(permitted)
    return [each for each in claims if each.attempt_id in granted]


def _row(result: Result) -> dict[str, object]:
    row, claim = closing(result), result.claim
    about = {"id": claim.message_id, "attempt_id": row["id"], "token": claim.token, "lane_id": claim.lane_id}
    return {name: row[name] for name in _FROM_CLOSING} | about
