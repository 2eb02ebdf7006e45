"""Messages about a core-banking account, known only by its key: accounts are not stored here."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from commlog import permissions
from commlog.log.places import Place
from commlog.models.column_layout import LogKind
from commlog.recipients.profile import message_count
from commlog.views import screen


@require_safe
@vary_on_headers("HX-Request")
@permissions.can_read_messages
def communications(request: HttpRequest, key: UUID) -> HttpResponse:
    """Show the log of an account: every tool of the log, over the messages about it."""
    scope = permissions.messages_for(request.user).of_account(key)
    return screen.show(
        request,
        Place(LogKind.ACCOUNT, key),
        scope=scope,
        template="accounts/communications.html",
        page=lambda: {"account": key, "message_count": message_count(scope)},
    )
