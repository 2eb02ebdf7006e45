"""The trial of an outage: its data, and each promise checked.

Promises are compared with the rows, the pages and the providers.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench import clerk
from bench.clerk import Clerk
from bench.run import Run
from bench.standins import StandIns
from commlog.demo.standins import CHANNELS

OPENED = TOLD = 30.0  # seconds after the outage began
DELIVERED = 20.0  # seconds after the repair, or after the action
WITHIN = 300.0  # seconds in which all has to be final
# Of messages after this one: their ids, channels, destinations, states, when they were sent and failed.
_ROWS = """SELECT json_agg(json_build_object('id', id, 'channel', type, 'to', destination, 'state', state,
'sent', extract(epoch FROM sent_at), 'failed', extract(epoch FROM failed_at), 'made', extract(epoch FROM
created_at), 'of', resend_of_id, 'outcome', outcome, 'level', failure_level, 'lane', lane_id, 'twice',
possible_duplicate, 'key', replace(key::text, '-', ''), 'event', event)) FROM notifications_message
WHERE id > {}"""
_INCIDENTS = """SELECT json_agg(json_build_object('id', i.id, 'opened', extract(epoch FROM i.opened_at),
'closed', extract(epoch FROM i.closed_at), 'lanes', (SELECT json_agg(json_build_object('lane', p.lane_id,
'name', l.name, 'began', extract(epoch FROM p.began_at), 'opened', extract(epoch FROM p.opened_at),
'recovered', extract(epoch FROM p.recovered_at))) FROM notifications_incidentlane p JOIN notifications_lane l
ON l.id = p.lane_id WHERE p.incident_id = i.id)) ORDER BY i.id) FROM notifications_incident i
WHERE i.opened_at > to_timestamp({})"""
_ITEMS = """SELECT json_agg(json_build_object('of', message_id, 'outcome', outcome)) FROM commlog_jobitem
WHERE job_id = (SELECT max(id) FROM commlog_job)"""
_JOB = "SELECT extract(epoch FROM created_at)::float FROM commlog_job ORDER BY id DESC LIMIT 1"
ALL_PENDING = (
    "SELECT count(*) FROM notifications_message WHERE (due_at IS NOT NULL OR lease_until IS NOT NULL)"
)
_PENDING = f"{ALL_PENDING} AND destination NOT LIKE '%@nobody.%'"


@dataclass(slots=True)
class Trial:
    """An outage: when it began and was repaired, and the id of the last message before it."""

    run: Run
    clerk: Clerk
    others: StandIns
    kind: str
    before: int
    kills: bool
    began: float = field(default_factory=time.time)
    repaired: float = 0.0

    def rows(self) -> list[dict[str, Any]]:
        """Return the messages since then, without alerts."""
        found: list[dict[str, Any]] = self.run.ask(_ROWS.format(self.before))[0] or []
        return [row for row in found if row["event"] != "ALERT"]

    def incidents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.run.ask(_INCIDENTS.format(self.began))[0] or []
        return found

    def told(self, words: str) -> float:
        """Return the seconds from the beginning to the first alert with these words."""
        times = [_moment(mail["at"]) for mail in self.others.journal("EMAIL") if words in mail["subject"]]
        return min((at - self.began for at in times if at > self.began), default=float("inf"))

    def says(self, kept: bool, words: str) -> None:
        """Print a promise with its figure."""
        print(f"  {'✓' if kept else '✗'} {self.kind}: {words}", flush=True)
        self.run.promise(kept, f"{self.kind}: {words}")

    def kill(self) -> None:
        """Kill every process of the senders with SIGKILL, and restart them, as a service manager would."""
        if self.kills:
            self.run.kill_all()
            self.run.start()


def told(it: Trial, working: Sequence[str]) -> None:
    found = it.incidents()
    it.says(len(found) == 1, f"{len(found)} incident, of {len(found[0]['lanes']) if found else 0} lanes")
    if not found:
        return
    opened = found[0]["opened"] - it.began
    it.says(opened <= OPENED, f"opened {opened:.1f} s after the outage began")
    for part in found[0]["lanes"]:
        early = part["began"] - it.began
        it.says(
            early >= -1,
            f"{part['name']}: first failure {early:+.1f} s, opened {part['opened'] - it.began:.1f} s",
        )
    told = it.told("failing")
    it.says(told <= TOLD, f"told by the second mail server {told:.1f} s after the outage began")
    it.says(not working, f"no page says Working meanwhile {dict(Counter(working).most_common(3)) or ''}")
    until_closed(it)
    over = it.told("recovered") - (it.repaired - it.began)
    it.says(over < WITHIN, f"recovery told {over:.1f} s after the repair")


def nothing_lost(it: Trial) -> None:
    """Check that all messages to existing addresses are sent, except SMS of unknown outcome.

    Killed senders leave those.
    """
    rows = it.rows()
    dead, others = [row for row in rows if is_dead(row)], [row for row in rows if not is_dead(row)]
    unknown = [row for row in others if row["outcome"] == "UNKNOWN" and row["channel"] == "SMS"]
    lost = [row for row in others if row["state"] != "SENT" and row not in unknown]
    it.says(
        not lost and (it.kills or not unknown),
        f"{len(others):,} of {len(rows):,} are not dead, of these {len(lost)} not delivered"
        + (f" and {len(unknown)} SMS said to be of unknown outcome" if unknown else ""),
    )
    it.says(
        {(row["state"], row["level"]) for row in dead} == {("FAILED", "ADDRESS")},
        f"{len(dead)} to dead addresses failed: the address does not exist",
    )


def resend(it: Trial, **fields: str) -> dict[str, Any]:
    """Resend from the dashboard in two actions. Returns when the button was pressed."""
    page = it.clerk.open_incident(it.clerk.begin())
    at = time.time()
    it.clerk.resend(page, **fields)
    it.says(it.clerk.actions <= 3, f"{it.clerk.actions} actions from the dashboard to the resend")
    return {"at": at, "job": it.run.ask(_JOB)[0]}


def resent(it: Trial, action: dict[str, Any]) -> None:
    """Check which messages were resent, each once.

    They must be exactly those that had failed until then and cannot have arrived.
    """
    rows = it.rows()
    wanted = {
        row["id"]
        for row in rows
        if row["failed"] and row["failed"] <= action["job"] and not row["of"]
        if row["outcome"] != "UNKNOWN" and row["level"] != "ADDRESS"
    }
    items = it.run.ask(_ITEMS)[0] or []
    chosen = Counter(item["of"] for item in items)
    again = Counter(row["of"] for row in rows if row["of"])
    it.says(
        set(chosen) == wanted and again == Counter(wanted),
        f"{len(items):,} resent by one action, {sum(again.values()):,} new messages of {len(again):,}, "
        f"{len(wanted - set(again))} forgotten, {len(set(again) - wanted)} that should not",
    )
    dead = sum(is_dead(row) for row in rows if row["id"] in again)
    it.says(dead == 0, f"{dead} of {sum(map(is_dead, rows))} to dead addresses resent")
    left = [row for row in rows if row["of"] and row["state"] != "SENT"]
    it.says(not left or it.kills, f"{len(left)} of the resent not delivered")
    last = max((row["sent"] for row in rows if row["of"] and row["sent"]), default=0)
    it.says(
        it.kills or last - action["at"] <= DELIVERED,
        f"last resent delivered {last - action['at']:.1f} s after the action",
    )
    _adds_up(it, rows)


def _adds_up(it: Trial, rows: Sequence[dict[str, Any]]) -> None:
    """Compare the figures of the page with those of the rows."""
    said = clerk.numbers(it.clerk.open_incident(it.clerk.begin()))
    parts = {part["lane"]: part for incident in it.incidents() for part in incident["lanes"]}
    sent = {row["of"] for row in rows if row["state"] == "SENT"}
    unknown = {row["of"] or row["id"] for row in rows if row["outcome"] == "UNKNOWN"}
    failed = [
        row
        for row in rows
        if row["state"] == "FAILED" and not row["of"] and row["lane"] in parts
        if parts[row["lane"]]["began"] <= row["failed"] <= (parts[row["lane"]]["recovered"] or 1e12)
    ]
    counted = {
        "failed permanently": len(failed),
        "delivered since": sum(row["id"] in sent for row in failed),
        "still not delivered": 0,
        "may have been delivered": sum(row["id"] in unknown - sent for row in failed),
        "have an address that does not exist": sum(row["level"] == "ADDRESS" for row in failed),
    }
    counted["still not delivered"] = 2 * counted["failed permanently"] - sum(counted.values())
    wrong = {
        words: (said.get(words, 0), number)
        for words, number in counted.items()
        if said.get(words, 0) != number
    }
    it.says(not wrong, f"the report adds up: {said}" + (f", but {wrong} (page, rows)" if wrong else ""))
    it.says(counted["still not delivered"] == 0, f"{counted['still not delivered']} left that can be resent")


def once(it: Trial) -> None:
    marked = {row["key"] for row in it.rows() if row["twice"]}
    those_of = it.run.installation.providers.journal
    got = [each for name in CHANNELS for each in those_of(name) if _moment(each["at"]) >= it.began]
    those = Counter(e["key"].replace("-", "") if e["channel"] != "SMS" else e["destination"] for e in got)
    resent = {row["to"] for row in it.rows() if row["of"] and row["channel"] == "SMS"}
    twice = [key for key, number in those.items() if number > 1]
    bad = [key for key in twice if key not in marked]
    it.says(
        not bad, f"{len(twice)} received twice, {len(bad)} of them not marked ({len(resent):,} SMS resent)"
    )


def is_dead(row: dict[str, Any]) -> bool:
    return "@nobody." in row["to"]


def until_final(it: Trial, pending: str = _PENDING) -> None:
    end = time.time() + WITHIN
    while it.run.ask(pending)[0]:
        if time.time() > end:
            it.says(False, f"not all is final: {it.run.ask(pending)[0]} left")
            return
        time.sleep(0.25)


def until_closed(it: Trial) -> None:
    end = time.time() + 60
    while any(each["closed"] is None for each in it.incidents()) and time.time() < end:
        time.sleep(1.0)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()
