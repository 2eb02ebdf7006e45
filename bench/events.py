"""The speed from events to messages: ten thousand events, a thousand a call, through the whole API."""

from bench.installation import Installation

EVENTS, A_CALL, ROUNDS = 10_000, 1_000, 3


def run(installation: Installation) -> None:
    """Post the events from one process, as one program would, and print messages a second."""
    key = installation.manage("create_api_key", "--consumer", "bench", "--role", "Administrator").split()[-1]
    print(installation.module("bench.telling", key, EVENTS, A_CALL, ROUNDS), end="")
