"""The access records for auditors: who has read which messages."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, JsonResponse
from ninja import Router

from commlog import permissions
from commlog.access import reading
from commlog.api.codes import Code
from commlog.api.description import answers, component, describes
from commlog.api.errors import ApiError
from commlog.api.json_schemas import ANSWERED_KEY, MOMENT, closed, parameter
from commlog.api.operations import needs
from commlog.api.pages import START, limited_of
from commlog.api.schemas import moment
from commlog.kit import paging
from commlog.kit.limits import A_PAGE, time_limit
from commlog.kit.paging import BadCursor, Sorting
from commlog.models import AccessRecord
from commlog.models.access_record import MOST, Access
from notifications.database.clock import db_now

router = Router(tags=["Audit"])
_SETTLED = timedelta(seconds=10)
_OLDEST_FIRST = Sorting("oldest", ())
_RECORD = component(
    "AccessRecord",
    closed(
        {
            "date": MOMENT,
            "actor": {"type": "string"},
            "actorKey": ANSWERED_KEY,
            "address": {"type": "string"},
            "access": {"enum": list(Access)},
            "messages": {
                "type": "array",
                "items": ANSWERED_KEY,
                "description": f"The keys of those that are still there, {MOST:,} at most; more are several "
                "records",
            },
            "numMessages": {"type": "integer", "minimum": 0},
            "searchDigest": {
                "type": "string",
                "description": "Tells a search from another, and not what was searched for",
            },
            "about": {"type": "string", "description": "The reason of a reveal, the key of an export’s job"},
        },
        "date",
        "actor",
        "access",
        "messages",
        "numMessages",
    ),
)


@router.get(
    "/audit",
    operation_id="getAudit",
    openapi_extra=describes(
        query=[
            parameter("limit", "How many at most", {"type": "integer", "minimum": 1, "maximum": 1_000}),
            parameter(
                "cursor", "_ at first, then Items-Next-Cursor of the answer before", {"type": "string"}
            ),
        ],
        _200=answers(
            "Who has read what messages say, the oldest first",
            {"type": "array", "items": _RECORD},
            headers={"Items-Next-Cursor": "The cursor of what comes next, also of what is yet to come"},
        ),
    ),
)
@needs(permissions.may_view_access, "this needs the permission “View who has read messages”")
def get_audit(request: HttpRequest) -> JsonResponse:
    """Return who has read message content, by page, dialog, file, export or API, oldest first.

    An empty list means no more records yet; its cursor continues with later ones. Records younger than ten
    seconds are withheld, so that none is skipped.
    """
    limit, cursor = limited_of(request)
    scope = AccessRecord.objects.filter(at__lt=db_now() - _SETTLED).select_related("actor")
    try:
        with time_limit(A_PAGE):
            page = paging.fetch(scope, _OLDEST_FIRST, size=limit, after="" if cursor == START else cursor)
            keys = reading.keys_of(page.rows)
    except BadCursor as error:
        source = "cursor: is damaged; take it from the header Items-Next-Cursor as it is"
        raise ApiError(404, Code.OBJECT_NOT_FOUND, source) from error
    told = [_told(each, keys) for each in page.rows]
    after = paging.cursor_of(page.rows[-1], _OLDEST_FIRST) if page.rows else cursor or START
    return JsonResponse(told, safe=False, headers={"Items-Next-Cursor": after})


def _told(record: AccessRecord, keys: dict[int, str]) -> dict[str, Any]:
    fields = {
        "date": moment(record.at),
        "actor": record.actor_name,
        "actorKey": record.actor.key.hex if record.actor else None,
        "address": record.address,
        "access": record.how,
        "messages": [keys[pk] for pk in record.messages if pk in keys],
        "numMessages": record.number,
        "searchDigest": record.search,
        "about": record.about,
    }
    return {name: value for name, value in fields.items() if value not in (None, "")}
