"""Mail servers that accept fourteen mails a second, or ten a session: losses, and speed."""

import time
from collections import Counter

from bench.hostile.servers import RateLimited, ScriptedSmtp
from bench.installation import Installation

COUNT, RATE = 1_500, 14.0
SAID = [
    ("dot", "454 Throttling failure: Maximum sending rate exceeded."),
    ("mail", "451 4.7.1 Rate limit exceeded, try again later"),
    ("mail", "421 4.7.0 Too much, closing connection"),
]
SESSIONS, A_SESSION = 300, 10


class _ASession(dict[str, str]):
    """The script of a session that accepts only A_SESSION mails."""

    def __init__(self) -> None:
        self._taken = 0

    def get(self, stage: str, usual: str | None = None) -> str | None:  # type: ignore[override]
        """Return the answer at a stage; the limit is reported at MAIL."""
        self._taken += stage == "mail"
        full = stage == "mail" and self._taken > A_SESSION
        return "452 4.4.5 Maximum number of messages per session exceeded." if full else usual


def run(installation: Installation) -> None:
    """Run each wording at length, then the sessions."""
    for stage, said in SAID:
        server = RateLimited(RATE, stage, said)
        took, log = _sent(installation, COUNT, server.port)
        least = COUNT / RATE
        states = dict(Counter(message["state"] for message in log))
        print(
            f"  {said[:3]} at {stage}: {states}, {took:.0f} s = {took / least:.2f} x the {least:.0f} s, "
            f"{server.refused} refused"
        )
        server.close()
    server = ScriptedSmtp(*(_ASession() for _ in range(SESSIONS)))
    took, log = _sent(installation, SESSIONS, server.port)
    states, attempts = (
        Counter(message["state"] for message in log),
        Counter(len(message["attempts"]) for message in log),
    )
    print(
        f"  {A_SESSION} a session: {dict(states)}, attempts a message {dict(attempts)}, {server.connections} "
        f"connections, {took:.1f} s"
    )
    server.close()


def _sent(installation: Installation, count: int, port: int) -> tuple[float, list[dict[str, str]]]:
    """Return the seconds from a cluster's start until a new batch is final, and its entries in the log."""
    before = len(installation.log())
    installation.enqueue(
        *(
            {"type": "EMAIL", "destination": f"c{n}@example.org", "subject": "s", "body": "b"}
            for n in range(count)
        )
    )
    with installation.cluster(EMAIL_URL=f"smtp://127.0.0.1:{port}"):
        began = time.monotonic()
        log = installation.until_final(within=15 * 60)
        return time.monotonic() - began, log[: len(log) - before]
