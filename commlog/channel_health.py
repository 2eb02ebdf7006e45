"""Channels and their lanes, in the words of the pages."""

from notifications.models import ChannelSwitch, Lane
from notifications.states import Circuit

_MOST_NAMED = 3


def sentences() -> list[str]:
    """What everybody has to know about channels that are held back."""
    found = []
    for switch in ChannelSwitch.objects.order_by("channel"):
        if not switch.enabled:
            found.append(f"{switch} is switched off: new messages fail, and those that wait go on waiting.")
        elif switch.paused_at:
            found.append(f"{switch} is paused: its messages wait.")
    found += [f"{lane} is paused: its messages wait." for lane in Lane.objects.filter(paused_at__isnull=False)[:_MOST_NAMED]]
    troubled = list(Lane.objects.exclude(circuit=Circuit.CLOSED).order_by("channel", "name")[: _MOST_NAMED + 1])
    found += [f"{lane} is in trouble: its messages wait, and it is tried again by itself." for lane in troubled[:_MOST_NAMED]]
    if len(troubled) > _MOST_NAMED:
        found.append("More destinations are in trouble: see Channels in the administration.")
    return found
