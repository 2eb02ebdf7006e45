"""Outages of lanes that carry ten messages an hour: the message at which they are detected.

python -m bench quiet-lanes --gap 90 --server URL
"""

import time

from bench import outage
from bench.installation import Installation
from bench.outage_trial import Trial, until_closed, until_final

GAP = 360  # seconds between two messages of a lane
_MOST = {"down": 1, "refusing": 5}  # messages after which each lane has to be known to fail
_OPENED = 30.0  # seconds after the last of them


def run(installation: Installation, *, gap: int = GAP) -> None:
    """Run both outages, down and refusing, on a lane of each channel at once."""
    with outage.started(installation) as (run_, clerk, others):
        for kind, most in _MOST.items():
            it = outage.trial(run_, clerk, others, kind)
            with outage.playing(installation, kind):
                it.began = time.time()
                for number in range(most + 1):
                    messages = [outage.message(installation, each, 10 * number + each) for each in range(3)]
                    outage.enqueue(installation, messages)
                    sent = time.time()
                    while time.time() < sent + gap and len(opened := _opened(it)) < len(messages):
                        time.sleep(1.0)
                    if len(opened) == len(messages):
                        break
            for lane, at in opened.items():
                before = [row for row in it.rows() if row["lane"] == lane and row["made"] < at]
                late = at - max(row["made"] for row in before)
                it.says(
                    len(before) <= most and late <= _OPENED,
                    f"{before[0]['channel']} seen with message {len(before)}, {late:.1f} s after it; one "
                    f"every {gap} s",
                )
            it.says(len(opened) == len(messages), f"{len(opened)} of {len(messages)} lanes are known to fail")
            outage.enqueue(installation, [outage.message(installation, each, each) for each in range(3)])
            until_final(it)
            until_closed(it)


def _opened(it: Trial) -> dict[int, float]:
    """Return when each lane became known to fail."""
    return {part["lane"]: part["opened"] for each in it.incidents() for part in each["lanes"]}
