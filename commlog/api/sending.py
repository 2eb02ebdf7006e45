"""Sending one message by hand: an e-mail or an SMS, to a client, a group, a user, or an address."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from commlog import audit, permissions
from commlog.api.callers import Caller, caller_of
from commlog.api.codes import Code
from commlog.api.errors import ApiError
from commlog.api.json_input import is_absent
from commlog.api.operations import demand
from commlog.api.schemas import RELATED, DraftReader, NoSuch, message_out
from commlog.audit import AuditAction
from commlog.compose import TARGETS, filled_by_hand
from commlog.recipients import kind_of
from notifications import keys, outbox
from notifications.models import Message, NotificationTemplate
from notifications.models.template import Trigger
from notifications.outbox import Draft
from notifications.states import MessageType
from notifications.text import Malformed

EVENT = "MANUAL"
CHANNELS = (MessageType.EMAIL, MessageType.SMS)
RECIPIENTS = ("clientKey", "groupKey", "userKey")
_PLACES_FOR_TEXT = {"subject": "", "body": ""}  # the template says both
_TOLD_BY_CALLER = {"destination", "subject", "body", "html"}
_OPEN = {"encodedKey", "type", "state", "creationDate", "sendDate", "numRetries", "event", "failureReason", "waitingReason", "outcome"}
_OPEN |= {"senderKey", "templateKey", *RECIPIENTS}  # of the recipients the caller named one
_TAKEN = {"type", "subject", "body", "html", "destination", "event", "senderKey", "templateKey", *RECIPIENTS}


def read(request: HttpRequest, body: Any) -> dict[str, Any]:
    """The fields of a message to send that are not empty. What needs no database is checked here, the permission included."""
    if not isinstance(body, dict):
        raise ApiError(400, Code.INVALID_PARAMETERS, "the body: must be an object")
    fields = {name: value for name, value in body.items() if not is_absent(value)}
    if unknown := sorted(set(fields) - _TAKEN):
        raise ApiError(400, Code.PARAMETER_NOT_ALLOWED, f"{unknown[0][:64]}: cannot be given; these can: {', '.join(sorted(_TAKEN))}")
    channel = _channel(fields)
    demand(request, permissions.may_send(caller_of(request), channel), f"sending needs the permission “Send manual {channel.label}”")
    _check_texts(fields, channel)
    _check_sender(fields, caller_of(request))
    if fields.get("event", EVENT) != EVENT:
        raise ApiError(400, Code.INVALID_PARAMETERS, f"event: must be {EVENT}, for what is sent by hand")
    return fields


def send(request: HttpRequest, fields: Mapping[str, Any]) -> Message:
    """Store the message, in the caller's transaction."""
    caller = caller_of(request)
    given = {name: value for name, value in fields.items() if name not in ("senderKey", "event", "templateKey")}
    try:
        draft = DraftReader().read(given | _PLACES_FOR_TEXT if "templateKey" in fields else given)
    except NoSuch as error:
        raise ApiError(404, Code.OBJECT_NOT_FOUND, str(error)) from error
    if "templateKey" in fields:
        draft = _from_template(draft, fields["templateKey"], caller)
    try:
        message = outbox.enqueue(replace(draft, sender=caller, event=EVENT))
    except Malformed as error:
        code = Code.INVALID_EMAIL_SUBJECT if error.field == "subject" else Code.INVALID_PARAMETERS
        raise ApiError(400, code, str(error)) from error
    label = f"{message.type} to {message.recipient_name or message.destination}"
    audit.record(caller.actor, AuditAction.SENT, kind="message", key=message.key.hex, label=label)
    return Message.objects.select_related(*RELATED).get(pk=message.pk)


def answered(request: HttpRequest, fields: Mapping[str, Any]) -> HttpResponse:
    """Store the message, and return it as the answer."""
    message = send(request, fields)
    return JsonResponse(message_out(message), status=201, headers={"Location": f"{request.path}/{message.key.hex}"})


def shown(request: HttpRequest, fields: Mapping[str, Any], answer: HttpResponse) -> HttpResponse:
    """Return the answer as the caller may read it: a program that only sends learns no address and no text that it did not give."""
    if permissions.may_read_messages(caller_of(request)):
        return answer
    told = json.loads(answer.content)
    own = {name for name in _TOLD_BY_CALLER if fields.get(name)}
    allowed = {name: value for name, value in told.items() if name in _OPEN or name in own}
    return JsonResponse(allowed, status=answer.status_code, headers={"Location": answer["Location"]})


def _from_template(draft: Draft, key: Any, caller: Caller) -> Draft:
    """The draft with what the template says to its recipient. Raises ApiError where the template does not fit."""
    known = NotificationTemplate.objects.known().filter(key=keys.read("templateKey", key), trigger=Trigger.MANUAL)
    found = known.first()
    if found is None:
        raise ApiError(404, Code.OBJECT_NOT_FOUND, "templateKey: there is no such template for messages by hand")
    recipient: Any = draft.recipient
    if not found.active:
        raise ApiError(400, Code.INVALID_PARAMETERS, "templateKey: the template is switched off")
    if found.type != draft.type:
        raise ApiError(
            400, Code.INVALID_PARAMETERS, f"templateKey: the template is for {found.type}, the message is of the type {draft.type}"
        )
    if recipient is None or found.target != TARGETS[kind_of(recipient).name]:
        raise ApiError(
            400, Code.INVALID_TARGET, f"templateKey: the template is about {found.get_target_display().lower()}, the addressee is none"
        )
    return replace(draft, **filled_by_hand(found, recipient, by=caller), template=found)


def _channel(fields: Mapping[str, Any]) -> MessageType:
    given = fields.get("type")
    if given is None:
        raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, "type: is missing")
    if given not in CHANNELS:
        raise ApiError(400, Code.INVALID_PARAMETERS, "type: only EMAIL and SMS can be sent by hand")
    return MessageType(given)


def _check_texts(fields: Mapping[str, Any], channel: MessageType) -> None:
    if "templateKey" in fields:
        for name in ("subject", "body", "html"):
            if name in fields:
                raise ApiError(400, Code.PARAMETER_NOT_ALLOWED, f"{name}: must be empty where templateKey says what is sent")
        return
    if "body" not in fields:
        raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, "body: is missing")
    if channel == MessageType.EMAIL and "subject" not in fields:
        raise ApiError(400, Code.INVALID_EMAIL_SUBJECT, "subject: is missing; an e-mail needs one")
    if channel == MessageType.SMS:
        for name in ("subject", "html"):
            if name in fields:
                raise ApiError(400, Code.PARAMETER_NOT_ALLOWED, f"{name}: is for e-mails only")


def _check_sender(fields: Mapping[str, Any], caller: Caller) -> None:
    """Nobody writes in another's name. A program has none to give: the log shows its consumer as the sender."""
    given = fields.get("senderKey")
    if given is not None and not (caller.user and keys.key_in(str(given)) == caller.user.key):
        raise ApiError(400, Code.INVALID_PARAMETERS, "senderKey: must be the key of the user who calls")
