"""python -m bench.stream_audit DIRECTORY: compares the journals of readers with the database.

Prints what was found, and which promise was broken: each event is read, in the order of its recipient's
messages, none is skipped, and none comes again that was committed.
"""

import json
import os
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import django


def main(directory: Path) -> None:
    """Check everything and print the result."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commlog.settings")
    django.setup()
    stored = _stored()
    entries = sorted(
        (each for path in directory.glob("*.jsonl") for each in _read(path)), key=lambda each: each["at"]
    )
    broken: Counter[str] = Counter()
    _check_stored(stored, broken)
    received = _check_read(stored, entries, broken)
    _check_starts(entries, broken)
    events = sum(map(len, stored.values()))
    found = {
        "events": events,
        "partitions": len(stored),
        "readings": sum(received.values()),
        "again": sum(received.values()) - len(received),
        "streams": sum(each["what"] == "open" for each in entries),
        "refused: no free slot": sum(
            each.get("status") == 409 and each["what"] == "refused" for each in entries
        ),
        "killed": [each["how"] for each in entries if each["what"] == "dies"],
        "read": len(received),
        "broken": dict(broken),
    }
    print(json.dumps(found))


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def _stored() -> dict[str, list[tuple[int, str, dict[str, Any]]]]:
    """Return offset, key and body of every event, in order, by partition."""
    from notifications.models import StreamEvent

    found: dict[str, list[tuple[int, str, dict[str, Any]]]] = defaultdict(list)
    rows = StreamEvent.objects.order_by("partition", "offset").values_list(
        "partition__topic__name", "partition__number", "offset", "key", "body"
    )
    for topic, number, offset, key, body in rows.iterator():
        found[f"{topic} {number}"].append((offset or 0, str(key), json.loads(body)))
    return found


def _check_stored(stored: dict[str, list[tuple[int, str, dict[str, Any]]]], broken: Counter[str]) -> None:
    """Check offsets, recipients and messages of the stored events.

    There must be no gap between offsets, a recipient in one partition of a topic and in the order of its
    messages, and each message SENT by one attempt.
    """
    from notifications.models import Attempt, Message
    from notifications.states import MessageState

    places: dict[tuple[str, int], set[str]] = defaultdict(set)
    for place, events in stored.items():
        broken["gaps between offsets"] += [offset for offset, _, _ in events] != list(range(len(events)))
        numbers: dict[int, int] = {}
        for _, _, body in events:
            recipient, number = body["recipient"], body["number"]
            broken["out of a recipient's order"] += numbers.get(recipient, -1) >= number
            numbers[recipient] = number
            places[place.rpartition(" ")[0], recipient].add(place)
    broken["recipients in two partitions"] += sum(len(each) > 1 for each in places.values())
    broken["messages not SENT"] += Message.objects.exclude(state=MessageState.SENT).count()
    broken["messages without an event, or events without a message"] += abs(
        Message.objects.count() - sum(map(len, stored.values()))
    )
    broken["attempts beside the first"] += abs(Attempt.objects.count() - Message.objects.count())


def _check_read(
    stored: dict[str, list[tuple[int, str, dict[str, Any]]]],
    entries: list[dict[str, Any]],
    broken: Counter[str],
) -> Counter[str]:
    """Check that each event is read as stored, and again only if no commit of it was answered before."""
    known = {place: {offset: key for offset, key, _ in events} for place, events in stored.items()}
    received: Counter[str] = Counter()
    committed: dict[str, int] = {}
    for entry in entries:
        if entry["what"] == "committed" and entry["status"] == 204:
            committed[entry["place"]] = max(entry["offset"], committed.get(entry["place"], -1))
        elif entry["what"] == "got":
            place, last, keys = entry["place"], entry["offset"], entry["keys"]
            first = last - len(keys) + 1
            broken["not as it is stored"] += [known[place].get(first + n) for n in range(len(keys))] != keys
            broken["came again though committed"] += first <= committed.get(place, -1)
            received.update(keys)
    broken["never read"] += sum(key not in received for events in stored.values() for _, key, _ in events)
    return received


def _check_starts(entries: list[dict[str, Any]], broken: Counter[str]) -> None:
    """Check that streams continue where they must.

    That is after what they sent last of a partition, or after what somebody tried to commit.
    """
    tried: dict[str, set[int]] = defaultdict(lambda: {-1})
    sent: dict[tuple[str, str], list[int]] = defaultdict(list)
    for entry in entries:
        if entry["what"] == "commits":
            tried[entry["place"]].add(entry["offset"])
        elif entry["what"] == "got":
            before = entry["offset"] - len(entry["keys"])
            own = sent[entry["stream"], entry["place"]]
            broken["skipped"] += not (before in tried[entry["place"]] or (own and before == own[-1]))
            own.append(entry["offset"])
    broken["out of order in a stream"] += sum(a >= b for each in sent.values() for a, b in pairwise(each))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
