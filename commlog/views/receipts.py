"""Callbacks of providers, without sign-in: they are authenticated by signature."""

from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from twilio.request_validator import RequestValidator

from notifications import receipts
from notifications.channels.base.detail import cleaned
from notifications.channels.sms.channel import receipt_address
from notifications.states import ReceiptStatus

# Twilio's words. What comes before "sent" says nothing that the log does not know.
_STATUSES = {
    "sent": ReceiptStatus.PASSED_ON,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    "undelivered": ReceiptStatus.UNDELIVERED,
    "failed": ReceiptStatus.FAILED,
    "canceled": ReceiptStatus.FAILED,
}
_FORBIDDEN, _NOTHING_THERE, _DONE = 403, 404, 204


@csrf_exempt
@login_not_required
@require_POST
def twilio(request: HttpRequest, key: UUID) -> HttpResponse:
    """Handle a status callback. Useless ones are answered with success too: Twilio would repeat them."""
    if not _signed(request, key):
        return HttpResponse(status=_FORBIDDEN)
    status = _STATUSES.get(request.POST.get("MessageStatus", ""))
    if status is None:
        return HttpResponse(status=_DONE)
    known = receipts.record(
        key,
        status,
        provider_id=cleaned(request.POST.get("MessageSid", ""))[:100],
        code=cleaned(request.POST.get("ErrorCode", ""))[:20],
        detail=cleaned(request.POST.get("ErrorMessage", ""))[:500],
    )
    return HttpResponse(status=_DONE if known else _NOTHING_THERE)


def _signed(request: HttpRequest, key: UUID) -> bool:
    """Return whether our token signed this URL: the configured one, since anybody can set Host."""
    if not settings.RECEIPTS_URL or not settings.TWILIO_AUTH_TOKEN:
        return False
    validator = RequestValidator(settings.TWILIO_AUTH_TOKEN)
    return bool(
        validator.validate(
            receipt_address(settings.RECEIPTS_URL, key),
            request.POST,
            request.headers.get("X-Twilio-Signature", ""),
        )
    )
