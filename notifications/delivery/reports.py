"""The combined meaning of a message's receipts, whatever their order and however often each came."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifications.channels.base.contract import DeliveryError
from notifications.channels.sms import codes
from notifications.failures import Reason
from notifications.models import DeliveryReceipt
from notifications.states import PROVES_DELIVERY, PROVES_SENDING, ReceiptStatus

# Providers report "passed on" before "not delivered", but reports overtake each other: a lost message is
# believed after this.
GRACE = timedelta(seconds=10)
_RANK = {status: place for place, status in enumerate(ReceiptStatus)}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the receipts say of a message.

    `sent_at`: it was sent. `refused`: it was not sent or was lost. `lost_at`: it was reported as lost.
    """

    status: str = ""
    at: datetime | None = None
    sent_at: datetime | None = None
    refused: DeliveryError | None = None
    lost_at: datetime | None = None


def standing(message_id: int, provider_id: str) -> Standing:
    """Return what the receipts say of the handover that the provider calls `provider_id`.

    A receipt that proves delivery counts whichever handover it belongs to.
    """
    receipts = list(DeliveryReceipt.objects.filter(message_id=message_id))
    mine = [
        each
        for each in receipts
        if not provider_id or each.provider_id in ("", provider_id) or each.status in PROVES_DELIVERY
    ]
    if not mine:
        return Standing()
    best = max(mine, key=lambda each: (_RANK[ReceiptStatus(each.status)], -each.received_at.timestamp()))
    sent = [each.received_at for each in mine if each.status in PROVES_SENDING]
    refusal = next((each for each in mine if each.status == ReceiptStatus.FAILED), None)
    lost = [each for each in mine if each.status == ReceiptStatus.UNDELIVERED]
    return Standing(
        status=best.status,
        at=best.received_at,
        sent_at=min(sent) if sent else None,
        refused=_refusal(refusal) if refusal else _refusal(lost[0]) if lost else None,
        lost_at=lost[0].received_at if lost and not refusal else None,
    )


def _refusal(receipt: DeliveryReceipt) -> DeliveryError:
    said = " ".join(filter(None, (f"Receipt: {receipt.get_status_display()}.", receipt.code, receipt.detail)))
    return DeliveryError(
        Reason.SMS_NOT_SENT, said, kind=codes.of(int(receipt.code) if receipt.code.isdigit() else None).kind
    )
