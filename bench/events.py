"""How fast events become messages: ten thousand of them, a thousand a call, through the whole API."""

import subprocess
import sys

from bench.installation import ROOT, Installation

EVENTS, A_CALL, ROUNDS = 10_000, 1_000, 3


def run(installation: Installation) -> None:
    """Tell the events from one process, as one program would, and print messages a second."""
    key = installation.manage("create_api_key", "--consumer", "bench", "--role", "Administrator").split()[-1]
    command = [sys.executable, "-m", "bench.telling", key, str(EVENTS), str(A_CALL), str(ROUNDS)]
    done = subprocess.run(
        command, cwd=ROOT, env=installation.environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    print(done.stdout, end="")
