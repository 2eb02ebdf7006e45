"""python -m tests.production.nakadi URL KEY: pynakadi, a client that we did not write, unchanged, over TLS.

It creates a subscription, reads, commits, resets, and counts.
"""

import json
import sys
from contextlib import suppress
from typing import Any

from pyNakadi.client import EndOfStreamException, EndOfStreamException0, NakadiClient

TOPIC = "mrn.event.commlog.streamingapi.client_approved"
EVENTS = 30
# One line a message, as `enqueue` takes them.
LINES = "\n".join(
    json.dumps({"type": "EVENT_STREAM", "destination": TOPIC, "body": json.dumps({"number": number})})
    for number in range(EVENTS)
)


def main(url: str, key: str) -> None:
    """Raise AssertionError where an answer is another one."""
    client = NakadiClient(key, url)
    wanted = {"owning_application": "app", "event_types": [TOPIC], "read_from": "begin"}
    name = client.create_subscription(wanted)["id"]
    stream = _stream(client, name)
    batches = _read(stream)
    last = {batch["cursor"]["partition"]: batch["cursor"] for batch in batches}
    assert client.commit_subscription_cursors(name, stream.get_stream_id(), list(last.values()))
    (topic,) = client.get_subscription_stats(name)["items"]
    found = {(each["state"], each["unconsumed_events"]) for each in topic["partitions"]}
    assert found == {("assigned", 0)}, topic

    cursors = client.get_subscription_cursors(name)["items"]
    assert client.reset_subscription_cursors(name, [each | {"offset": "BEGIN"} for each in cursors])
    with suppress(EndOfStreamException, EndOfStreamException0):
        list(stream)
    again = _stream(client, name)
    _read(again)
    again.close()
    client.delete_subscription(name)


def _stream(client: Any, name: str) -> Any:
    return client.get_subscription_events_stream(
        name, batch_limit=10, batch_flush_timeout=1, max_uncommitted_events=100
    )


def _read(stream: Any) -> list[dict[str, Any]]:
    """The batches that hold all events, each once."""
    found: list[dict[str, Any]] = []
    numbers: list[int] = []
    while len(numbers) < EVENTS:
        batch = json.loads(next(stream))
        if batch.get("events"):
            found.append(batch)
            numbers += [json.loads(event["body"])["number"] for event in batch["events"]]
    assert sorted(numbers) == list(range(EVENTS)), numbers
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
