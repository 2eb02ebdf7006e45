"""Bulk resend: the confirmation that says what would be done, and the job that does it."""

from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from commlog import jobs, permissions, screens
from commlog.bulk import choosing
from commlog.bulk.choosing import Preview
from commlog.forms import BulkForm
from commlog.jobs.life import newest_message
from commlog.limits import A_CONFIRMATION, A_PAGE, TookTooLong, time_limit
from commlog.models import Job
from commlog.models.job import JobKind
from commlog.paging import SIZES
from commlog.places import Place
from commlog.selection import Selection, select
from notifications.models.message import MessageQuerySet

MOST = 500_000  # messages of one bulk resend


class _More(Exception):
    """More messages would be resent than were confirmed."""


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_resend
def resend(request: HttpRequest) -> HttpResponse:
    """How many, to how many people, by channel, and what is left out; then the job. `of` is the log's address."""
    given = request.POST if request.method == "POST" else request.GET
    asked = _Asked(request, given)
    if asked.problem:
        return _confirmation(request, asked, None, problem=asked.problem)
    form = BulkForm(given if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return _counted(request, asked, form)
    if made := Job.objects.filter(key=form.cleaned_data["key"], owner=permissions.staff(request)).first():
        return redirect("job", made.key)  # the same form a second time
    try:
        return redirect("job", _make(request, asked, form).key)
    except _More:
        return _counted(request, asked, form, problem="More messages match by now: these are the new numbers.")
    except IntegrityError:
        return redirect("job", form.cleaned_data["key"])  # the same form, a moment ago


@require_safe
@permissions.can_resend
def matching(request: HttpRequest) -> HttpResponse:
    """The button that offers all that match and says how many the confirmation would count; empty where counting takes too long."""
    asked = _Asked(request, request.GET, all=True)
    return render(request, "bulk/matching.html", {"number": None if asked.problem else _number(asked)})


class _Asked:
    """What is to be resent: everything that the log shows, or the rows that are ticked."""

    def __init__(self, request: HttpRequest, given: QueryDict, *, all: bool = False) -> None:
        self.of = given.get("of") or reverse("log")
        self.place, params = Place.at(self.of)
        state = screens.state_of(request, params, self.place.kind)
        self.chosen: Selection = select(state.params, scope=self.place.scope(request.user), saved=state.saved)
        self.all = all or bool(given.get("all"))
        rows = [] if self.all else given.getlist("row")
        self.rows = [int(row) for row in rows if row.isascii() and row.isdigit() and len(row) < 19]
        self.problem = self._problem(given)

    def _problem(self, given: QueryDict) -> str:
        if not self.chosen.sound:
            return "Nothing is resent: a condition of the filter is wrong."
        if self.all:
            return ""
        if len(self.rows) != len(given.getlist("row")) or len(self.rows) > max(SIZES):
            return "The selection was damaged on its way. Go back and select the messages again."
        return "" if self.rows else "No message is selected. Go back and tick those that are to be resent."

    def messages(self, newest: int) -> MessageQuerySet:
        """The messages that are asked for, of those that there are now."""
        found = self.chosen.messages.filter(pk__lte=newest)
        return found if self.all else found.filter(pk__in=self.rows)


def _counted(request: HttpRequest, asked: _Asked, form: BulkForm, *, problem: str = "") -> HttpResponse:
    newest = newest_message()
    try:
        with time_limit(A_CONFIRMATION):
            found = choosing.preview(asked.messages(newest), count_others=not asked.all)
    except TookTooLong:
        slow = f"Nothing is resent: counting takes over {A_CONFIRMATION:.0f} seconds. Narrow the filter, by days for example."
        return _confirmation(request, asked, None, problem=slow)
    if found.with_unknown > MOST:
        many = f"{found.with_unknown:,} messages match; at most {MOST:,} can be resent at once. Narrow the filter, by days for example."
        return _confirmation(request, asked, None, problem=many)
    fresh = {"key": uuid4().hex, "newest": newest, "total": found.total, "unknown_total": found.unknown}
    return _confirmation(request, asked, found, form=form, fresh=fresh, problem=problem)


def _number(asked: _Asked) -> int | None:
    try:
        with time_limit(A_PAGE):
            return choosing.number(asked.messages(newest_message()))
    except TookTooLong:
        return None


def _confirmation(
    request: HttpRequest,
    asked: _Asked,
    found: Preview | None,
    *,
    form: BulkForm | None = None,
    fresh: dict[str, object] | None = None,
    problem: str = "",
) -> HttpResponse:
    threshold = settings.BULK_APPROVAL_THRESHOLD
    context = {"asked": asked, "preview": found, "form": form, "fresh": fresh, "problem": problem, "threshold": threshold}
    context["words"] = jobs.in_words(asked.chosen) if asked.all else ""
    return render(request, "bulk/confirm.html", context, status=400 if found is None else 200)


def _make(request: HttpRequest, asked: _Asked, form: BulkForm) -> Job:
    """Freeze what was confirmed. Raises _More where it has grown: nobody resends more than was confirmed."""
    wanted = form.cleaned_data
    unknown = wanted["unknown"]
    confirmed = wanted["total"] + (wanted["unknown_total"] if unknown else 0)
    options = {"unknown": unknown} | ({"pace": wanted["pace"]} if wanted["pace"] else {})
    with transaction.atomic():
        job = jobs.create(
            JobKind.RESEND,
            key=UUID(str(wanted["key"])),
            owner=permissions.staff(request),
            place=asked.place,
            chosen=asked.chosen,
            words="" if asked.all else f"{len(asked.rows):,} selected message{'' if len(asked.rows) == 1 else 's'}",
            newest=min(wanted["newest"], newest_message()),
            options=options,
            freeze=lambda job: choosing.freeze(job, asked.messages(job.newest), unknown=unknown),
            approval_above=settings.BULK_APPROVAL_THRESHOLD,
        )
        if job.total > confirmed:
            raise _More
    return job
