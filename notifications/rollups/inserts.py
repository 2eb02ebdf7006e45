"""Adding counts to rows that may exist already, on SQLite and PostgreSQL."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from notifications.database import sql
from notifications.models import WAITS, LaneHour, LaneTally

SUMS = LaneTally.SUMS
_TALLIED = (*SUMS, "messages")


class Key(NamedTuple):
    """The key of a count's row, except for the worker."""

    lane_id: int
    minute: int
    outcome: str
    reason: str


TYPES = {
    "lane_id": "bigint",
    "minute": "integer",
    "outcome": "text",
    "reason": "text",
    "accepted_at": "timestamptz",
    **{name: "bigint" if name == "waited" else "integer" for name in _TALLIED},
}


def _adding(table: str, columns: str, values: str, key: str, sums: Sequence[str], more: str = "") -> str:
    # WHERE 1 = 1: without it, SQLite reads ON CONFLICT as the condition of a join.
    names = ", ".join(sums)
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    found = ", ".join(f"v.{name}" for name in sums)
    return f"""
INSERT INTO {table} ({columns}, {names}) SELECT {values}, {found} FROM EACH WHERE 1 = 1
ON CONFLICT ({key}) DO UPDATE SET {added}{more}
"""  # noqa: S608 - names of tables


_TALLY, _HOUR = LaneTally._meta.db_table, LaneHour._meta.db_table
# Its first parameter is the worker.
TO_TALLIES = _adding(
    _TALLY,
    "worker, lane_id, minute, outcome, reason, accepted_at",
    "%s, v.lane_id, v.minute, v.outcome, v.reason, v.accepted_at",
    "lane_id, minute, worker, outcome, reason",
    _TALLIED,
    ", accepted_at = CASE WHEN excluded.accepted_at IS NULL OR excluded.accepted_at < "
    f"{_TALLY}.accepted_at THEN {_TALLY}.accepted_at ELSE excluded.accepted_at END",
)
_TO_HOURS = _adding(
    _HOUR,
    "lane_id, minute, outcome, reason",
    "v.lane_id, v.minute, v.outcome, v.reason",
    "minute, lane_id, outcome, reason",
    SUMS,
)


def to_tallies(
    counts: Mapping[Key, Counter[str]], accepted: Mapping[Key, datetime], worker: str
) -> sql.Insert:
    """Return the insert that adds counts to a worker's rows. `accepted`: the last success of some of them."""
    rows = [
        _row(key, count, _TALLIED)
        | {"accepted_at": str(sql.moment(accepted[key])) if key in accepted else None}
        for key, count in sorted(counts.items())
    ]
    return sql.Insert(TO_TALLIES, rows, TYPES, [worker])


def to_hours(counts: Mapping[Key, Counter[str]]) -> None:
    """Add counts to rows of hours, in one order, so that two callers do not deadlock."""
    if not counts:
        return
    types = {name: TYPES[name] for name in (*Key._fields, *SUMS)}
    sql.insert(
        sql.Insert(_TO_HOURS, [_row(key, count, SUMS) for key, count in sorted(counts.items())], types)
    )


def _row(key: Key, count: Counter[str], names: Iterable[str]) -> dict[str, Any]:
    return key._asdict() | {name: count[name] for name in names}


def waited(count: Counter[str], created_at: datetime, at: datetime) -> None:
    """Count a message's wait from its creation to its acceptance by the provider."""
    milliseconds = milliseconds_between(created_at, at)
    count["waited"] += milliseconds
    if (column := wait_of(milliseconds)) < len(WAITS):
        count[f"wait_{column}"] += 1


def milliseconds_between(created_at: datetime, at: datetime) -> int:
    """Return whole milliseconds, at least 0: the clocks of two machines may differ."""
    return max(0, (at - created_at) // timedelta(milliseconds=1))


# The same of `message.created_at` and `v.finished_at`, and of `waited`, for PostgreSQL.
WAITED = (
    f"GREATEST(0, FLOOR(EXTRACT(EPOCH FROM v.finished_at - {sql.MESSAGE}.created_at) * 1000))::bigint waited"
)
WAIT_OF = f"width_bucket(waited / 1000.0, ARRAY{list(WAITS)}::numeric[])"


def wait_of(milliseconds: int) -> int:
    """Return the index of the first of WAITS that is longer than the wait; len(WAITS) if none is."""
    return bisect_right(WAITS, milliseconds / 1000)
