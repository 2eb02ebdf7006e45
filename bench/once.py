"""Every message received exactly once."""

import time
from collections import Counter

from bench.installation import Installation, expected, mixed, received

COUNT = 1_000


def run(installation: Installation) -> None:
    """Send a thousand mixed messages, and compare what the providers got with what was stored."""
    messages = mixed(installation.providers, COUNT)
    installation.enqueue(*messages)
    began = time.monotonic()
    with installation.cluster():
        log = installation.until_final(within=120)
        took = time.monotonic() - began
    got = Counter(received(installation.providers))
    print(f"  states: {dict(Counter(message['state'] for message in log))}")
    print(f"  attempts a message: {dict(Counter(len(message['attempts']) for message in log))}")
    print(
        f"  received once: {sum(count == 1 for count in got.values())} of "
        f"{len(expected(messages, installation.providers))}"
    )
    print(
        f"  never: {len(set(expected(messages, installation.providers)) - set(got))}, more than once: "
        f"{sum(n > 1 for n in got.values())}"
    )
    print(
        f"  {took:.1f} s with the start of the cluster, watched by a command that reads the whole log twice "
        "a second"
    )
