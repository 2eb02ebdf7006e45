"""The organisation and its branches, which extract tools ask for first."""

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router

from commlog.api.description import answers, component, describes

router = Router(tags=["Organisation"])

_ORGANISATION = component(
    "Organization",
    {
        "type": "object",
        "required": ["name", "timeZoneID"],
        "properties": {
            "name": {"type": "string"},
            "timeZoneID": {
                "type": "string",
                "description": "Such as Europe/Berlin; days and relative dates go by it",
            },
        },
    },
)


@router.get(
    "/setup/organization",
    operation_id="organization",
    openapi_extra=describes(_200=answers("The organisation", _ORGANISATION)),
)
def organization(request: HttpRequest) -> JsonResponse:
    """Return name and time zone."""
    return JsonResponse(
        {"name": settings.ORGANISATION_NAME, "timeZoneID": timezone.get_default_timezone_name()}
    )


@router.get(
    "/branches",
    operation_id="branches",
    openapi_extra=describes(
        _200=answers("The branches: none, Commlog knows no branches", {"type": "array", "maxItems": 0})
    ),
)
def branches(request: HttpRequest) -> JsonResponse:
    """Return an empty list: there are no branches."""
    return JsonResponse([], safe=False)
