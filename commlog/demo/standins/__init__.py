"""Local providers for the demo, the tests and the benchmarks: a mail server, a Twilio and a receiver of
webhooks, on 127.0.0.1.

They speak the real protocols, write down what they get before they answer, and can play an outage.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commlog.demo.standins.journal import Journal, StandIn
from commlog.demo.standins.smtp import Smtp
from commlog.demo.standins.web import ACCOUNT_SID, AUTH_TOKEN, FROM, Receiver, Twilio

CHANNELS = ("EMAIL", "SMS", "WEB_HOOK")


@dataclass(frozen=True, slots=True)
class StandIns:
    """Three running stand-ins."""

    smtp: StandIn
    twilio: StandIn
    webhook: StandIn

    def ports(self) -> dict[str, int]:
        return {"smtp": self.smtp.port, "twilio": self.twilio.port, "webhook": self.webhook.port}

    def environment(self) -> dict[str, str]:
        """The environment in which Commlog sends to them."""
        return environment(smtp=self.smtp.port, twilio=self.twilio.port)

    def webhook_url(self, path: str = "/hook") -> str:
        """A URL of the receiver; see Receiver for paths that fail or wait."""
        return f"http://127.0.0.1:{self.webhook.port}/{path.lstrip('/')}"

    @property
    def journals(self) -> dict[str, Journal]:
        """By their channels (EMAIL, SMS, WEB_HOOK)."""
        return {each.journal.channel: each.journal for each in (self.smtp, self.twilio, self.webhook)}

    def journal(self, channel: str) -> list[dict[str, Any]]:
        """What the stand-in of this channel got so far."""
        return self.journals[channel].entries()

    def outage(self, channel: str, on: bool) -> None:
        """From now on refuse everything on this channel, or stop doing so."""
        flag = self.journals[channel].flag
        flag.touch() if on else flag.unlink(missing_ok=True)


def environment(*, smtp: int, twilio: int) -> dict[str, str]:
    """The environment for stand-ins on these ports, of this process or another."""
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
def start(
    directory: Path, *, smtp_port: int = 0, twilio_port: int = 0, webhook_port: int = 0
) -> Iterator[StandIns]:
    """Run all three; journals, which stay readable, and outage flags are in `directory`.

    Port 0 takes a free one. Raises OSError where a port is taken.
    """
    directory.mkdir(parents=True, exist_ok=True)
    kinds = zip(CHANNELS, (Smtp, Twilio, Receiver), (smtp_port, twilio_port, webhook_port), strict=True)
    with ExitStack() as stack:
        servers = [StandIn(handler, Journal(directory, name), port) for name, handler, port in kinds]
        yield StandIns(*map(stack.enter_context, servers))
