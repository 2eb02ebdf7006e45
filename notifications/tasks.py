"""What the django-q2 cluster runs: a channel's name in, never content."""

import time

from django.db import Error

from notifications import delivery, receipts
from notifications.database import availability
from notifications.database.clock import db_now
from notifications.delivery import alone
from notifications.states import MessageType

_UNTIL_ASKED_AGAIN = 1.0  # seconds for which this worker waits where nothing can be written


def drain(channel: str) -> int:
    """Move on what waits for a receipt no longer, then send what is due; how many calls were made."""
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
    """Send the mail that says why nothing else is sent. Returns whether it was tried."""
    return alone.send_alone(message_id)
