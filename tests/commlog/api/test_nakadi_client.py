"""pynakadi, a client that we did not write, unchanged."""

import json
from typing import Any
from uuid import uuid4

import pytest
from pyNakadi.client import EndOfStreamException, EndOfStreamException0, NakadiClient, NakadiException

from notifications.models import StreamEvent, StreamReader
from notifications.streams import publishing
from tests.factories import make_key
from tests.web_server import commlog

TOPIC = "mrn.event.commlog.streamingapi.client_approved"


def read(stream: Any, wanted: int) -> list[dict[str, Any]]:
    """Batches with that many events in all."""
    found: list[dict[str, Any]] = []
    while sum(len(batch["events"]) for batch in found) < wanted:
        batch = json.loads(next(stream))
        if batch.get("events"):
            found.append(batch)
    return found


@pytest.mark.django_db(transaction=True)
def test_it_creates_reads_commits_resets_and_counts() -> None:
    # A connection that is kept ends after the test: the end of a stream has to be seen before.
    with commlog("--threads", "8", "--keep-alive", "300") as port:
        client = NakadiClient(make_key(), f"http://127.0.0.1:{port}")
        made = client.create_subscription(
            {"owning_application": "app", "event_types": [TOPIC], "read_from": "begin"}
        )
        key = made["id"]
        assert client.create_subscription_v2({"owning_application": "app", "event_types": [TOPIC]})[0] == 200
        assert client.get_subscription(key) == made
        publishing.append([StreamEvent(topic=TOPIC, key=uuid4(), body=f"{number}") for number in range(30)])

        stream = client.get_subscription_events_stream(
            key, batch_limit=10, batch_flush_timeout=1, max_uncommitted_events=100
        )
        batches = read(stream, 30)
        assert sorted(int(event["body"]) for batch in batches for event in batch["events"]) == list(range(30))
        last = {batch["cursor"]["partition"]: batch["cursor"] for batch in batches}
        assert client.commit_subscription_cursors(key, stream.get_stream_id(), list(last.values()))
        with pytest.raises(NakadiException) as refused:
            client.commit_subscription_cursors(key, str(uuid4()), list(last.values()))
        assert refused.value.code == 422

        (topic,) = client.get_subscription_stats(key, show_time_lag=True)["items"]
        assert {
            (each["state"], each["unconsumed_events"], each["consumer_lag_seconds"])
            for each in topic["partitions"]
        } == {("assigned", 0, 0)}
        cursors = client.get_subscription_cursors(key)["items"]
        assert {each["partition"]: each["offset"] for each in cursors} == {
            number: each["offset"] for number, each in last.items()
        }

        assert client.reset_subscription_cursors(key, [each | {"offset": "BEGIN"} for each in cursors])
        with pytest.raises((EndOfStreamException, EndOfStreamException0)):
            list(stream)
        again = client.get_subscription_events_stream(
            key, batch_limit=10, batch_flush_timeout=1, max_uncommitted_events=100
        )
        assert sum(len(batch["events"]) for batch in read(again, 30)) == 30
        again.close()
        client.delete_subscription(key)
        assert client.get_subscriptions()["items"] == []
        last_one = client.create_subscription({"owning_application": "app", "event_types": [TOPIC]})["id"]
        client.get_subscription_events_stream(last_one)

    # SIGTERM ends the stream, and its slot is free at once.
    assert StreamReader.objects.filter(subscription__key=last_one).exclude(closed_at=None).count() == 1
