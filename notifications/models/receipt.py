"""Providers' reports about accepted messages, kept whatever becomes of these."""

from django.db import models

from notifications.models.message import Message
from notifications.states import ReceiptStatus


class DeliveryReceipt(models.Model):
    """One report. However often and in whatever order it arrives, it is stored once."""

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="receipts", db_index=False)
    provider_id = models.CharField(max_length=200, default="")  # which handing-over it is about
    status = models.CharField(max_length=11, choices=ReceiptStatus.choices)
    code = models.CharField(max_length=20, default="")  # the provider's own, of what went wrong
    detail = models.TextField(default="")
    received_at = models.DateTimeField()

    class Meta:
        ordering = ["received_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["message", "provider_id", "status"], name="receipt_once")
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()}, receipt of {self.message_id}"
