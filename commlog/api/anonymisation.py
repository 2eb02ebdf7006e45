"""Erasure of a client or group through the API, like the anonymisation of clients in Mambu's."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router

from commlog import permissions
from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.description import answers, component, describes
from commlog.api.errors import ApiError
from commlog.api.json_schemas import ANSWERED_KEY, TEXT, closed, optional
from commlog.api.operations import needs
from commlog.api.schemas import moment
from commlog.api.subscriptions import owner_of
from commlog.erasure import requesting
from commlog.models import Erasure
from notifications.models import Client, Group
from notifications.text.keys import key_in

router = Router(tags=["Anonymisation"])
_REFUSAL = "this needs the permissions “Erase people” and “View administration”"
_NUMBERS = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
_ANONYMISATION = component(
    "Anonymization",
    closed(
        {
            "encodedKey": ANSWERED_KEY,
            "kind": TEXT,
            "state": TEXT,
            "pseudonym": TEXT,
            "creationDate": TEXT,
            "finishedDate": optional(TEXT),
            "counts": _NUMBERS,
            "kept": _NUMBERS,
        },
        "encodedKey",
        "kind",
        "state",
        "pseudonym",
        "creationDate",
        "counts",
        "kept",
    ),
)
_BEGUN = describes(
    _202=answers("The erasure: under way, or waiting for a second person’s approval", _ANONYMISATION)
)


def _serve(kind: str, model: type[Client] | type[Group]) -> None:
    title = kind.title()

    @needs(permissions.may_erase, _REFUSAL)
    def anonymise(request: HttpRequest, owner: str) -> HttpResponse:
        return _begun(request, owner_of(model, kind, owner))

    router.post(
        f"/{kind}s/{{owner}}/anonymize",
        operation_id=f"anonymize{title}",
        summary=f"Anonymize {title}",
        description=f"Erase a {kind}: what Commlog keeps of it goes, the entries of the log stay under a "
        "pseudonym. It cannot be undone. `owner`: its key or ID. Asked again while it is under way, it is "
        "the same erasure. Of what is on legal hold nothing is erased.",
        openapi_extra=_BEGUN,
    )(anonymise)


@router.get(
    "/anonymizations/{erasureKey}",
    operation_id="anonymization",
    openapi_extra=describes(_200=answers("The erasure", _ANONYMISATION)),
)
@needs(permissions.may_erase, _REFUSAL)
def one(request: HttpRequest, erasureKey: str) -> JsonResponse:
    """Return the progress of an erasure; when it is done, its certificate: rows changed and rows kept."""
    key = key_in(erasureKey)
    found = Erasure.objects.filter(key=key).first() if key else None
    if found is None:
        raise ApiError(404, Code.OBJECT_NOT_FOUND, f"there is no erasure {erasureKey[:64]}")
    return JsonResponse(_out(found))


def _begun(request: HttpRequest, recipient: Client | Group) -> HttpResponse:
    try:
        erasure = requesting.ask(recipient, by=caller_of(request).actor)
    except requesting.Refused as refused:
        raise ApiError(400, Code.INVALID_PARAMETERS, f"owner: {refused}") from refused
    return JsonResponse(_out(erasure), status=202)


def _out(erasure: Erasure) -> dict[str, Any]:
    fields = {
        "encodedKey": erasure.key.hex,
        "kind": erasure.kind,
        "state": erasure.state,
        "pseudonym": erasure.pseudonym,
        "creationDate": moment(erasure.asked_at),
        "finishedDate": moment(erasure.finished_at),
        "counts": erasure.counts,
        "kept": erasure.kept,
    }
    return {name: value for name, value in fields.items() if value is not None}


_serve("client", Client)
_serve("group", Group)
