"""Manual messages: e-mails and SMS to clients, groups, users or addresses."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from django.http import HttpRequest

from commlog import audit, permissions
from commlog.api.callers import Caller, caller_of
from commlog.api.codes import Code
from commlog.api.description import fields_of
from commlog.api.errors import ApiError
from commlog.api.json_input import is_absent
from commlog.api.operations import demand
from commlog.api.schemas import KEYS_ABOUT, DraftReader
from commlog.kit.sentences import with_field
from commlog.message.compose import TARGETS, filled_by_hand
from commlog.models import User
from commlog.recipients.kinds import kind_of
from notifications import channels, outbox
from notifications.faults import Malformed
from notifications.models import Message, NotificationTemplate
from notifications.models.template import Trigger
from notifications.outbox import Draft, Ready
from notifications.states import MessageType
from notifications.text import keys

EVENT = "MANUAL"
RECIPIENTS = ("clientKey", "groupKey", "userKey")
_PLACES_FOR_TEXT = {"subject": "", "body": ""}  # the template says both
_ABOUT = (*KEYS_ABOUT, "referenceId")
_TOLD_BY_CALLER = {"destination", "subject", "body", "html", *_ABOUT}
_OPEN = {
    "encodedKey",
    "type",
    "state",
    "creationDate",
    "sendDate",
    "numRetries",
    "event",
    "failureReason",
    "waitingReason",
    "outcome",
}
_OPEN |= {"senderKey", "templateKey", *RECIPIENTS}  # of the recipients the caller named one
# Of a message as it is answered: what only the sending decides. It may be given and says nothing.
READ_ONLY = frozenset(
    {"encodedKey", "creationDate", "sendDate", "state", "failureReason", "failureCause", "numRetries"}
    | {
        "eventKey",
        "providerId",
        "waitingReason",
        "outcome",
        "possibleDuplicate",
        "receipt",
        "receiptDate",
        "resendOf",
        "textDeletedDate",
        "attempts",
    }
)


def read(request: HttpRequest, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are not empty. Checks what needs no database, including the permission."""
    fields = {name: value for name, value in body.items() if name not in READ_ONLY and not is_absent(value)}
    taken = fields_of("NewMessage") - READ_ONLY
    if unknown := sorted(set(fields) - taken):
        source = f"{unknown[0][:64]}: cannot be given; these can: {', '.join(sorted(taken))}"
        raise ApiError(400, Code.PARAMETER_NOT_ALLOWED, source)
    channel = _channel(fields)
    demand(
        request,
        permissions.may_send(caller_of(request), channel),
        f"sending needs the permission “Send manual {channel.label}”",
    )
    _check_texts(fields, channel)
    _check_sender(fields, caller_of(request))
    if fields.get("event", EVENT) != EVENT:
        raise ApiError(400, Code.INVALID_PARAMETERS, f"event: must be {EVENT}, for what is sent by hand")
    return fields


class Drafts:
    """Turns a caller's fields into drafts; queries each row once."""

    def __init__(self, caller: Caller, many: Collection[Mapping[str, Any]]) -> None:
        self._caller = caller
        self._reader = DraftReader()
        self._reader.look_up(many)
        named = {
            key
            for fields in many
            if "templateKey" in fields and (key := keys.key_in(str(fields["templateKey"]).strip()))
        }
        known = (
            NotificationTemplate.objects.known().filter(key__in=named, trigger=Trigger.MANUAL)
            if named
            else ()
        )
        self._templates = {template.key: template for template in known}

    def read(self, fields: Mapping[str, Any]) -> Ready:
        """Return the message as it would be stored. Raises ApiError or Malformed."""
        given = {
            name: value for name, value in fields.items() if name not in ("senderKey", "event", "templateKey")
        }
        draft = self._reader.read(given | _PLACES_FOR_TEXT if "templateKey" in fields else given)
        if "templateKey" in fields:
            draft = _from_template(
                draft, self._templates.get(keys.read("templateKey", fields["templateKey"])), self._caller
            )
        try:
            return outbox.check(replace(draft, sender=self._caller, event=EVENT))
        except Malformed as error:
            code = Code.INVALID_EMAIL_SUBJECT if error.field == "subject" else Code.INVALID_PARAMETERS
            raise ApiError(400, code, with_field(error)) from error


def store(caller: Caller, ready: Sequence[Ready]) -> list[Message]:
    """Store messages in the caller's transaction, with an audit entry."""
    if not ready:
        return []
    messages = outbox.store(ready)
    for message, (draft, _) in zip(messages, ready, strict=True):
        message.user, message.sender_user = cast(User | None, draft.user), caller.user
    first, several = messages[0], len(messages) > 1
    label = (
        f"{len(messages):,} by the API"
        if several
        else f"{first.type} to {first.recipient_name or first.destination}"
    )
    told = (
        {"messages": len(messages), "first": first.key.hex, "last": messages[-1].key.hex} if several else None
    )
    audit.sent(caller.actor, label, key="" if several else first.key.hex, after=told)
    return messages


def as_given(fields: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message for a caller that may only send: no address and no text beyond those it sent."""
    own = {name for name in _TOLD_BY_CALLER if fields.get(name)}
    return {name: value for name, value in told.items() if name in _OPEN or name in own}


def _from_template(draft: Draft, found: NotificationTemplate | None, caller: Caller) -> Draft:
    """Return the draft filled from the template for its recipient. Raises ApiError if the template does
    not apply.
    """
    if found is None:
        source = "templateKey: no such template for manual messages"
        raise ApiError(404, Code.OBJECT_NOT_FOUND, source)
    recipient: Any = draft.recipient
    if not found.active:
        raise ApiError(400, Code.INVALID_PARAMETERS, "templateKey: the template is inactive")
    if found.type != draft.type:
        source = f"templateKey: the template is for {found.type}, the message is of the type {draft.type}"
        raise ApiError(400, Code.INVALID_PARAMETERS, source)
    if recipient is None or found.target != TARGETS[kind_of(recipient).name]:
        raise ApiError(
            400,
            Code.INVALID_TARGET,
            f"templateKey: the template is for {found.get_target_display().lower()}, not for this recipient",
        )
    return replace(draft, **filled_by_hand(found, recipient, by=caller), template=found)


def _channel(fields: Mapping[str, Any]) -> MessageType:
    given = fields.get("type")
    if given is None:
        raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, "type: is missing")
    if given not in channels.FOR_PEOPLE:
        source = f"type: only {' and '.join(channels.FOR_PEOPLE)} can be sent by hand"
        raise ApiError(400, Code.INVALID_PARAMETERS, source)
    return MessageType(given)


def _check_texts(fields: Mapping[str, Any], channel: MessageType) -> None:
    if "templateKey" in fields:
        for name in ("subject", "body", "html"):
            if name in fields:
                source = f"{name}: must be empty where templateKey says what is sent"
                raise ApiError(400, Code.PARAMETER_NOT_ALLOWED, source)
        return
    if "body" not in fields:
        raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, "body: is missing")
    facts = channels.of(channel)
    if "subject" in facts.fields and "subject" not in fields:
        raise ApiError(400, Code.INVALID_EMAIL_SUBJECT, f"subject: is missing; {facts.one} needs one")
    for name in ("subject", "html"):
        if name in fields and name not in facts.fields:
            raise ApiError(400, Code.PARAMETER_NOT_ALLOWED, f"{name}: is for e-mails only")


def _check_sender(fields: Mapping[str, Any], caller: Caller) -> None:
    """Refuse another sender than the caller; a program's sender is its consumer."""
    given = fields.get("senderKey")
    if given is not None and not (caller.user and keys.key_in(str(given)) == caller.user.key):
        raise ApiError(400, Code.INVALID_PARAMETERS, "senderKey: must be the key of the user who calls")
