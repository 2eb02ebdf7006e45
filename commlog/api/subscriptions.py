"""What clients and groups hear of. (`/api/subscriptions` belongs to streams.)"""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router

from commlog import permissions
from commlog.api import bodies
from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.description import answers, component, describes
from commlog.api.errors import ApiError
from commlog.api.operations import needs
from commlog.api.shapes import ANSWERED_KEY, KEY, TEXT, closed
from commlog.recipients import subscriptions
from notifications import events
from notifications.events import Choice
from notifications.models import Client, Group, NotificationTemplate
from notifications.text.gate import clean
from notifications.text.keys import key_in

router = Router(tags=["Subscriptions"])
_FLAG = {"type": "boolean"}
SUBSCRIPTION = component(
    "Subscription",
    closed(
        {"templateKey": ANSWERED_KEY, "name": TEXT, "type": TEXT, "event": TEXT, "subscribed": _FLAG, "chosen": _FLAG},
        "templateKey",
        "subscribed",
    ),
)
_LIST = {"type": "array", "items": SUBSCRIPTION}
_WHICH = component("SubscriptionWish", closed({"templateKey": KEY}, "templateKey"))
_READS, _WRITES = "reading this needs the permission “View {0}s”", "this needs the permissions “View {0}s” and “Edit {0}s”"
_FOUND = describes(_200=answers("Every template that can concern it, and whether it is heard of", _LIST))
_MADE = describes(body=_WHICH, _200=answers("The subscription", SUBSCRIPTION))
_GONE = describes(_204=answers("Unsubscribed"))


@router.get("/clients/{owner}/subscriptions", operation_id="getClientSubscriptions", openapi_extra=_FOUND)
@needs(lambda caller: permissions.may_view_recipient(caller, "client"), _READS.format("client"))
def of_client(request: HttpRequest, owner: str) -> HttpResponse:
    """What a client hears of. `owner`: its key or ID."""
    return _listed(_client(owner))


@router.post("/clients/{owner}/subscriptions", operation_id="subscribeClient", openapi_extra=_MADE)
@needs(lambda caller: permissions.may_edit_recipient(caller, "client"), _WRITES.format("client"))
def subscribe_client(request: HttpRequest, owner: str) -> HttpResponse:
    """Subscribe a client to a template."""
    return _subscribed(request, _client(owner))


@router.delete("/clients/{owner}/subscriptions/{templateId}", operation_id="unsubscribeClient", openapi_extra=_GONE)
@needs(lambda caller: permissions.may_edit_recipient(caller, "client"), _WRITES.format("client"))
def unsubscribe_client(request: HttpRequest, owner: str, templateId: str) -> HttpResponse:
    """Unsubscribe a client from a template."""
    return _unsubscribed(request, _client(owner), templateId)


@router.get("/groups/{owner}/subscriptions", operation_id="getGroupSubscriptions", openapi_extra=_FOUND)
@needs(lambda caller: permissions.may_view_recipient(caller, "group"), _READS.format("group"))
def of_group(request: HttpRequest, owner: str) -> HttpResponse:
    """What a group hears of. `owner`: its key or ID."""
    return _listed(_group(owner))


@router.post("/groups/{owner}/subscriptions", operation_id="subscribeGroup", openapi_extra=_MADE)
@needs(lambda caller: permissions.may_edit_recipient(caller, "group"), _WRITES.format("group"))
def subscribe_group(request: HttpRequest, owner: str) -> HttpResponse:
    """Subscribe a group to a template."""
    return _subscribed(request, _group(owner))


@router.delete("/groups/{owner}/subscriptions/{templateId}", operation_id="unsubscribeGroup", openapi_extra=_GONE)
@needs(lambda caller: permissions.may_edit_recipient(caller, "group"), _WRITES.format("group"))
def unsubscribe_group(request: HttpRequest, owner: str, templateId: str) -> HttpResponse:
    """Unsubscribe a group from a template."""
    return _unsubscribed(request, _group(owner), templateId)


def _listed(owner: Client | Group) -> HttpResponse:
    return JsonResponse([_out(choice) for choice in events.choices(owner)], safe=False)


def _subscribed(request: HttpRequest, owner: Client | Group) -> HttpResponse:
    body = bodies.read(request)
    if not isinstance(body, dict) or set(body) - {"templateKey"}:
        raise ApiError(400, Code.INVALID_PARAMETERS, "the body: must be an object with the field templateKey alone")
    if "templateKey" not in body:
        raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, "templateKey: is missing")
    template = _template(owner, clean("templateKey", body["templateKey"], most=64))
    subscriptions.choose(owner, template, subscribed=True, by=caller_of(request).actor)
    return JsonResponse(_out(Choice(template, subscribed=True, chosen=True)))


def _unsubscribed(request: HttpRequest, owner: Client | Group, key: str) -> HttpResponse:
    subscriptions.choose(owner, _template(owner, key), subscribed=False, by=caller_of(request).actor)
    return HttpResponse(status=204)


def _out(choice: Choice) -> dict[str, Any]:
    template = choice.template
    found = {"templateKey": template.key.hex, "name": template.name, "type": template.type, "event": template.event}
    return found | {"subscribed": choice.subscribed, "chosen": choice.chosen}


def _client(owner: str) -> Client:
    key = key_in(owner)
    wanted = {"key": key} if key else {"client_id": clean("owner", owner)}
    found = Client.objects.filter(**wanted).first()
    if found is None:
        raise ApiError(404, Code.OBJECT_NOT_FOUND, f"there is no client {key.hex if key else owner[:64]}")
    return found


def _group(owner: str) -> Group:
    key = key_in(owner)
    wanted = {"key": key} if key else {"group_id": clean("owner", owner)}
    found = Group.objects.filter(**wanted).first()
    if found is None:
        raise ApiError(404, Code.OBJECT_NOT_FOUND, f"there is no group {key.hex if key else owner[:64]}")
    return found


def _template(owner: Client | Group, key: str) -> NotificationTemplate:
    wanted = key_in(key)
    found = events.concerning(owner).filter(key=wanted).first() if wanted else None
    if found is None:
        raise ApiError(404, Code.OBJECT_NOT_FOUND, f"templateKey: no template {wanted.hex if wanted else key[:64]} can concern it")
    return found
