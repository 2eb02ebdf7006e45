"""The retention page: periods, next deletion and past deletions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Prefetch
from django.utils import timezone

from commlog.models import RetentionFile, RetentionObstacle, RetentionPeriod, RetentionRun
from commlog.models.api import KEPT as ANSWERS_KEPT
from commlog.models.export_file import KEPT as EXPORTS_KEPT
from commlog.models.retention import OF_MESSAGES, Kept
from commlog.retention.periods import Days, in_words
from notifications.rollups.hourly import KEPT as HOURS_KEPT

NIGHTS = 30
MOST_FILES = 20  # of a night: the first night may write thousands


@dataclass(frozen=True, slots=True)
class Line:
    """A period: the current value, and a future one with its date."""

    what: Kept
    days: Days
    then: Days
    starts_at: datetime | None
    ends: bool = False

    @classmethod
    def of(cls, what: Kept, row: RetentionPeriod | None, now: datetime) -> "Line":
        """Return the line of a period; without a row it is kept for ever."""
        if row is None:
            return cls(what, None, None, None)
        waits = now < row.starts_at
        return cls(
            what, row.days_at(now), row.days, row.starts_at if waits else None, ends=row.ends and waits
        )


@dataclass(frozen=True, slots=True)
class OwnPeriods:
    """A channel or template with periods of its own."""

    pk: int
    label: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Part:
    """What will be deleted of a kind, and what of it cannot be."""

    what: Kept
    number: int
    stays: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page."""

    lines: Sequence[Line]
    exceptions: Sequence[OwnPeriods]
    count: RetentionRun | None  # of what goes next
    parts: Sequence[Part]
    open: RetentionRun | None
    nights: Sequence[tuple[RetentionRun, Sequence[Part]]]
    fixed: Sequence[tuple[str, str]]
    deletes: bool


def read() -> Page:
    """Read the page's data with four queries."""
    now = timezone.now()
    rows = list(RetentionPeriod.objects.select_related("template").order_by("what", "pk"))
    general = {row.what: row for row in rows if not row.of}
    newest = RetentionRun.objects.filter(counts_only=True).order_by("-pk").first()
    files = Prefetch("files", RetentionFile.objects.order_by("pk")[:MOST_FILES], to_attr="first_files")
    those = RetentionRun.objects.filter(counts_only=False).annotate(number_of_files=Count("files"))
    nights = list(those.prefetch_related(files).order_by("-pk")[:NIGHTS])
    lines = [Line.of(what, general.get(what), now) for what in Kept]
    return Page(
        lines=lines,
        exceptions=list(_exceptions(rows, now)),
        count=newest,
        parts=parts_of(newest) if newest else [],
        open=next((run for run in nights if run.finished_at is None), None),
        nights=[(run, parts_of(run)) for run in nights if run.finished_at],
        fixed=_fixed(),
        deletes=any(row.days is not None or row.days_before is not None for row in rows),
    )


def parts_of(run: RetentionRun) -> list[Part]:
    return [
        Part(what, run.gone.get(what, 0), _stays(run.stayed.get(what, {})))
        for what in Kept
        if run.gone.get(what) or run.stayed.get(what)
    ]


def _stays(by_why: dict[str, int]) -> list[tuple[str, int]]:
    return [(RetentionObstacle.Why(why).label, number) for why, number in sorted(by_why.items())]


def _exceptions(rows: Sequence[RetentionPeriod], now: datetime) -> Iterator[OwnPeriods]:
    by_scope: dict[tuple[str, int | None], list[RetentionPeriod]] = {}
    for row in rows:
        if row.of and not row.over_at(now):
            by_scope.setdefault(row.scope, []).append(row)
    for found in by_scope.values():
        known = {row.what: row for row in found}
        lines = [Line.of(what, known.get(what), now) for what in OF_MESSAGES]
        kind = "Template" if found[0].template_id else "Channel"
        yield OwnPeriods(min(row.pk for row in found), f"{kind}: {found[0].of}", lines)


def _fixed() -> list[tuple[str, str]]:
    """Return the fixed periods, which cannot be changed here."""
    return [
        ("Stream events", f"{settings.STREAM_RETENTION_HOURS} hours (STREAM_RETENTION_HOURS)"),
        ("Stored answers to API calls", f"{ANSWERS_KEPT // timedelta(hours=1)} hours"),
        ("Export files", in_words(EXPORTS_KEPT.days)),
        ("Sessions", "after they expire, when someone next signs in"),
        ("Failed sign-ins and counts of calls", "1 day"),
        ("Hourly figures", f"{in_words(HOURS_KEPT.days)}; totals for ever"),
    ]
