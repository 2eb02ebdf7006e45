"""The Streaming API, V1: subscriptions, cursors and unread counts, for clients written for Nakadi."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

from commlog import audit, permissions
from commlog.api import auth, bodies, stream_events
from commlog.api.callers import Caller, caller_of
from commlog.api.codes import Code
from commlog.api.errors import ApiError, answer, of_malformed, of_status
from commlog.api.operations import demand
from commlog.kit.sentences import NEEDS_CONTENT
from commlog.models.audit_entry import AuditAction
from notifications.channels.event_stream.topics import is_topic
from notifications.faults import Malformed
from notifications.models import StreamCursor, StreamSubscription
from notifications.streams import offsets, sessions, subscriptions
from notifications.streams.subscriptions import (
    BEGIN,
    CURSORS,
    END,
    NoSuchCursor,
    NoSuchStream,
    Place,
    ResetUnderWay,
    Wish,
)
from notifications.text.keys import key_in
from notifications.text.validation import clean

_READS = "this needs the permission “Read streams”"
_READS_CONTENT = f"this {NEEDS_CONTENT}"
_MANAGES = "this needs the permission “Manage streams”"
_MOST_TYPES = 33  # of a subscription: a hundred partitions
_STREAM_ID = ("X-Mambu-StreamId", "X-Nakadi-StreamId")
Operation = Callable[..., HttpResponseBase]


def _by_method(**operations: Operation) -> Operation:
    """Dispatch a URL by method. Only keys are accepted; commits are exempt from the limit of calls."""

    def view(request: HttpRequest, **where: str) -> HttpResponseBase:
        operation = operations.get((request.method or "").lower())
        try:
            if operation is None:
                allowed = ", ".join(sorted(name.upper() for name in operations))
                return of_status(request, 405, headers={"Allow": allowed})
            with sessions.turn() if request.META.get("wsgi.multithread") else nullcontext():
                request.auth = _caller(request, counted=operation is not commit)  # type: ignore[attr-defined]
                demand(request, permissions.may_read_streams(caller_of(request)), _READS)
                response = operation(request, **where)
        except ApiError as error:
            response = answer(request, error)
        except Malformed as error:
            response = answer(request, of_malformed(error))
        except NoSuchCursor as error:
            response = answer(request, _unprocessable(str(error)))
        except ResetUnderWay as error:
            response = answer(request, ApiError(409, Code.INVALID_API_OPERATION, str(error)))
        except StreamSubscription.DoesNotExist:
            response = answer(request, _missing())
        if flow := request.headers.get("X-Flow-Id", ""):
            response["X-Flow-Id"] = "".join(each for each in flow[:200] if each.isprintable())
        return response

    view.login_required = False  # type: ignore[attr-defined]
    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


def _caller(request: HttpRequest, *, counted: bool) -> Caller:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    secret = request.headers.get("apiKey") or (token if scheme.lower() == "bearer" else "")
    if not secret:
        raise ApiError(
            401,
            Code.INVALID_CREDENTIALS,
            "send the header apiKey, or Authorization: Bearer with the same key",
        )
    return auth.by_key(request, secret, counted=counted)


def _unprocessable(source: str) -> ApiError:
    return ApiError(422, Code.INVALID_PARAMETERS, source)


def _missing() -> ApiError:
    return ApiError(404, Code.OBJECT_NOT_FOUND, "subscription not found")


def _of(function: Callable[..., HttpResponseBase]) -> Operation:
    """Wrap an operation on one subscription; another caller's only with the permission to manage streams."""

    @wraps(function)
    def operation(request: HttpRequest, subscription: str) -> HttpResponseBase:
        wanted = key_in(subscription)
        found = StreamSubscription.objects.filter(key=wanted).first() if wanted else None
        if found is None:
            raise _missing()
        caller = caller_of(request)
        own = caller.consumer is not None and caller.consumer.pk == found.owner
        demand(
            request,
            own or permissions.may_manage_streams(caller),
            f"the subscription is another caller's; {_MANAGES}",
        )
        return function(request, found)

    return operation


# --- Subscriptions ------------------------------------------------------------------------------------------
def create(request: HttpRequest) -> HttpResponse:
    """Create a subscription, or return the same one."""
    caller = caller_of(request)
    wish = _wish(_object(bodies.read(request)))
    consumer = caller.consumer
    if consumer is None:
        raise ApiError(401, Code.INVALID_CREDENTIALS, "subscriptions are created with an API key")
    subscription, new = subscriptions.subscribe(wish, owner=consumer.pk, owner_name=consumer.name)
    where = f"/subscriptions/{subscription.key}"
    return JsonResponse(_described(subscription), status=201 if new else 200, headers={"Location": where})


def _wish(body: Mapping[str, Any]) -> Wish:
    types = body.get("event_types")
    if not isinstance(types, list) or not 1 <= len(types) <= _MOST_TYPES or not all(map(is_topic, types)):
        raise _unprocessable(
            f"event_types: must be a list of 1 to {_MOST_TYPES} names of letters, digits, dots, dashes or "
            "underscores"
        )
    read_from = str(body.get("read_from") or END).lower()
    if read_from not in (BEGIN, END, CURSORS):
        raise _unprocessable(f"read_from: must be {BEGIN}, {END} or {CURSORS}")
    return Wish(
        owning_application=_name(body, "owning_application", ""),
        event_types=tuple(types),
        consumer_group=_name(body, "consumer_group", "default"),
        read_from=read_from,
        cursors=_cursors(body.get("initial_cursors")) if read_from == CURSORS else {},
    )


def _name(body: Mapping[str, Any], field: str, default: str) -> str:
    value = body.get(field)
    text = clean(field, default if value is None else value, most=200)
    if not text.strip():
        raise _unprocessable(f"{field}: is missing")
    return text


def _described(subscription: StreamSubscription) -> dict[str, Any]:
    names = ("owning_application", "event_types", "consumer_group", "read_from")
    found = {"id": str(subscription.key)} | {name: getattr(subscription, name) for name in names}
    return found | {"created_at": _moment(subscription.created_at)}


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def index(request: HttpRequest) -> HttpResponse:
    """Return the caller's subscriptions, newest first; all of them with the permission to manage streams."""
    caller = caller_of(request)
    limit, offset = (
        _number(request, "limit", 20, least=1, most=1_000),
        _number(request, "offset", 0, least=0, most=1_000_000),
    )
    found = StreamSubscription.objects.order_by("-created_at", "-pk")
    if not permissions.may_manage_streams(caller):
        found = found.filter(owner=caller.consumer.pk) if caller.consumer else found.none()
    if application := request.GET.get("owning_application"):
        found = found.filter(owning_application=application)
    wanted = set(request.GET.getlist("event_type"))
    listed = (
        [each for each in found if wanted <= set(each.event_types)]
        if wanted
        else list(found[: offset + limit + 1])
    )
    page = listed[offset : offset + limit]
    links = {}
    if offset:
        links["prev"] = _link(request, max(0, offset - limit), limit)
    if len(listed) > offset + limit:
        links["next"] = _link(request, offset + limit, limit)
    with_status = request.GET.get("show_status", "").lower() == "true"
    items = [_described(each) | ({"status": _statistics(each)} if with_status else {}) for each in page]
    return JsonResponse({"items": items, "_links": links})


def _link(request: HttpRequest, offset: int, limit: int) -> dict[str, str]:
    rest = [
        (name, value)
        for name, values in request.GET.lists()
        for value in values
        if name not in ("offset", "limit")
    ]
    return {"href": f"/subscriptions?{urlencode([*rest, ('offset', offset), ('limit', limit)])}"}


def _number(request: HttpRequest, name: str, default: int, *, least: int, most: int) -> int:
    return stream_events.number(request.GET.get(name), name, default, least, most)


@_of
def read(request: HttpRequest, subscription: StreamSubscription) -> HttpResponse:
    """Return one subscription."""
    return JsonResponse(_described(subscription))


@_of
def delete(request: HttpRequest, subscription: StreamSubscription) -> HttpResponse:
    """Delete a subscription; its readers are disconnected."""
    subscriptions.delete(subscription)
    _audit(request, AuditAction.DELETED, subscription)
    return HttpResponse(status=204)


def _audit(
    request: HttpRequest,
    action: AuditAction,
    subscription: StreamSubscription,
    after: Mapping[str, Any] | None = None,
) -> None:
    key, label = subscription.key.hex, subscription.owning_application
    audit.record(
        caller_of(request).actor, action, kind="stream subscription", key=key, label=label, after=after
    )


# --- Cursors ------------------------------------------------------------------------------------------------
@_of
def cursors(request: HttpRequest, subscription: StreamSubscription) -> HttpResponse:
    """Return the committed offset of each partition."""
    return JsonResponse({"items": [_cursor(each) for each in subscriptions.cursors_of(subscription)]})


def _cursor(cursor: StreamCursor) -> dict[str, str]:
    return stream_events.cursor(cursor.partition.topic.name, cursor.partition.number, cursor.committed)


@_of
def commit(request: HttpRequest, subscription: StreamSubscription) -> HttpResponse:
    """Commit cursors that a stream has sent."""
    given = next((request.headers[name] for name in _STREAM_ID if name in request.headers), "")
    stream_id = key_in(given)
    wanted = _cursors(_object(bodies.read(request)).get("items"))
    if stream_id is None:
        raise _unprocessable(
            f"the header {_STREAM_ID[0]} must be the id of the stream that the cursors are from"
        )
    try:
        done = subscriptions.commit(subscription, stream_id, wanted)
    except NoSuchStream as error:
        raise _unprocessable(
            f"there is no stream {stream_id} of this subscription that may commit"
        ) from error
    if all(done.values()):
        return HttpResponse(status=204)
    said = {True: "committed", False: "outdated"}
    items = [
        {"cursor": stream_events.cursor(*place, wanted[place]), "result": said[moved]}
        for place, moved in done.items()
    ]
    return JsonResponse({"items": items})


@_of
def reset(request: HttpRequest, subscription: StreamSubscription) -> HttpResponse:
    """Move cursors to any offset; readers are disconnected."""
    demand(request, permissions.may_manage_streams(caller_of(request)), _MANAGES)
    wanted = _cursors(_object(bodies.read(request)).get("items"))
    subscriptions.reset(subscription, wanted)
    offset = {f"{topic} {number}": offsets.written(value) for (topic, number), value in wanted.items()}
    _audit(request, AuditAction.CHANGED, subscription, {"cursors": offset})
    return HttpResponse(status=204)


def _cursors(items: Any) -> dict[Place, int]:
    """Read cursors as clients send them. The highest counts if a partition is named twice."""
    if not isinstance(items, list) or not items or not all(isinstance(each, dict) for each in items):
        raise _unprocessable("items: must be a list of cursors")
    found: dict[Place, int] = {}
    for each in items:
        number, topic = str(each.get("partition")), each.get("event_type")
        if not (number.isascii() and number.isdecimal() and len(number) < 5 and isinstance(topic, str)):
            raise _unprocessable("items: a cursor has partition, offset and event_type")
        try:
            offset = offsets.read(str(each.get("offset")))
        except ValueError as error:
            raise _unprocessable(f"items: {error}") from error
        found[topic, int(number)] = max(offset, found.get((topic, int(number)), -1))
    return found


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise _unprocessable("the body must be an object")
    return body


@_of
def stats(request: HttpRequest, subscription: StreamSubscription) -> HttpResponse:
    """Return the number of unread events, and the readers."""
    return JsonResponse(
        {"items": _statistics(subscription, lag=request.GET.get("show_time_lag", "").lower() == "true")}
    )


def _statistics(subscription: StreamSubscription, *, lag: bool = False) -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in subscription.event_types}
    for cursor in subscriptions.cursors_of(subscription):
        state = "reassigning" if cursor.next_reader_id else "assigned" if cursor.reader_id else "unassigned"
        about: dict[str, Any] = {"partition": str(cursor.partition.number), "state": state}
        about |= {
            "unconsumed_events": subscriptions.unread(cursor),
            "stream_id": str(cursor.reader.key) if cursor.reader else "",
        }
        if lag:
            about["consumer_lag_seconds"] = int(subscriptions.lag(cursor))
        found[cursor.partition.topic.name].append(about)
    return [{"event_type": name, "partitions": partitions} for name, partitions in found.items()]


@_of
def events(request: HttpRequest, subscription: StreamSubscription) -> HttpResponseBase:
    """Stream the events after the committed cursors."""
    demand(request, permissions.may_read_stream_events(caller_of(request)), _READS_CONTENT)
    return stream_events.opened(request, subscription)


_VIEWS: dict[str, tuple[str, Operation]] = {
    "subscriptions": ("subscriptions", _by_method(post=create, get=index)),
    "subscription": ("subscriptions/<str:subscription>", _by_method(get=read, delete=delete)),
    "events": ("subscriptions/<str:subscription>/events", _by_method(get=events)),
    "cursors": (
        "subscriptions/<str:subscription>/cursors",
        _by_method(get=cursors, post=commit, patch=reset),
    ),
    "stats": ("subscriptions/<str:subscription>/stats", _by_method(get=stats)),
}


def patterns(prefix: str, names: str) -> list[URLPattern]:
    """Return the URLs under a prefix."""
    return [path(prefix + route, view, name=f"{names}-{name}") for name, (route, view) in _VIEWS.items()]
