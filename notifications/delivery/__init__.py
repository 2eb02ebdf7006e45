"""Delivery: claim, permit, send, record, settle; and what happens to claims whose worker was lost."""

from notifications.delivery.drain import drain
from notifications.delivery.leases import lapsed, recover

__all__ = ["drain", "lapsed", "recover"]
