"""The organisation-wide switch of webhooks, as clients of Mambu's API know it."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from ninja import Router

from commlog import permissions
from commlog.administration.channels import changes
from commlog.api import bodies
from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.description import answers, component, describes
from commlog.api.errors import ApiError
from commlog.api.operations import needs
from notifications.channels.webhook import WebhookChannel
from notifications.models import ChannelSwitch

router = Router(tags=["Notification settings"])

_SETTINGS = component(
    "WebHookNotificationSettings",
    {
        "type": "object",
        "required": ["state"],
        "properties": {"state": {"type": "string", "enum": ["ENABLED", "DISABLED"]}},
    },
)
_REFUSAL = "this needs the permission “Manage administration”"


@router.get(
    "/notificationsettings/webhook",
    operation_id="webHookSettings",
    openapi_extra=describes(_200=answers("The switch", _SETTINGS)),
)
@needs(permissions.may_manage_administration, _REFUSAL)
def read(request: HttpRequest) -> JsonResponse:
    """Return whether webhooks are enabled."""
    return _answer(not ChannelSwitch.objects.filter(channel=WebhookChannel.type, enabled=False).exists())


@router.put(
    "/notificationsettings/webhook",
    operation_id="switchWebHooks",
    openapi_extra=describes(body=_SETTINGS, _200=answers("The switch as it is now", _SETTINGS)),
)
@needs(permissions.may_manage_administration, _REFUSAL)
def write(request: HttpRequest) -> JsonResponse:
    """Enable or disable webhooks for the whole organisation."""
    enabled = _wanted(bodies.read(request))
    return _answer(changes.switch(WebhookChannel.type, enabled=enabled, by=caller_of(request).actor).enabled)


def _wanted(body: Any) -> bool:
    state = body.get("state") if isinstance(body, dict) else None
    if state not in ("ENABLED", "DISABLED"):
        raise ApiError(400, Code.INVALID_PARAMETERS, "state: must be ENABLED or DISABLED")
    return bool(state == "ENABLED")


def _answer(enabled: bool) -> JsonResponse:
    return JsonResponse({"state": "ENABLED" if enabled else "DISABLED"})
