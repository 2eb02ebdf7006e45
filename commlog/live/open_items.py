"""Items open over or within a page: a message in a dialog, a job in a line."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from commlog import permissions
from commlog.bulk.report import report
from commlog.live import parts
from commlog.log.columns import ON_HOLD
from commlog.log.content_conditions import asks_content
from commlog.log.places import Place
from commlog.message.compose import can_be_written_anew
from commlog.message.correction import CorrectionForm, correction_of
from commlog.message.detail import read
from commlog.message.revealing import RevealForm
from commlog.models import Job
from commlog.models.job import JobKind
from commlog.recipients.kinds import kind_of, recipient_of, url_of
from notifications.models import Message
from notifications.models.legal_hold import holds_on
from notifications.models.message import MessageQuerySet
from notifications.states import MessageType
from notifications.text.keys import key_in

_MESSAGE, _JOB = "message", "job"  # among the parts that a page has: the key of what is open
_BESIDE = ("client", "group", "user", "resent_by_user", "template", "business_event")


def shown(request: HttpRequest) -> list[parts.Shown]:
    """Return what the polling page has open, if it still exists and the reader may see it."""
    found: list[parts.Shown] = []
    seen = parts.seen_by(request) or {}
    if message := _message(request, seen.get(_MESSAGE, "")):
        found.append(("message/message.html", of_message(request, message) | {"in_dialog": True}))
    if job := _job(request, seen.get(_JOB, "")):
        found.append(("jobs/progress.html", of_job(request, job) | {"brief": True}))
    return found


def messages(request: HttpRequest) -> Any:
    """Return the messages that the reader may open, with related rows and whether they are on hold."""
    return with_beside(permissions.messages_for(request.user))


def with_beside(found: MessageQuerySet) -> MessageQuerySet:
    """Return the messages with the rows that their page shows."""
    return found.select_related(*_BESIDE).annotate(on_hold=ON_HOLD)


def jobs(request: HttpRequest) -> Any:
    """Return the jobs that the reader may open, with their users."""
    return permissions.jobs_for(request.user).select_related("owner", "approver")


def of_message(request: HttpRequest, message: Message, form: CorrectionForm | None = None) -> dict[str, Any]:
    """Return the context of a message's page and dialog. `form`: *Correct the address*, as submitted."""
    reading = read(message)
    return {
        "reading": reading,
        "message": message,
        "offer": reading.offer,
        "can_resend": permissions.may_resend(request.user),
        "can_send_anew": can_be_written_anew(message)
        and permissions.may_send_anew(request.user, MessageType(message.type)),
        "holds": holds_on(message) if getattr(message, "on_hold", False) else [],
        "hold_url": f"{reverse('legal-hold-new')}?of=message&which={message.key.hex}"
        if permissions.may_manage_retention(request.user)
        else "",
        "readers_url": reverse("message-readers", args=[message.key])
        if permissions.may_view_access(request.user)
        else "",
        "recipient_url": _recipient_url(request, message),
        "template_url": _template_url(request, message),
        "reveal": RevealForm() if message.masked and permissions.may_reveal(request.user) else None,
        "correction": correction_of(reading, by=request.user, form=form),
    }


def of_job(request: HttpRequest, job: Job) -> dict[str, Any]:
    """Return the context of a job's page and its line in a log."""
    hidden = asks_content(job.pairs) and not permissions.may_read_content(request.user)
    return {
        "report": report(job) if job.kind == JobKind.RESEND else None,
        "job": job,
        "may_steer": permissions.may_steer_job(request.user, job),
        "may_approve": permissions.may_approve_job(request.user, job),
        "part": f"jobs/{job.kind.lower()}.html",
        "log_url": "" if hidden else f"{Place.of(job).url}?{urlencode(job.pairs)}",
    }


def _message(request: HttpRequest, key: str) -> Message | None:
    found: Message | None = messages(request).filter(key=key_in(key)).first() if key else None
    return found


def _job(request: HttpRequest, key: str) -> Job | None:
    found: Job | None = jobs(request).filter(key=key_in(key)).first() if key else None
    return found


def _recipient_url(request: HttpRequest, message: Message) -> str:
    """Return the URL of the message's recipient, if the reader may open it."""
    recipient = recipient_of(message)
    return (
        url_of(recipient)
        if recipient and permissions.may_view_recipient(request.user, kind_of(recipient).name)
        else ""
    )


def _template_url(request: HttpRequest, message: Message) -> str:
    """Return the URL of the message's template, if it exists and the reader may open it."""
    made_from = message.template
    if made_from is None or made_from.deleted_at or not permissions.may_view_templates(request.user):
        return ""
    return reverse("template", args=[made_from.key])
