"""Sending metrics, read from the database: the same from every host.

Messages are read by index only, and never counted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate
from typing import Any

from django.db.models import Case, F, QuerySet, Sum, Value, When
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from notifications.cluster import health
from notifications.database import replica
from notifications.lanes import openings
from notifications.models import WAITS, Lane, LaneHour, LaneTally, Sample
from notifications.rollups import samples
from notifications.rollups.hourly import EVER
from notifications.states import Circuit, MessageType, Outcome
from notifications.words import indexing

# Of each channel, lanes that have a label of their own: the first ones, so that none changes its label.
MOST_LANES = 20
_LONGEST = 100  # characters of a label
OTHERS = "other"
_WAITS = [f"wait_{number}" for number in range(len(WAITS))]


class Sending:
    """Collects the values at each scrape (a collector of prometheus_client)."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        named = [
            lane
            for channel in MessageType
            for lane in Lane.objects.filter(channel=channel).order_by("pk")[:MOST_LANES]
        ]
        yield from _tries(named)
        yield _waits()
        yield from self._lanes(named)
        yield from self._samples()
        since = health.survey(self.now).due_since
        oldest = max(0.0, (self.now - since).total_seconds()) if since else 0.0
        about = "Seconds for which the oldest message has been due that nobody works on; 0: none is due."
        yield GaugeMetricFamily("commlog_oldest_due_seconds", about, value=oldest)
        about = "Age of the oldest new message whose words are not indexed yet, in seconds; 0: there is none."
        yield GaugeMetricFamily("commlog_search_lag_seconds", about, value=indexing.lag(self.now))
        yield from _replica()

    def _lanes(self, named: Iterable[Lane]) -> Iterator[Metric]:
        labels = ["channel", "lane"]
        limit = GaugeMetricFamily(
            "commlog_lane_pace", "Messages a second that may leave now, where that is limited.", labels=labels
        )
        circuit = GaugeMetricFamily("commlog_lane_circuit_open", "1: in trouble.", labels=labels)
        failing = GaugeMetricFamily("commlog_lane_failing", "1: said to be failing.", labels=labels)
        paused = GaugeMetricFamily("commlog_lane_paused", "1: paused by a person.", labels=labels)
        for lane in named:
            label = [lane.channel, label_of(lane)]
            if (most := openings.present_limit(lane, self.now)) is not None:
                limit.add_metric(label, most)
            circuit.add_metric(label, lane.circuit == Circuit.OPEN)
            failing.add_metric(label, lane.failing_since is not None)
            paused.add_metric(label, lane.paused_at is not None)
        yield from (limit, circuit, failing, paused)

    def _samples(self) -> Iterator[Metric]:
        stored = {each.name: each for each in Sample.objects.all()}
        workers = [
            each
            for name, each in stored.items()
            if name.startswith(samples.WORKERS) and each.at > self.now - samples.FRESH
        ]
        about = "Worker processes that supervisors keep at work, of all hosts."
        yield GaugeMetricFamily("commlog_workers", about, value=sum(each.value for each in workers))
        about = "Messages by their state, as last counted."
        states = GaugeMetricFamily("commlog_messages", about, labels=["state"])
        if found := stored.get(samples.STATES):
            for state, number in found.value.items():
                states.add_metric([state], number)
            about = "When messages were last counted, a Unix time."
            yield GaugeMetricFamily("commlog_sampled_timestamp_seconds", about, value=found.at.timestamp())
        yield states
        if found := stored.get(samples.RESENDS):
            yield CounterMetricFamily("commlog_resends", "Messages that were resent.", value=found.value)


def _replica() -> Iterator[Metric]:
    state = replica.state()
    if state is None:
        return
    yield GaugeMetricFamily("commlog_replica_serves", "1: reads are served by it.", value=state.serves)
    if state.behind is not None:
        about = "For how many seconds, at the most, the replica is behind the primary."
        yield GaugeMetricFamily("commlog_replica_lag_seconds", about, value=state.behind)


def label_of(lane: Lane) -> str:
    """Return the label of a lane: its name, shortened, since it may be a host that anybody chose."""
    return lane.name[:_LONGEST] or "none"


def _tries(named: Iterable[Lane]) -> Iterator[Metric]:
    labels = ["channel", "lane"]
    tries = CounterMetricFamily(
        "commlog_attempts", "Tries that ended.", labels=[*labels, "outcome", "reason"]
    )
    retries = CounterMetricFamily("commlog_retries", "Tries that were not the first.", labels=labels)
    final = CounterMetricFamily("commlog_failed", "Messages that failed after a try.", labels=labels)
    by_lane: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    by_outcome: Counter[tuple[str, str, str, str]] = Counter()
    names = {lane.pk: label_of(lane) for lane in named}
    for row in _counted(names):
        channel, lane = row["channel"], names.get(int(row["who"]), OTHERS)
        by_lane[channel, lane].update(retries=row["retries"], final=row["final"])
        if row["outcome"]:
            by_outcome[channel, lane, row["outcome"], row["reason"]] += row["tries"]
    for label, number in by_outcome.items():
        tries.add_metric(label, number)
    for where, sums in by_lane.items():
        retries.add_metric(where, sums["retries"])
        final.add_metric(where, sums["final"])
    yield from (tries, retries, final)


def _waits() -> Metric:
    about = "From a message's creation to its provider's yes."
    waits = HistogramMetricFamily("commlog_delivery_seconds", about, labels=["channel"])
    by_channel: defaultdict[str, Counter[str]] = defaultdict(Counter)
    sums = {name: Sum(name) for name in ("tries", "waited", *_WAITS)}
    for counts in _everything():
        accepted = counts.filter(outcome=Outcome.ACCEPTED).values(channel=F("lane__channel"))
        for row in accepted.annotate(**sums):
            by_channel[row.pop("channel")].update(row)
    for channel, found in by_channel.items():
        below = accumulate(found[name] for name in _WAITS)
        buckets = [(str(most), number) for most, number in zip(WAITS, below, strict=True)]
        waits.add_metric([channel], [*buckets, ("+Inf", found["tries"])], found["waited"] / 1_000)
    return waits


def _everything() -> tuple[QuerySet[Any], QuerySet[Any]]:
    """Return the folded counts, and those not yet folded."""
    return LaneHour.objects.filter(minute=EVER).order_by(), LaneTally.objects.order_by()


def _counted(named: Iterable[int]) -> Iterator[Any]:
    """Yield the counts of results; lanes without a label are merged."""
    sums = {name: Sum(name) for name in ("tries", "retries", "final")}
    who = Case(When(lane__in=list(named), then=F("lane")), default=Value(0))
    for counts in _everything():
        by = counts.values("outcome", "reason", channel=F("lane__channel"), who=who)
        yield from by.annotate(**sums)
