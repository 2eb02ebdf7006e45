"""The demo's stand-ins for the tests and the benchmarks.

`python -m bench.standins DIRECTORY` runs them alone, and prints a JSON line with the ports when ready.
"""

import argparse
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commlog.demo import standins
from commlog.demo.standins.journal import Journal, StandIn


@dataclass(frozen=True, slots=True)
class StandIns:
    """Three running stand-ins."""

    smtp: StandIn
    twilio: StandIn
    webhook: StandIn

    def ports(self) -> dict[str, int]:
        return {"smtp": self.smtp.port, "twilio": self.twilio.port, "webhook": self.webhook.port}

    def environment(self) -> dict[str, str]:
        """Return the environment in which Commlog sends to them."""
        return standins.environment(smtp=self.smtp.port, twilio=self.twilio.port)

    def webhook_url(self, path: str = "/hook") -> str:
        """Return a URL of the receiver; see Receiver for paths that fail or wait."""
        return f"http://127.0.0.1:{self.webhook.port}/{path.lstrip('/')}"

    @property
    def journals(self) -> dict[str, Journal]:
        """The journals by channel (EMAIL, SMS, WEB_HOOK)."""
        return {each.journal.channel: each.journal for each in (self.smtp, self.twilio, self.webhook)}

    def journal(self, channel: str) -> list[dict[str, Any]]:
        """Return what the stand-in of this channel has received so far."""
        return self.journals[channel].entries()

    def outage(self, channel: str, on: bool) -> None:
        """Refuse everything on this channel from now on, or stop doing so."""
        flag = self.journals[channel].flag
        flag.touch() if on else flag.unlink(missing_ok=True)


@contextmanager
def stand_ins(directory: Path, **ports: int) -> Iterator[StandIns]:
    """Run them; see commlog.demo.standins.serve."""
    with standins.serve(directory, **ports) as servers:
        yield StandIns(*servers)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m bench.standins", description=__doc__)
    parser.add_argument("directory", type=Path, help="for journals and outage flags")
    names = ("smtp", "twilio", "webhook")
    for name in names:
        parser.add_argument(f"--{name}-port", type=int, default=0)
    options = vars(parser.parse_args())
    # Blocked before any thread starts, so that all threads inherit it and sigwait alone gets them.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with stand_ins(options["directory"], **{name: options[f"{name}_port"] for name in names}) as running:
        print(json.dumps({**running.ports(), "environment": running.environment()}), flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
