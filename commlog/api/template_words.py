"""Webhook templates to and from the API's names."""

from collections.abc import Mapping, Sequence
from typing import Any

from commlog.api import search_request
from commlog.api.codes import OF_TEMPLATES, Code
from commlog.api.description import fields_of
from commlog.api.errors import ApiError
from commlog.api.json_input import is_absent
from commlog.api.schemas import moment
from commlog.kit.sentences import sentence
from notifications import templating
from notifications.channels.webhook import CONTENT_TYPES, WebhookChannel, password_problem, username_problem
from notifications.criteria import Criterion
from notifications.faults import Fault, Malformed
from notifications.models import NotificationTemplate
from notifications.models.template import SubscriptionOption, Target, Trigger
from notifications.secrets.sealed import HIDDEN, is_sealed, seal, seal_headers
from notifications.templating import checks
from notifications.text.validation import clean

REQUIRED = ("name", "type", "target", "event", "body", "url", "requestType", "contentType")
MATCHES = {"MATCH_ALL": False, "MATCH_ANY": True}
AUTHORIZATIONS = ("NO_AUTHORIZATION", "BASIC_AUTHORIZATION")
OPERATIONS = ("ADD", "REPLACE", "REMOVE")  # of a patch
READ_ONLY = ("id", "inUse", "creationDate", "lastModifiedDate")
# The API's name, the model's, and what its value must be one of.
_PLAIN: dict[str, tuple[str, tuple[str, ...]]] = {
    "name": ("name", ()),
    "target": ("target", tuple(Target)),
    "event": ("event", ()),
    "body": ("text", ()),
    "url": ("destination", ()),
    "requestType": ("method", ()),
    "contentType": ("content_type", tuple(CONTENT_TYPES)),
    "trigger": ("trigger", tuple(Trigger)),
    "subscriptionOption": ("subscription", tuple(SubscriptionOption)),
}
_API_NAMES = {model: api for api, (model, _) in _PLAIN.items()}
_API_NAMES |= {"conditions": "filterConstraints", "headers": "headers", "trigger_days": "triggerDays"}
_API_NAMES |= {"auth_username": "username", "auth_password": "password"}
_CODES = {
    "event": Code.INVALID_EVENT,
    "target": Code.INVALID_TARGET,
    "method": Code.INVALID_WEBHOOK_REQUEST_TYPE,
}


def template_out(template: NotificationTemplate) -> dict[str, Any]:
    """Return the template without its secrets."""
    headers = {name: HIDDEN if is_sealed(value) else value for name, value in template.headers.items()}
    found = {
        "id": template.key.hex,
        "name": template.name,
        "type": template.type,
        "target": template.target,
        "event": template.event,
        "body": template.text,
        "url": template.destination,
        "requestType": template.method,
        "contentType": next(name for name, mime in CONTENT_TYPES.items() if mime == template.content_type),
        "activated": template.active,
        "trigger": template.trigger,
        "triggerDays": template.trigger_days,
        "subscriptionOption": template.subscription,
        "filtersLinkingOperator": "MATCH_ANY" if template.match_any else "MATCH_ALL",
        "filterConstraints": [_constraint(one) for one in template.conditions],
        "authorization": AUTHORIZATIONS[bool(template.auth_username)],
        "username": template.auth_username,
        "headers": [{"id": name, "headerKey": name, "headerValue": value} for name, value in headers.items()],
        "inUse": template.in_use,
        "creationDate": moment(template.created_at),
        "lastModifiedDate": moment(template.changed_at),
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def fill_in(template: NotificationTemplate, body: Mapping[str, Any]) -> None:
    """Set the given fields on the template. Raises ApiError for the first invalid one."""
    fields = {name: value for name, value in body.items() if not is_absent(value) and name not in READ_ONLY}
    if "password" in body and is_absent(body["password"]):
        fields["password"] = ""  # that removes it; what is not named stays as it is
    if unknown := sorted(set(fields) - fields_of("NewTemplate")):
        raise ApiError(400, Code.PARAMETER_NOT_ALLOWED, f"{unknown[0][:64]}: is not a field of a template")
    for name in REQUIRED:
        if name not in fields:
            raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, f"{name}: is missing")
    if fields["type"] != WebhookChannel.type:
        raise ApiError(
            400, Code.INVALID_PARAMETERS, "type: only WEB_HOOK templates can be edited over the API"
        )
    template.type = WebhookChannel.type
    for name, (model, allowed) in _PLAIN.items():
        if name in fields:
            value = clean(name, fields[name])
            if allowed and value not in allowed:
                source = f"{name}: must be one of {', '.join(allowed)}"
                raise ApiError(400, _CODES.get(model, Code.INVALID_PARAMETERS), source)
            setattr(
                template,
                model,
                CONTENT_TYPES[value] if name == "contentType" else value.strip() if name == "name" else value,
            )
    _fill_in_others(template, fields)
    for wrong in checks.problems(template):
        raise ApiError(400, _code(wrong), f"{_API_NAMES.get(wrong.field, wrong.field)}: {sentence(wrong)}")


def _fill_in_others(template: NotificationTemplate, fields: Mapping[str, Any]) -> None:
    active, days = fields.get("activated", True), fields.get("triggerDays", 0)
    if not isinstance(active, bool):
        raise Malformed("activated", Fault.NOT_A_FLAG)
    if not isinstance(days, int) or isinstance(days, bool):
        raise ApiError(400, Code.INVALID_PARAMETERS, "triggerDays: must be a whole number")
    linking = fields.get("filtersLinkingOperator", "MATCH_ALL")
    if not isinstance(linking, str) or linking not in MATCHES:
        raise Malformed("filtersLinkingOperator", Fault.MUST_BE_ONE_OF, allowed=tuple(MATCHES))
    template.active, template.trigger_days, template.match_any = (
        active,
        max(-1, min(days, 100_000)),
        MATCHES[linking],
    )
    conditions = [_condition(one, place) for place, one in enumerate(_listed(fields, "filterConstraints"))]
    template.conditions = templating.conditions.write(conditions)
    template.headers = _headers(template, _listed(fields, "headers"))
    _sign_in(template, fields)


def _sign_in(template: NotificationTemplate, fields: Mapping[str, Any]) -> None:
    """Set user name and password. A password that is not given stays unchanged."""
    basic = fields.get("authorization", AUTHORIZATIONS[bool(fields.get("username"))])
    if basic not in AUTHORIZATIONS:
        raise Malformed("authorization", Fault.MUST_BE_ONE_OF, allowed=AUTHORIZATIONS)
    given = {name: clean(name, fields[name], most=500) for name in ("username", "password") if name in fields}
    for name, problem in (("username", username_problem), ("password", password_problem)):
        if wrong := problem(given.get(name, "")):
            raise Malformed(name, wrong)
    if basic == "NO_AUTHORIZATION":
        template.auth_username = template.auth_password = ""
        return
    template.auth_username = given.get("username", "")
    if not template.auth_username:
        source = "username: is missing; BASIC_AUTHORIZATION needs it"
        raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, source)
    if "password" in given:
        template.auth_password = seal(given["password"])


def secrets_missing(fields: Mapping[str, Sequence[str]]) -> ApiError:
    """Return the refusal of a URL that would send stored secrets to another server, naming each of them."""
    named = [
        _API_NAMES[field] + (f" ({', '.join(names)})" if names else "") for field, names in fields.items()
    ]
    source = (
        f"{' and '.join(named)}: must be given again, or null: the URL points to another server than the "
        "stored secrets were for"
    )
    return ApiError(400, Code.MISSING_REQUIRED_PARAMETER, source)


def _listed(fields: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    given = fields.get(name, [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise ApiError(400, Code.INVALID_PARAMETERS, f"{name}: must be a list of objects")
    return given


def _condition(one: Mapping[str, Any], number: int) -> Criterion:
    place = f"filterConstraints[{number}]"
    search_request.object_of(one, place, "TemplateCondition", "an object with filterSelection")
    search_request.check_kinds(one, place)
    named = search_request.word(
        f"{place}.filterSelection", one.get("filterSelection"), Code.INVALID_FILTER_SELECTION
    ).strip("{}")
    field = templating.field_of(named)
    if field is None:
        source = f"{place}.filterSelection: there is no placeholder {named[:64]}"
        raise ApiError(400, Code.INVALID_FILTER_SELECTION, source)
    element = search_request.word(
        f"{place}.filterElement", one.get("filterElement"), Code.INVALID_FILTER_ELEMENT
    )
    return search_request.read_criterion(
        field, search_request.operator_of(field, element), one, fields=templating.field_of
    )


def _constraint(stored: Mapping[str, Any]) -> dict[str, Any]:
    found = {"filterSelection": stored["field"], "filterElement": stored["operator"]}
    return found | dict(zip(("value", "secondValue"), stored["values"], strict=False))


def _headers(template: NotificationTemplate, given: list[Mapping[str, Any]]) -> dict[str, str]:
    """Return the headers to store; a secret one given in its masked form stays unchanged."""
    before, found, kept = template.headers, {}, {}
    for number, one in enumerate(given):
        place = f"headers[{number}]"
        search_request.object_of(one, place, "TemplateHeader", "an object with headerKey and headerValue")
        for part in ("headerKey", "headerValue"):
            if one.get(part) is None:
                raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, f"{place}.{part}: is missing")
        clean(f"{place}.id", "" if is_absent(one.get("id")) else one["id"])
        name = clean(f"{place}.headerKey", one["headerKey"], most=64)
        value = clean(f"{place}.headerValue", one["headerValue"], most=4096)
        if name in found:
            raise ApiError(400, Code.INVALID_PARAMETERS, f"headers: names {name} twice")
        found[name] = value
        if value == HIDDEN and is_sealed(before.get(name, "")):
            kept[name] = before[name]
    return seal_headers(found) | kept


def _code(wrong: Malformed) -> Code:
    code = OF_TEMPLATES.get(wrong.fault) or _CODES.get(wrong.field, Code.INVALID_PARAMETERS)
    in_url = code == Code.INVALID_PLACEHOLDER and wrong.field == "destination"
    return Code.URL_CONTAINS_INVALID_PLACEHOLDERS if in_url else code
