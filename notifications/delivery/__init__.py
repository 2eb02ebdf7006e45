"""Delivery: claim, permit, send, record and settle messages, and recover the claims of lost workers."""

from notifications.delivery.drain import drain
from notifications.delivery.leases import lapsed, recover

__all__ = ["drain", "lapsed", "recover"]
