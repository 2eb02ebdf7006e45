"""Webhook templates: create, read, patch and delete."""

from collections.abc import Mapping
from copy import copy
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Path, Router

from commlog import permissions
from commlog.api import bodies
from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.description import PLACE, answers, describes, fields_of
from commlog.api.errors import ApiError
from commlog.api.idempotency import once
from commlog.api.json_schemas import KEY
from commlog.api.operations import needs
from commlog.api.template_schemas import NEW, PATCH, TEMPLATE
from commlog.api.template_words import OPERATIONS, fill_in, secrets_missing, template_out
from commlog.kit.compression import SHOWN_ONCE
from commlog.message_templates import changes
from notifications.channels.webhook import WebhookChannel
from notifications.faults import Fault, Malformed
from notifications.models import NotificationTemplate
from notifications.secrets.urls import shortened
from notifications.text import keys
from notifications.text.validation import clean

router = Router(tags=["Templates"])
_creating = needs(
    permissions.may_create_templates, "creating templates needs the permission “Create templates”"
)
_editing = needs(permissions.may_edit_templates, "editing templates needs the permission “Edit templates”")


@router.post(
    "/templates",
    operation_id="createTemplate",
    openapi_extra=describes(
        body=NEW,
        once=True,
        _201=answers("The template, with its signing secret, shown only once", TEMPLATE, headers=PLACE),
    ),
)
@_creating
def create(request: HttpRequest) -> HttpResponse:
    """Create a webhook template."""
    body = _object(bodies.read(request))
    return once(request, lambda: _create(request, body))


@router.get(
    "/templates/{templateId}",
    operation_id="getTemplate",
    openapi_extra=describes(_200=answers("The template", TEMPLATE)),
)
@needs(permissions.may_view_templates, "reading templates needs the permission to create or edit them")
def get(request: HttpRequest, templateId: str = Path(..., pattern=KEY["pattern"])) -> HttpResponse:
    """Return one webhook template without its secrets; its full URL only with the permission to edit
    templates.
    """
    shown = template_out(_found(templateId))
    if not permissions.may_read_secret_urls(caller_of(request)):
        shown["url"] = shortened(shown["url"])
    return JsonResponse(shown)


@router.patch(
    "/templates/{templateId}",
    operation_id="patchTemplate",
    openapi_extra=describes(body=PATCH, _200=answers("The template as it is now", TEMPLATE)),
)
@_editing
def patch(request: HttpRequest, templateId: str = Path(..., pattern=KEY["pattern"])) -> HttpResponse:
    """Edit fields of a template. Messages already created do not change.

    A URL of another scheme, host or port needs the password and the hidden headers again, or null in their
    place.
    """
    steps = bodies.read(request)
    found = _found(templateId)
    before = copy(found)
    fill_in(found, _patched(template_out(found), steps))
    try:
        changes.change(found, before=before, by=caller_of(request).actor)
    except changes.SecretsMoved as error:
        raise secrets_missing(error.fields) from error
    return JsonResponse(template_out(found))


@router.delete(
    "/templates/{templateId}",
    operation_id="deleteTemplate",
    openapi_extra=describes(_204=answers("Deleted")),
)
@_editing
def delete(request: HttpRequest, templateId: str = Path(..., pattern=KEY["pattern"])) -> HttpResponse:
    """Delete a template. Messages created from it stay."""
    changes.delete(_found(templateId), by=caller_of(request).actor)
    return HttpResponse(status=204)


def _create(request: HttpRequest, body: Mapping[str, Any]) -> HttpResponse:
    made = NotificationTemplate()
    fill_in(made, body)
    secret = changes.create(made, by=caller_of(request).actor)
    told = template_out(made) | {"signingSecret": secret}
    return JsonResponse(told, status=201, headers=SHOWN_ONCE | {"Location": f"{request.path}/{made.key.hex}"})


def _found(key: str) -> NotificationTemplate:
    wanted = keys.read("templateId", key)
    found = NotificationTemplate.objects.known().filter(key=wanted, type=WebhookChannel.type).first()
    if found is None:
        raise ApiError(404, Code.OBJECT_NOT_FOUND, f"templateId: there is no webhook template {wanted.hex}")
    return found


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise ApiError(400, Code.INVALID_PARAMETERS, "the body: must be an object")
    return body


def _patched(fields: dict[str, Any], steps: Any) -> dict[str, Any]:
    """Return the fields after the patch operations. Paths name whole fields, with or without a leading
    slash.
    """
    if not isinstance(steps, list) or not 1 <= len(steps) <= 100:
        source = "the body: must be a list of 1 to 100 steps: {op, path, value}"
        raise ApiError(400, Code.INVALID_PARAMETERS, source)
    changed = set()
    for place, step in enumerate(steps):
        given = step if isinstance(step, dict) else {}
        operation = str(given.get("op", "")).upper()
        path = clean(f"[{place}].path", given.get("path", ""), most=64).lstrip("/")
        if operation == "MOVE":
            source = f"[{place}].op: MOVE is not supported: every field has its own meaning"
            raise ApiError(400, Code.INVALID_PARAMETERS, source)
        if operation not in OPERATIONS:
            raise Malformed(f"[{place}].op", Fault.MUST_BE_ONE_OF, allowed=OPERATIONS)
        if path not in fields_of("NewTemplate"):
            source = f"[{place}].path: {path[:64] or '(none)'} is not a field that can be changed"
            raise ApiError(400, Code.PARAMETER_NOT_ALLOWED, source)
        if path in changed:  # what the first one says would not even be looked at
            raise ApiError(400, Code.INVALID_PARAMETERS, f"[{place}].path: {path} is changed twice")
        changed.add(path)
        if operation == "REMOVE":
            fields[path] = None
        elif "value" not in given:
            raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, f"[{place}].value: is missing")
        else:
            fields[path] = given["value"]
    return fields
