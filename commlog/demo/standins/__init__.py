"""Local providers for the demo, the tests and the benchmarks: a mail server, a Twilio and a receiver of
webhooks, on 127.0.0.1.

They speak the real protocols, write down what they get before they answer, and can play an outage.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from commlog.demo.standins.journal import Journal, StandIn
from commlog.demo.standins.smtp import Smtp
from commlog.demo.standins.web import ACCOUNT_SID, AUTH_TOKEN, FROM, Receiver, Twilio

CHANNELS = ("EMAIL", "SMS", "WEB_HOOK")


def environment(*, smtp: int, twilio: int) -> dict[str, str]:
    """The environment in which Commlog sends to stand-ins on these ports."""
    return {
        "EMAIL_URL": f"smtp://127.0.0.1:{smtp}",
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_FROM": FROM,
        "TWILIO_API_URL": f"http://127.0.0.1:{twilio}",
        "WEBHOOK_ALLOWED_NETS": "127.0.0.0/8",
        "WEBHOOK_ALLOW_HTTP": "1",
    }


@contextmanager
def serve(directory: Path, smtp: int = 0, twilio: int = 0, webhook: int = 0) -> Iterator[list[StandIn]]:
    """Run all three on these ports, 0 for a free one; journals, which stay readable, and outage flags are in
    `directory`. Raises OSError where a port is taken.
    """
    directory.mkdir(parents=True, exist_ok=True)
    kinds = zip(CHANNELS, (Smtp, Twilio, Receiver), (smtp, twilio, webhook), strict=True)
    with ExitStack() as stack:
        yield [
            stack.enter_context(StandIn(handler, Journal(directory, channel), port))
            for channel, handler, port in kinds
        ]
