"""The table of fields by which messages can be selected. A new field is one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet, TextChoices

from notifications.criteria.operators import OPERATORS, Kind, Operator
from notifications.failures import Reason
from notifications.failures.meanings import Level, Meaning
from notifications.masking import WITHHELD
from notifications.models import Message
from notifications.models.legal_hold import legs_on_hold, on_hold
from notifications.models.message import unanswered
from notifications.states import MessageState, MessageType, Outcome, WaitingReason

Choices = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name, its kind and the column it reads."""

    key: str
    label: str
    kind: Kind
    column: str = ""  # the model field; none: `holds` says it
    api: str = ""  # Mambu's name, where it has one
    choices: Choices = ()  # the values that there are; none: any text
    whom: str = ""  # what its key is the key of: client, group, user, message, template
    holds: Callable[[], Q] | None = None  # of a BOOLEAN: when it is true
    legs: Callable[[], list[Q]] | None = None  # conditions that say the same together, each with an index
    folded: bool = False  # whether it is a name or an address, whose fold stands beside it
    staff: bool = False  # whether it is the name of a member of staff
    sms_column: str = ""  # the column that holds it for an SMS whose own one is empty
    bar: str = ""  # its parameter in the filter bar; none: it is asked in More conditions alone

    @property
    def operators(self) -> tuple[Operator, ...]:
        return OPERATORS[self.kind]

    @property
    def withheld(self) -> bool:
        """Whether it reveals what messages say or where they went."""
        return self.column in WITHHELD

    @property
    def related(self) -> QuerySet[Any] | None:
        """The rows that a foreign key refers to; None if the column is the field itself."""
        model = Message._meta.get_field(self.column).related_model if self.column else None
        return model._default_manager.all() if isinstance(model, type) else None

    @property
    def nullable(self) -> bool:
        """Whether empty is NULL rather than the empty text."""
        return Message._meta.get_field(self.column).null


def _states() -> Choices:
    told = {MessageState.QUEUED_FOR_STREAM: "Queued for the stream"}
    return tuple((state.value, told.get(state, str(state.label))) for state in MessageState)


def _choices(values: type[TextChoices]) -> Choices:
    return tuple((member.value, str(member.label)) for member in values)


FIELDS: dict[str, Field] = {
    field.key: field
    for field in (
        Field("state", "State", Kind.ENUM, "state", "state", choices=_states(), bar="state"),
        Field("type", "Type", Kind.ENUM, "type", "type", choices=_choices(MessageType), bar="type"),
        Field(
            "sender_key", "Sent by (user)", Kind.KEY, "sender_user", "senderKey", whom="user", bar="sender"
        ),
        Field("sender", "Sent by (name)", Kind.STRING, "sender", "senderName", staff=True),
        Field("created", "Created", Kind.DATE_TIME, "created_at", "creationDate", bar="created"),
        Field("sent", "Sent", Kind.DATE_TIME, "sent_at", "sendDate"),
        Field("destination", "Destination", Kind.STRING, "destination", "destination", folded=True),
        Field("recipient", "Sent to", Kind.STRING, "recipient_name", "recipientName", folded=True),
        Field("client", "Client", Kind.KEY, "client", "clientKey", whom="client"),
        Field("group", "Group", Kind.KEY, "group", "groupKey", whom="group"),
        Field("user", "User", Kind.KEY, "user", "userKey", whom="user"),
        Field("loan_account", "Loan account (key)", Kind.KEY, "loan_account_key", "loanAccountKey"),
        Field(
            "deposit_account", "Deposit account (key)", Kind.KEY, "deposit_account_key", "depositAccountKey"
        ),
        Field("repayment", "Repayment (key)", Kind.KEY, "repayment_key", "repaymentKey"),
        Field("reference", "Reference", Kind.STRING, "reference_id", "referenceId", sms_column="provider_id"),
        Field("subject", "Subject", Kind.STRING, "subject", "subject"),
        Field("text", "Message text", Kind.TEXT, "content", "body"),
        Field("event", "Event", Kind.ENUM, "event", "event"),
        Field("template_name", "Template", Kind.STRING, "template_name", "templateName"),
        Field("template", "Template (key)", Kind.KEY, "template", "templateKey", whom="template"),
        Field(
            "failure_reason",
            "Failure reason",
            Kind.ENUM,
            "failure_reason",
            "failureReason",
            choices=_choices(Reason),
        ),
        Field(
            "failure_meaning",
            "What the failure means",
            Kind.ENUM,
            "failure_meaning",
            "failureMeaning",
            choices=_choices(Meaning),
        ),
        Field(
            "failure_level",
            "Kind of failure",
            Kind.ENUM,
            "failure_level",
            "failureLevel",
            choices=_choices(Level),
        ),
        Field("failure_details", "Failure details", Kind.STRING, "failure_cause", "failureCause"),
        Field(
            "undelivered",
            "Not yet delivered",
            Kind.BOOLEAN,
            api="undelivered",
            holds=lambda: Q(state=MessageState.FAILED) & unanswered(),
        ),
        Field(
            "outcome_unknown",
            "Failed, but may have been delivered",
            Kind.BOOLEAN,
            api="outcomeUnknown",
            holds=lambda: Q(state=MessageState.FAILED, outcome=Outcome.UNKNOWN),
        ),
        Field(
            "possible_duplicate",
            "May have been delivered twice",
            Kind.BOOLEAN,
            api="possibleDuplicate",
            holds=lambda: Q(possible_duplicate=True),
        ),
        Field(
            "restored",
            "May have been sent before the database was restored",
            Kind.BOOLEAN,
            api="restored",
            holds=lambda: Q(restored_at__isnull=False, outcome=Outcome.UNKNOWN),
        ),
        Field("on_hold", "On legal hold", Kind.BOOLEAN, api="onLegalHold", holds=on_hold, legs=legs_on_hold),
        Field(
            "text_deleted",
            "Text deleted",
            Kind.BOOLEAN,
            api="textDeleted",
            holds=lambda: Q(words_gone_at__isnull=False),
        ),
        Field("attempts", "Attempts", Kind.NUMBER, "attempt_count", "numAttempts"),
        Field("next_attempt", "Next attempt", Kind.DATE_TIME, "due_at", "nextAttemptDate"),
        Field(
            "waiting_reason",
            "Waiting reason",
            Kind.ENUM,
            "waiting_reason",
            "waitingReason",
            choices=_choices(WaitingReason),
        ),
        Field(
            "resend", "Is a resend", Kind.BOOLEAN, api="isResend", holds=lambda: Q(resend_of__isnull=False)
        ),
        Field("resend_of", "Resend of (key)", Kind.KEY, "resend_of", "resendOf", whom="message"),
        Field("resent_by", "Resent by", Kind.STRING, "resent_by", "resentBy", staff=True),
        Field("key", "Key", Kind.KEY, "key", "encodedKey"),
    )
}
BY_API_NAME = {field.api: field for field in FIELDS.values() if field.api}
