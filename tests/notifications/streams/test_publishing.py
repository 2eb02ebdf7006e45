import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from notifications import outbox, tasks
from notifications.drafts import Draft
from notifications.models import Client, Message, StreamEvent, StreamPartition
from notifications.states import MessageState, MessageType
from notifications.streams import offsets, publishing
from tests.factories import make_client

pytestmark = pytest.mark.django_db(transaction=True)
TOPIC = "mrn.event.commlog.streamingapi.client_approved"


def of(client: Client | None, body: str, topic: str = TOPIC, event: str = "") -> Draft:
    return Draft(MessageType.EVENT_STREAM, destination=topic, client=client, body=body, event=event)


def send() -> None:
    while Message.objects.filter(type=MessageType.EVENT_STREAM).live().exists():
        tasks.drain("EVENT_STREAM")


def places() -> Iterator[tuple[int, int, str]]:
    for event in StreamEvent.objects.select_related("partition").order_by("partition", "offset"):
        assert event.partition is not None
        assert event.offset is not None
        yield event.partition.number, event.offset, event.body


def test_all_for_one_recipient_is_in_one_partition_in_order_and_without_a_gap() -> None:
    clients = [make_client() for _ in range(5)]
    outbox.enqueue_many([of(clients[number % 5], f"{number % 5}/{number:03}") for number in range(120)])

    send()

    found = list(places())
    by_partition = {number: [offset for where, offset, _ in found if where == number] for number in range(3)}
    assert all(taken == list(range(len(taken))) for taken in by_partition.values())
    assert sum(map(len, by_partition.values())) == 120
    for client in range(5):
        mine = [(where, body) for where, _, body in found if body.startswith(f"{client}/")]
        assert len({where for where, _ in mine}) == 1
        assert [body for _, body in mine] == [
            f"{client}/{number:03}" for number in range(120) if number % 5 == client
        ]
    nexts = dict(StreamPartition.objects.values_list("number", "next_offset"))
    assert nexts == {number: len(taken) for number, taken in by_partition.items()}


def test_the_log_names_topic_partition_and_offset() -> None:
    (message,) = outbox.enqueue_many([of(make_client(), "{}")])

    send()

    message.refresh_from_db()
    event = StreamEvent.objects.select_related("partition").get()
    assert event.partition is not None
    number = event.partition.number
    (attempt,) = message.attempts.all()
    assert message.state == MessageState.SENT
    assert message.provider_id == f"{number}/001-0001-000000000000000000"
    assert attempt.detail == f"Appended to {TOPIC}, partition {number}, offset 001-0001-000000000000000000."
    assert event.occurred_at == message.created_at


def test_what_names_no_topic_goes_to_that_of_its_event(settings: Any) -> None:
    settings.TENANT_NAME = "harbour"
    outbox.enqueue_many([of(make_client(), "{}", topic="", event="CLIENT_APPROVED")])

    send()

    assert StreamEvent.objects.get().topic == "mrn.event.harbour.streamingapi.client_approved"


def test_events_of_before_get_their_places_before_new_ones() -> None:
    client = make_client()
    outbox.enqueue_many([of(client, f"old {number}") for number in range(3)])
    send()
    then = timezone.now()
    # As an older version has left them.
    StreamEvent.objects.update(partition=None, offset=None, occurred_at=None, appended_at=then)
    StreamPartition.objects.update(next_offset=0)
    StreamEvent.objects.create(topic="left", key=uuid4(), body="its message is gone", appended_at=then)
    outbox.enqueue_many([of(client, "new")])

    send()

    assert [(offset, body) for _, offset, body in places() if "gone" not in body] == [
        (0, "old 0"),
        (1, "old 1"),
        (2, "old 2"),
        (3, "new"),
    ]
    assert (
        StreamEvent.objects.filter(topic="left", offset=0, occurred_at=then, appended_at__gt=then).count()
        == 1
    )
    assert not publishing.has_unnumbered()


def test_what_the_database_refuses_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    client = make_client()
    messages = outbox.enqueue_many([of(client, "a"), of(client, "b"), of(client, "c")])
    Message.objects.filter(pk=messages[1].pk).update(event="X" * 64, content_type="y")
    original = publishing._insert

    def refuse(events: list[StreamEvent], partitions: list[StreamPartition]) -> None:
        if any(event.content_type == "y" for event in events):
            StreamEvent.objects.create(topic=TOPIC, key=None, body="", appended_at=timezone.now())  # type: ignore[misc]
        original(events, partitions)

    monkeypatch.setattr(publishing, "_insert", refuse)
    send()

    assert [(offset, body) for _, offset, body in places()] == [(0, "a"), (1, "c")]
    failed = Message.objects.get(state=MessageState.FAILED)
    assert (failed.content, failed.failure_reason) == ("b", "OTHER")


def test_an_event_is_appended_once() -> None:
    event = StreamEvent(topic=TOPIC, key=uuid4(), body="x")
    (first,) = publishing.append([event])
    (again,) = publishing.append([StreamEvent(topic=TOPIC, key=event.key, body="x")])

    assert again.offset == first.offset == 0
    assert StreamEvent.objects.count() == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite there is one writer at a time")
def test_nothing_is_committed_after_what_has_a_later_offset() -> None:
    key = uuid4()
    publishing.append([StreamEvent(topic=TOPIC, key=key, body="first")])
    number = StreamEvent.objects.select_related("partition").get().partition.number  # type: ignore[union-attr]
    same = next(other for other in iter(uuid4, None) if other.int % 3 == number)
    ended: list[str] = []

    def another() -> None:
        publishing.append(
            [
                StreamEvent(
                    topic=TOPIC, key=next(o for o in iter(uuid4, None) if o.int % 3 == number), body="late"
                )
            ]
        )
        ended.append("late")
        connection.close()

    with transaction.atomic():
        publishing.append([StreamEvent(topic=TOPIC, key=same, body="early")])
        thread = threading.Thread(target=another)
        thread.start()
        thread.join(0.5)
        assert ended == []
    thread.join(10)

    assert [body for _, _, body in places()] == ["first", "early", "late"]


@pytest.mark.parametrize(
    ("offset", "text"), [(388, "001-0001-000000000000000388"), (0, "001-0001-000000000000000000")]
)
def test_offsets_are_written_as_nakadi_writes_them(offset: int, text: str) -> None:
    assert offsets.written(offset) == text
    assert offsets.read(text) == offset
    assert offsets.read("BEGIN") == offsets.read(offsets.written(-1)) == -1


@pytest.mark.parametrize(
    "text", ["", "388", "001-0001-", "001-0001--2", "001-0001-" + "9" * 19, "begin", "001-0001-٣"]
)
def test_other_offsets_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="an offset is BEGIN or like 001-0001-000000000000000388"):
        offsets.read(text)
