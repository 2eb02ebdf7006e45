"""The place of a log: the organisation's, a recipient's Communications tab, or an account's."""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from django.http import Http404
from django.urls import Resolver404, resolve, reverse

from commlog import permissions
from commlog.models import Job
from commlog.models.column_layout import LogKind
from commlog.permissions import Person
from commlog.recipients.kinds import KINDS, Recipient, messages_of
from commlog.recipients.people import label
from notifications.models.message import MessageQuerySet

_LOG = "log"
_TAB = "-communications"


@dataclass(frozen=True, slots=True)
class Place:
    """A log: its kind, and the key of its client, group, user or account."""

    kind: LogKind = LogKind.LOG
    key: UUID | None = None

    @classmethod
    def at(cls, address: str) -> Self:
        """Return the log of a URL. Raises Http404 if there is none."""
        try:
            found = resolve(address.partition("?")[0])
        except Resolver404 as error:
            raise Http404("Log not found.") from error
        name = found.url_name or ""
        if name == _LOG:
            return cls()
        kind = name.removesuffix(_TAB)
        if not name.endswith(_TAB) or kind.upper() not in LogKind:
            raise Http404("Log not found.")
        return cls(LogKind[kind.upper()], found.kwargs["key"])

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return the log that a job is about."""
        return cls(LogKind(job.log), job.whom)

    @property
    def recipient(self) -> Recipient | None:
        """Return the tab's recipient; None if the log has none, or it was deleted."""
        kind = KINDS.get(self.kind.lower())
        found: Recipient | None = kind.objects.filter(key=self.key).first() if kind else None
        return found

    @property
    def whose(self) -> str:
        """Return whose log it is: “of Ana Silva (000123)”; "" for the organisation's."""
        if self.kind == LogKind.ACCOUNT and self.key:
            return f"about the account {self.key.hex}"
        recipient = self.recipient
        return f"of {label(recipient)}" if recipient else ""

    @property
    def url(self) -> str:
        return reverse(f"{self.kind.lower()}{_TAB}", args=[self.key]) if self.key else reverse(_LOG)

    def scope(self, user: Person) -> MessageQuerySet:
        """Return its messages. Raises PermissionDenied if the user may not open it, Http404 if deleted."""
        permissions.demand_log_of(user, self.kind)
        messages = permissions.messages_for(user)
        if self.key is None:
            return messages
        if self.kind == LogKind.ACCOUNT:
            return messages.of_account(self.key)
        recipient = self.recipient
        if recipient is None:
            raise Http404(f"There is no such {self.kind.lower()}.")
        return messages_of(recipient, messages)
