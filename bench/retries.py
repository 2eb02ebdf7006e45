"""The retry times of providers that always fail."""

import time
from datetime import datetime
from itertools import pairwise

from bench.installation import Installation, mixed

WANTED = (0, 2, 6, 18, 54)


def run(installation: Installation) -> None:
    """Send one message per channel in an outage; print the gaps between attempts, and how late each was."""
    for channel in ("EMAIL", "SMS", "WEB_HOOK"):
        installation.providers.outage(channel, on=True)
    with installation.cluster():
        time.sleep(4)  # until the cluster is up and idle
        installation.enqueue(*mixed(installation.providers, 3))
        time.sleep(sum(WANTED) + 5)
        log = installation.log()
    latest = 0.0
    for message in log:
        attempts = message["attempts"]
        gaps = [_seconds(later["startedAt"], earlier["finishedAt"]) for earlier, later in pairwise(attempts)]
        latest = max([latest, *(gap - wanted for gap, wanted in zip(gaps, WANTED, strict=False))])
        print(
            f"  {message['type']:<9} {message['state']}, {len(attempts)} attempts, gaps "
            f"{', '.join(f'{gap:.3f}' for gap in gaps)} s"
        )
    print(f"  latest start: {latest * 1000:.0f} ms after its time")


def _seconds(later: str, earlier: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
