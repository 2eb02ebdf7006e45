"""Notification subscriptions of clients and groups. (`/api/subscriptions` belongs to streams.)"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router

from commlog import permissions
from commlog.api import bodies
from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.description import answers, component, describes
from commlog.api.errors import ApiError
from commlog.api.json_schemas import ANSWERED_KEY, KEY, TEXT, closed
from commlog.api.operations import needs
from commlog.recipients import subscriptions
from notifications import events
from notifications.events import Choice
from notifications.models import Client, Group, NotificationTemplate
from notifications.text.keys import key_in
from notifications.text.validation import clean

router = Router(tags=["Subscriptions"])
_FLAG = {"type": "boolean"}
SUBSCRIPTION = component(
    "Subscription",
    closed(
        {
            "templateKey": ANSWERED_KEY,
            "name": TEXT,
            "type": TEXT,
            "event": TEXT,
            "subscribed": _FLAG,
            "chosen": _FLAG,
        },
        "templateKey",
        "subscribed",
    ),
)
_LIST = {"type": "array", "items": SUBSCRIPTION}
_WHICH = component("SubscriptionWish", closed({"templateKey": KEY}, "templateKey"))
_READS, _WRITES = (
    "reading this needs the permission “View {0}s”",
    "this needs the permissions “View {0}s” and “Edit {0}s”",
)
_FOUND = describes(_200=answers("Every template that applies to it, and whether it is subscribed", _LIST))
_MADE = describes(body=_WHICH, _200=answers("The subscription", SUBSCRIPTION))
_GONE = describes(_204=answers("Unsubscribed"))


def _serve(kind: str, found: Callable[[str], Client | Group]) -> None:
    """Register the operations on the notification subscriptions of a client or group."""
    path, title = f"/{kind}s/{{owner}}/subscriptions", kind.title()
    reads = needs(lambda caller: permissions.may_view_recipient(caller, kind), _READS.format(kind))
    writes = needs(lambda caller: permissions.may_edit_recipient(caller, kind), _WRITES.format(kind))

    @reads
    def of_owner(request: HttpRequest, owner: str) -> HttpResponse:
        return _listed(found(owner))

    @writes
    def subscribe(request: HttpRequest, owner: str) -> HttpResponse:
        return _subscribed(request, found(owner))

    @writes
    def unsubscribe(request: HttpRequest, owner: str, templateId: str) -> HttpResponse:
        return _unsubscribed(request, found(owner), templateId)

    about, named = f"The subscriptions of a {kind}. `owner`: its key or ID.", f"get{title}Subscriptions"
    router.get(path, operation_id=named, summary=f"Of {title}", description=about, openapi_extra=_FOUND)(
        of_owner
    )
    about, named = f"Subscribe a {kind} to a template.", f"subscribe{title}"
    router.post(
        path, operation_id=named, summary=f"Subscribe {title}", description=about, openapi_extra=_MADE
    )(subscribe)
    path, about, named = (
        f"{path}/{{templateId}}",
        f"Unsubscribe a {kind} from a template.",
        f"unsubscribe{title}",
    )
    router.delete(
        path, operation_id=named, summary=f"Unsubscribe {title}", description=about, openapi_extra=_GONE
    )(unsubscribe)


def _listed(owner: Client | Group) -> HttpResponse:
    return JsonResponse([_out(choice) for choice in events.choices(owner)], safe=False)


def _subscribed(request: HttpRequest, owner: Client | Group) -> HttpResponse:
    body = bodies.read(request)
    if not isinstance(body, dict) or set(body) - {"templateKey"}:
        source = "the body: must be an object with the field templateKey alone"
        raise ApiError(400, Code.INVALID_PARAMETERS, source)
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
    found = {
        "templateKey": template.key.hex,
        "name": template.name,
        "type": template.type,
        "event": template.event,
    }
    return found | {"subscribed": choice.subscribed, "chosen": choice.chosen}


def owner_of(model: type[Client] | type[Group], kind: str, owner: str) -> Client | Group:
    """Return the client or group with this key or ID. Raises ApiError."""
    key = key_in(owner)
    found = model.objects.filter(**({"key": key} if key else {f"{kind}_id": clean("owner", owner)})).first()
    if found is None:
        raise ApiError(404, Code.OBJECT_NOT_FOUND, f"there is no {kind} {key.hex if key else owner[:64]}")
    return found


def _template(owner: Client | Group, key: str) -> NotificationTemplate:
    wanted = key_in(key)
    found = events.concerning(owner).filter(key=wanted).first() if wanted else None
    if found is None:
        source = f"templateKey: no template {wanted.hex if wanted else key[:64]} applies to it"
        raise ApiError(404, Code.OBJECT_NOT_FOUND, source)
    return found


_serve("client", lambda owner: owner_of(Client, "client", owner))
_serve("group", lambda owner: owner_of(Group, "group", owner))
