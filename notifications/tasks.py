"""The tasks of the django-q2 cluster. Their arguments are channels and ids, never content."""

import time

from django.db import Error

from notifications import delivery, receipts
from notifications.database import availability
from notifications.database.clock import db_now
from notifications.delivery import send_one
from notifications.states import MessageType

_UNTIL_ASKED_AGAIN = 1.0  # seconds for which this worker waits where nothing can be written


def drain(channel: str) -> int:
    """Move on messages whose receipts are overdue, then send due messages.

    Returns the number of calls made.
    """
    try:
        receipts.expire(db_now())
        return delivery.drain(MessageType(channel))
    except Error as error:
        trouble = availability.trouble_of(error)
        if trouble is None or not trouble.spares_reading:
            raise
        # The broker reads that there is work, and would hand it out twenty times a second.
        availability.note(error)
        time.sleep(_UNTIL_ASKED_AGAIN)
        return 0


def send_alone(message_id: int) -> bool:
    """Send the mail that reports why nothing else is sent. Returns whether it was tried."""
    return send_one.send_alone(message_id)
