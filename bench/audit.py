"""The audit of a run: the database compared with what the providers really got.

`python -m bench.audit JOURNALS KEYS` prints a report. JOURNALS are directories, separated by colons. The
invariants are numbered as in docs/faults.md.
"""

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import django

CHANNELS = ("EMAIL", "SMS", "WEB_HOOK")
MOST_TRIES = 6
MOST_ABANDONS = 3


def audit(journals: Sequence[Path], keys: list[str]) -> dict[str, Any]:
    """Check every invariant. `keys` are the messages that were accepted. Needs a configured Django."""
    from bench import counts
    from notifications.models import Message

    messages = {message.key: message for message in Message.objects.prefetch_related("attempts")}
    numbered = {each.provider_id: each.key.hex for each in messages.values() if each.type == "SMS"}
    receipts = _receipts(journals, numbered)
    broken: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        if UUID(key) not in messages:
            broken["I1 lost"].append(key)
    for message in messages.values():
        for name in _broken_by(message, [at for each in _names_of(message) for at in receipts[each]]):
            broken[name].append(message.key.hex)
    known = {name for message in messages.values() for name in _names_of(message)}
    broken["I2 unlogged"] += [str(name) for name in receipts if name not in known]
    broken["I10 counted otherwise than the attempts say"] = counts.wrong()
    attempts = [attempt for message in messages.values() for attempt in message.attempts.all()]
    return {
        "broken": {name: found for name, found in broken.items() if found},
        "messages": len(messages),
        "states": dict(Counter(message.state for message in messages.values())),
        "attempts": dict(Counter(attempt.outcome or "open" for attempt in attempts)),
        "by attempts and by counts": counts.compared(),
        "late": sum(bool(attempt.late_at) for attempt in attempts),
        "received_twice": sum(len(times) > 1 for times in receipts.values()),
        "possible_duplicates": sum(message.possible_duplicate for message in messages.values()),
        "outcome_unknown": sum(message.outcome == "UNKNOWN" for message in messages.values()),
    }


def _receipts(journals: Sequence[Path], numbered: Mapping[str, str]) -> dict[tuple[str, str], list[datetime]]:
    """Return when each message was received, by channel and key.

    An SMS carries no key: it is identified by the number that the gateway gave it, else by its destination.
    """
    found: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for channel, path in [(each, journal / f"{each}.jsonl") for journal in journals for each in CHANNELS]:
        for line in path.read_text().splitlines() if path.exists() else []:
            entry = json.loads(line)
            if channel == "SMS":
                name = numbered.get(entry["sid"], entry["destination"])
            else:
                name = UUID(entry["key"]).hex
            found[channel, name].append(datetime.fromisoformat(entry["at"]))
    return found


def _names_of(message: Any) -> list[tuple[str, str]]:
    names = [(message.type, message.key.hex)]
    return [*names, (message.type, message.destination)] if message.type == "SMS" else names


def _broken_by(message: Any, receipts: list[datetime]) -> list[str]:
    attempts = list(message.attempts.all())
    flagged = message.possible_duplicate or message.outcome == "UNKNOWN"
    counted = [attempt for attempt in attempts if attempt.outcome != "ABANDONED"]
    checks = {
        "I1 not final": message.state not in ("SENT", "FAILED"),
        "I2 received before its attempt": any(
            not any(a.opened_at <= at for a in attempts) for at in receipts
        ),
        "I3 unmarked duplicate": len(receipts) > 1 and not message.possible_duplicate,
        "I4 sent but never received": message.state == "SENT"
        and not receipts
        and message.type != "EVENT_STREAM",
        "I4 failed for sure but received": message.state == "FAILED"
        and message.outcome != "UNKNOWN"
        and bool(receipts),
        "I5 unknown and not marked": any(a.outcome == "UNKNOWN" for a in attempts) and not flagged,
        "I5 open attempt of a final message": message.is_final and any(not a.outcome for a in attempts),
        "I6 final with a claim": message.is_final
        and (message.lease_until is not None or message.due_at is not None),
        "I7 overlapping attempts": any(_overlap(earlier, later) for earlier, later in pairwise(attempts)),
        "I7 numbers with gaps": [a.number for a in attempts] != list(range(1, len(attempts) + 1)),
        "I7 too many tries": len(counted) > MOST_TRIES
        or len(attempts) - len(counted) > MOST_ABANDONS + MOST_TRIES,
        "I9 SMS twice": message.type == "SMS" and len(receipts) > 1,
    }
    return [name for name, is_broken in checks.items() if is_broken]


def _overlap(earlier: Any, later: Any) -> bool:
    if earlier.outcome in ("UNKNOWN", "ABANDONED") or later.started_at is None:
        return False
    return earlier.finished_at is None or later.started_at < earlier.finished_at


def main() -> int:
    """Audit the database of DATABASE_URL."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commlog.settings")
    django.setup()
    journals, keys = list(map(Path, sys.argv[1].split(":"))), Path(sys.argv[2]).read_text().split()
    report = audit(journals, keys)
    print(json.dumps(report))
    return 1 if report["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
