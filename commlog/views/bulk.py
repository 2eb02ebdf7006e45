"""Bulk resend: the confirmation page, and the job."""

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from commlog import jobs, permissions
from commlog.bulk import selection
from commlog.bulk.confirmation import BulkForm, Confirmed
from commlog.bulk.selection import Matching, Preview, Resendable, TooMany
from commlog.jobs import Asked, TooManyOpen
from commlog.kit.limits import A_CONFIRMATION, A_COUNT, A_PAGE, TookTooLong, time_limit
from commlog.kit.paging import SIZES
from commlog.log import reading, writing
from commlog.log.conditions import meant
from commlog.models import Job, User
from commlog.models.job import JobKind
from commlog.views.reauthentication import demand
from notifications import sendable
from notifications.criteria import Criterion, Match, Operator
from notifications.failures import Reason
from notifications.models import Message, newest_id
from notifications.models.message import MessageQuerySet


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_resend
def resend(request: HttpRequest) -> HttpResponse:
    """Confirm how many, to whom, by channel, and what is excluded; then create the job. `of`: the log's
    URL.
    """
    user, given = permissions.staff(request), request.POST if request.method == "POST" else request.GET
    form = BulkForm(given if request.method == "POST" else None, owner=user)
    if not form.is_valid():
        return _counted(request, _Asked(request, given), form)
    if made := Job.objects.filter(key=form.cleaned_data["key"], owner=user).first():
        return redirect("job", made.key)  # the same form a second time
    if len(form.cleaned_data["confirmed"].ids) > settings.CONFIRM_MESSAGES and (page := demand(request)):
        return page
    try:
        return redirect("job", _make(request, user, form).key)
    except TooManyOpen as refusal:
        messages.error(request, f"Nothing was resent. {refusal}")
        return redirect("jobs")
    except IntegrityError:
        return redirect("job", form.cleaned_data["key"])  # the same form, a moment ago


@require_safe
@permissions.can_resend
def matching(request: HttpRequest) -> HttpResponse:
    """Return the button for all matches, with the confirmation's count; empty if too slow."""
    asked = _Asked(request, request.GET, all=True)
    found, whole = (None, None) if asked.problem else _numbers(asked)
    return render(
        request, "bulk/matching.html", {"number": found.number if found else None, "matching": whole}
    )


class _Asked:
    """What is to be resent: everything in the log, or the ticked rows."""

    def __init__(self, request: HttpRequest, given: QueryDict, *, all: bool = False) -> None:
        self.of = given.get("of") or reverse("log")
        query = reading.of_address(self.of, permissions.staff(request)).query
        self.place = query.place
        self.scope = self.place.scope(request.user)
        self.chosen = query.over(self.scope)
        self.all = all or bool(given.get("all"))
        rows = [] if self.all else given.getlist("row")
        self.rows = [int(row) for row in rows if row.isascii() and row.isdigit() and len(row) < 19]
        self.problem = self._problem(given)

    def _problem(self, given: QueryDict) -> str:
        if not self.chosen.sound:
            return "Nothing was resent: a filter is not valid."
        if self.all:
            return ""
        if len(self.rows) != len(given.getlist("row")) or len(self.rows) > max(SIZES):
            return "The selection arrived incomplete. Go back and select the messages again."
        return "" if self.rows else "No messages selected. Go back and select the messages to resend."

    @property
    def words(self) -> str:
        """Return the selection in words if it is not everything that matches."""
        return "" if self.all else f"{len(self.rows):,} selected message{'' if len(self.rows) == 1 else 's'}"

    def log_of(self, reason: Reason) -> str:
        """Return the log's URL of what failed for this reason alone; empty if there is none."""
        query = self.chosen.query
        if not self.all or query.match != Match.ALL or reason not in sendable.DOUBTFUL_REASONS:
            return ""
        failed_so = meant(Criterion("failure_reason", Operator.EQUALS, (reason,)))
        return writing.address(query.replace(criteria=(*query.criteria, failed_so)))

    def messages(self, newest: int) -> MessageQuerySet:
        """Return the requested messages that exist. A ticked row counts even if it no longer matches."""
        found = self.chosen.messages if self.all else self.scope.filter(pk__in=self.rows)
        return found.filter(pk__lte=newest)


def _counted(request: HttpRequest, asked: _Asked, form: BulkForm) -> HttpResponse:
    """Show the confirmation page. It carries the messages: nothing else is resent, whatever changes."""
    if asked.problem:
        return _confirmation(request, asked, None, problem=asked.problem)
    newest = newest_id(Message)
    try:
        with time_limit(A_CONFIRMATION):
            found = selection.preview(asked.messages(newest), count_others=not asked.all)
    except TookTooLong:
        slow = (
            f"Nothing was resent: counting takes over {A_CONFIRMATION:.0f} seconds. "
            "Narrow the filter, for example by date."
        )
        return _confirmation(request, asked, None, problem=slow)
    except TooMany as error:
        many = f"{error} Narrow the filter, for example by date."
        return _confirmation(request, asked, None, problem=many)
    confirmed = Confirmed(Asked.of(asked.chosen, asked.words), newest, found.ids, found.doubtful)
    fresh = {"key": uuid4().hex, "confirmed": confirmed.signed(form.owner)}
    return _confirmation(request, asked, found, form=form, fresh=fresh)


def _numbers(asked: _Asked) -> tuple[Resendable | None, Matching | None]:
    """Return how many can be resent, and how many match; None if counting takes too long."""
    chosen, found = asked.messages(newest_id(Message)), None
    try:
        with time_limit(A_PAGE):
            found = selection.resendable(chosen)
        with time_limit(A_COUNT):
            return found, selection.matching(chosen, found) if found.number else None
    except TookTooLong:
        return found, None


def _confirmation(
    request: HttpRequest,
    asked: _Asked,
    found: Preview | None,
    *,
    form: BulkForm | None = None,
    fresh: dict[str, str] | None = None,
    problem: str = "",
) -> HttpResponse:
    threshold = settings.BULK_APPROVAL_THRESHOLD
    context: dict[str, Any] = {
        "asked": asked,
        "preview": found,
        "form": form,
        "fresh": fresh,
        "problem": problem,
        "threshold": threshold,
    }
    context["unsendable"] = (
        [(reason, number, asked.log_of(reason)) for reason, number in found.unsendable] if found else []
    )
    context["words"] = asked.chosen.words() if asked.all else ""
    return render(request, "bulk/confirm.html", context, status=400 if found is None else 200)


def _make(request: HttpRequest, owner: User, form: BulkForm) -> Job:
    """Create the job of what was confirmed. The job reports what was delivered since."""
    wanted = form.cleaned_data
    confirmed: Confirmed = wanted["confirmed"]
    ids = sorted([*confirmed.ids, *(confirmed.doubtful if wanted["unknown"] else [])])
    scope = confirmed.asked.query.place.scope(owner)
    job = jobs.create(
        JobKind.RESEND,
        key=wanted["key"],
        owner=owner,
        asked=confirmed.asked,
        newest=confirmed.newest,
        options={"unknown": wanted["unknown"]} | ({"pace": wanted["pace"]} if wanted["pace"] else {}),
        freeze=lambda job: selection.freeze(job, scope, ids),
        approval_above=settings.BULK_APPROVAL_THRESHOLD,
    )
    if gone := len(ids) - job.total:
        messages.warning(request, f"{gone:,} of the messages that you confirmed are no longer in this log.")
    return job
