"""How many messages of a lane may be permitted at once: each of them is of unknown outcome if its worker is
lost.
"""

import pytest

from notifications import channels
from notifications.delivery.window import Window
from notifications.states import MessageType


@pytest.mark.parametrize(
    ("channel", "seconds", "most", "batch"),
    [
        # As many as can be under way, and none waits for another to be recorded.
        (MessageType.SMS, 0.5, 4, 1),
        (MessageType.SMS, 0.15, 4, 1),
        (MessageType.SMS, 0.025, 8, 6),
        (MessageType.SMS, 0.002, 12, 9),
        (MessageType.EMAIL, 0.5, 20, 15),
        (MessageType.WEB_HOOK, 0.002, 20, 15),
    ],
)
def test_sms_are_permitted_ahead_only_where_they_leave_within_an_instant(
    channel: MessageType, seconds: float, most: int, batch: int
) -> None:
    window = Window(channels.get(channel))
    window.pace = seconds

    assert (window.most_permitted, window.batch) == (most, batch)
