"""Cursors against a small model: publish, read, commit, crash, leave, rebalance, reset and expire, in any
order.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications.database.clock import db_now
from notifications.models import StreamCursor, StreamEvent, StreamPartition, StreamReader, StreamSubscription
from notifications.streams import maintenance, publishing, readers, subscriptions
from notifications.streams.readers import NoFreeSlot
from notifications.streams.reading import Options, Stream
from notifications.streams.subscriptions import NoSuchStream, ResetUnderWay, Wish

TOPIC = "mrn.event.commlog.streamingapi.client_approved"
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "publish",
                "publish",
                "open",
                "read",
                "read",
                "commit",
                "commit",
                "commit late",
                "crash",
                "leave",
                "reset",
                "expire",
            ]
        ),
        st.integers(0, 5),
    ),
    min_size=5,
    max_size=40,
)


def subscription(read_from: str = "begin") -> StreamSubscription:
    found, new = subscriptions.subscribe(
        Wish("app", (TOPIC,), read_from=read_from), owner=1, owner_name="Bank"
    )
    assert new
    return found


def publish(count: int) -> None:
    publishing.append([StreamEvent(topic=TOPIC, key=uuid4(), body="{}") for _ in range(count)])


@dataclass
class Model:
    """What must be true: the partitions, how far each is committed, and the readers that may commit."""

    kept: dict[int, list[int]] = field(default_factory=lambda: {0: [], 1: [], 2: []})
    committed: dict[int, int] = field(default_factory=lambda: {0: -1, 1: -1, 2: -1})
    # By each reader that may commit, up to which offset.
    read: dict[UUID, dict[int, int]] = field(default_factory=dict)
    streams: list[Stream] = field(default_factory=list)


def turn(stream: Stream, model: Model) -> None:
    """One round of a stream: everything that it may send now. Nothing may be missing from what it sends."""
    if not stream._look():
        model.streams.remove(stream)
        return
    seen = model.read[stream.reader.key]
    for part in list(stream._parts.values()):
        number, before = part.cursor.partition.number, part.position
        batch = stream._next(part)
        if batch is None or not batch.events:
            continue
        offsets = [event.offset for event in batch.events]
        assert offsets == [each for each in model.kept[number] if each > before][: len(offsets)]
        assert before >= model.committed[number] or before + 1 == model.kept[number][0]
        assert batch.offset == offsets[-1]
        seen[number] = batch.offset


def check(model: Model, found: StreamSubscription) -> None:
    cursors = list(StreamCursor.objects.filter(subscription=found).select_related("partition", "reader"))
    assert {each.partition.number: each.committed for each in cursors} == model.committed
    live = list(StreamReader.objects.filter(closed_at=None).values_list("pk", flat=True))
    if live:
        assert all(each.reader_id in live for each in cursors)
        to_be = [each.next_reader_id or each.reader_id for each in cursors]
        shares = [to_be.count(pk) for pk in live]
        assert max(shares) - min(shares) <= 1
    else:
        assert all(each.reader_id is None for each in cursors)
    for partition in StreamPartition.objects.all():
        kept = model.kept[partition.number]
        assert (
            list(
                StreamEvent.objects.filter(partition=partition)
                .order_by("offset")
                .values_list("offset", flat=True)
            )
            == kept
        )
        if kept:
            assert (partition.first_offset, partition.next_offset) == (kept[0], kept[-1] + 1)
        else:
            assert partition.first_offset == partition.next_offset


def commit(key: UUID, model: Model, found: StreamSubscription) -> None:
    """All that a stream has read. It moves a cursor on or leaves it, and never back."""
    seen = model.read.get(key, {})
    wanted = {(TOPIC, each): offset for each, offset in seen.items()}
    for (_, each), moved in (subscriptions.commit(found, key, wanted) if seen else {}).items():
        assert moved == (seen[each] > model.committed[each])
        model.committed[each] = max(model.committed[each], seen[each])


def do(step: str, number: int, model: Model, found: StreamSubscription) -> None:  # noqa: C901
    stream = model.streams[number % len(model.streams)] if model.streams else None
    if step == "publish":
        publish(number)
        for partition in StreamPartition.objects.all():
            kept = model.kept[partition.number]
            kept += range(kept[-1] + 1 if kept else partition.first_offset, partition.next_offset)
    elif step == "open":
        try:
            reader = readers.enter(found, name="Bank")
        except NoFreeSlot:
            assert StreamReader.objects.filter(closed_at=None).count() == 3
        else:
            model.read[reader.key] = {}
            model.streams.append(
                Stream(reader, Options(max_uncommitted_events=1_000, batch_limit=1 + number))
            )
            model.streams[-1]._flush = 0  # whatever is there is sent at once
    elif step == "expire":
        oldest = StreamEvent.objects.order_by("pk").values_list("pk", flat=True)[: number * 2]
        StreamEvent.objects.filter(pk__in=list(oldest)).update(appended_at=db_now() - timedelta(days=9))
        maintenance.keep()
        for partition in StreamPartition.objects.all():
            model.kept[partition.number] = [
                each for each in model.kept[partition.number] if each >= partition.first_offset
            ]
    elif step == "reset":
        wanted = {(TOPIC, each): max(-1, (model.kept[each] or [0])[-1] - number) for each in range(3)}
        nexts = dict(StreamPartition.objects.values_list("number", "next_offset"))
        wanted = {place: min(offset, nexts[place[1]] - 1) for place, offset in wanted.items()}
        subscriptions.reset(found, wanted, patience=0)
        model.committed = {place[1]: offset for place, offset in wanted.items()}
        for key in model.read:
            with pytest.raises(NoSuchStream):
                subscriptions.commit(found, key, {(TOPIC, 0): -1})
        model.read = {}
    elif step == "commit late":  # what a reader has read that is perhaps gone
        if model.read:
            commit(list(model.read)[number % len(model.read)], model, found)
    elif stream is None:
        return
    elif step == "read":
        turn(stream, model)
    elif step == "commit":
        commit(stream.reader.key, model, found)
    elif step == "crash":
        model.streams.remove(stream)
        StreamReader.objects.filter(pk=stream.reader.pk).update(seen_at=db_now() - timedelta(minutes=1))
        readers.sweep(db_now())
    elif step == "leave":
        model.streams.remove(stream)
        stream.close()


@pytest.mark.django_db(transaction=True)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_cursors_do_as_the_model_says(steps: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifications.streams.maintenance._PAUSE", 0)
    monkeypatch.setattr(
        "notifications.streams.hub.join",
        lambda pk: __import__("types").SimpleNamespace(reader_id=pk, words=set(), ended=False),
    )
    for each in (StreamCursor, StreamReader, StreamSubscription, StreamEvent):
        each.objects.all().delete()
    StreamPartition.objects.update(first_offset=0, next_offset=0)
    found, model = subscription(), Model()
    for step, number in steps:
        do(step, number, model, found)
        check(model, found)
    for stream in list(model.streams):  # however it went: all that is kept is read in the end
        for _ in range(4):
            if stream in model.streams:
                turn(stream, model)
                do("commit", model.streams.index(stream) if stream in model.streams else 0, model, found)


@pytest.mark.django_db(transaction=True)
def test_the_same_wish_is_the_same_subscription() -> None:
    first, _ = subscriptions.subscribe(Wish("app", ("b", "a")), owner=1, owner_name="Bank")
    again, new = subscriptions.subscribe(
        Wish("app", ("a", "b", "a"), read_from="begin"), owner=2, owner_name="Other"
    )
    other, made = subscriptions.subscribe(
        Wish("app", ("a", "b"), consumer_group="second"), owner=1, owner_name="Bank"
    )

    assert (again.pk, new) == (first.pk, False)
    assert (other.pk == first.pk, made) == (False, True)
    assert StreamPartition.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_nobody_begins_to_read_while_cursors_are_reset() -> None:
    found = subscription()
    reader = readers.enter(found, name="one")
    cut_off = subscriptions._cut_off(found, {})

    with pytest.raises(ResetUnderWay):
        readers.enter(found, name="two")
    with pytest.raises(ResetUnderWay):
        subscriptions.reset(found, {(TOPIC, 0): -1})
    assert cut_off.exists()
    readers.leave(reader)
    assert not cut_off.exists()

    # Whoever reset them was lost before the end.
    StreamSubscription.objects.update(resets_until=db_now() - timedelta(seconds=1))
    readers.enter(found, name="two")
    subscriptions.reset(found, {(TOPIC, 0): -1}, patience=0)
    assert not StreamReader.objects.exists()
    assert StreamSubscription.objects.get().resets_until is None


@pytest.mark.django_db(transaction=True)
def test_a_partition_is_handed_over_when_what_was_read_of_it_is_committed() -> None:
    found = subscription()
    publish(60)  # so many that each partition has some
    first = Stream(readers.enter(found, name="one"), Options(max_uncommitted_events=100, batch_limit=100))
    first._flush = 0
    first._look()
    sent = {part.cursor.partition.number: part for part in first._parts.values() if first._next(part)}
    second = Stream(readers.enter(found, name="two"), Options())
    try:
        (promised,) = StreamCursor.objects.filter(next_reader=second.reader).select_related("partition")
        assert first._look()
        assert second._look()
        assert second._parts == {}

        number = promised.partition.number
        subscriptions.commit(found, first.reader.key, {(TOPIC, number): sent[number].position})
        first._look()
        second._look()

        assert {part.cursor.partition.number for part in second._parts.values()} == {number}
        assert len(first._parts) == 2
    finally:
        first.close()
        second.close()
    assert not StreamCursor.objects.exclude(reader=None).exists()
