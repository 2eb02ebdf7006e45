"""python -m bench.standins DIRECTORY: the stand-ins; a JSON line with the ports when ready."""

import argparse
import json
import signal
from pathlib import Path

from commlog.demo import standins


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m bench.standins", description=standins.__doc__)
    parser.add_argument("directory", type=Path, help="for journals and outage flags")
    for name in ("smtp", "twilio", "webhook"):
        parser.add_argument(f"--{name}-port", type=int, default=0)
    options = parser.parse_args()
    # Blocked before any thread starts, so that all threads inherit it and sigwait alone gets them.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with standins.start(
        options.directory,
        smtp_port=options.smtp_port,
        twilio_port=options.twilio_port,
        webhook_port=options.webhook_port,
    ) as running:
        print(json.dumps({**running.ports(), "environment": running.environment()}), flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


main()
