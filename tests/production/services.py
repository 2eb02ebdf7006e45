#!/usr/bin/python3
"""systemctl of a machine without systemd: starts what a unit's file says, as its user, in its directory, with
its environment.

Python's own library alone: it runs in the root of the test. It knows what the page's units and those of nginx
use.
"""

import configparser
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

UNITS = (Path("/etc/systemd/system"), Path("/lib/systemd/system"))
KNOWN = {
    "User",
    "WorkingDirectory",
    "EnvironmentFile",
    "PrivateTmp",
    "ExecStart",
    "KillMode",
    "TimeoutStopSec",
    "Restart",
}
STATE, JOURNAL = Path("/run/services"), Path("/var/log/services")


def unit(name: str) -> dict[str, str]:
    """Return the [Service] part of a unit."""
    for directory in UNITS:
        file = directory / f"{name}.service"
        if file.exists():
            parsed = configparser.ConfigParser(interpolation=None, strict=False)
            parsed.optionxform = str
            parsed.read(file)
            return dict(parsed["Service"])
    sys.exit(f"Failed to start {name}.service: Unit {name}.service not found.")


def environment_of(file: str) -> dict[str, str]:
    """Read the file as systemd.exec(5) says: a value may be quoted, nothing is expanded."""
    found = {}
    for line in Path(file).read_text().splitlines():
        if line.strip() and line.lstrip()[0] not in "#;":
            name, _, value = line.partition("=")
            value = value.strip()
            found[name.strip()] = shlex.split(value)[0] if value[:1] in ("'", '"') else value
    return found


def start(name: str) -> None:
    """Start the unit, unless it runs."""
    told = unit(name)
    if told.get("Type") == "forking":  # it goes into the background by itself
        if not Path(told["PIDFile"]).exists():
            subprocess.run(shlex.split(told["ExecStart"]), check=True)
        return
    unknown = set(told) - KNOWN
    if unknown:
        sys.exit(f"{name}.service: this stand-in for systemd does not know {', '.join(sorted(unknown))}")
    if not (STATE / name).exists() and os.fork() == 0:
        os.setsid()
        keep(name, told)
        os._exit(0)


def keep(name: str, told: dict[str, str]) -> None:
    """Start the process and stay with it, so that its end is seen."""
    user = told["User"]
    home = Path(f"~{user}").expanduser()
    variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "USER": user, "LOGNAME": user}
    variables |= environment_of(told["EnvironmentFile"])
    command = [
        "setpriv",
        f"--reuid={user}",
        f"--regid={user}",
        "--init-groups",
        "--",
        *shlex.split(told["ExecStart"]),
    ]
    if told.get("PrivateTmp") == "true":
        inside = 'mount -t tmpfs -o mode=1777 private /tmp && exec "$@"'
        command = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", inside, "sh", *command]
    JOURNAL.mkdir(parents=True, exist_ok=True)
    with open(JOURNAL / f"{name}.log", "ab") as journal, open(os.devnull) as nothing:
        process = subprocess.Popen(
            command,
            cwd=told["WorkingDirectory"],
            env=variables,
            stdin=nothing,
            stdout=journal,
            stderr=journal,
            start_new_session=True,
        )
        os.dup2(journal.fileno(), 1)  # whoever waits for the end of our output waits for us no longer
        os.dup2(journal.fileno(), 2)
        STATE.mkdir(exist_ok=True)
        (STATE / name).write_text(str(process.pid))
        process.wait()
        (STATE / name).unlink()


def stop(name: str) -> None:
    """Ask the main process to end (KillMode=mixed); after its time, end its group."""
    state = STATE / name
    if not state.exists():
        return
    number = int(state.read_text())
    os.kill(number, signal.SIGTERM)
    until = time.monotonic() + float(unit(name).get("TimeoutStopSec", "90"))
    while state.exists():
        if time.monotonic() > until:
            os.killpg(number, signal.SIGKILL)
            sys.exit(f"{name}.service did not stop in its time")
        time.sleep(0.05)


def reload(name: str) -> None:
    """Let the unit read its files anew."""
    subprocess.run(shlex.split(unit(name)["ExecReload"]), check=True)


def main() -> None:
    """systemctl COMMAND [--now] UNIT…"""
    command, *names = [word for word in sys.argv[1:] if word != "--now"]
    acts = {
        "daemon-reload": [],
        "enable": [start],
        "start": [start],
        "stop": [stop],
        "restart": [stop, start],
        "reload": [reload],
    }
    for name in names:
        for act in acts[command]:
            act(name)
    for name in names if command in ("enable", "start", "restart") else ():
        until = time.monotonic() + 5
        while "Type" not in unit(name) and not (STATE / name).exists() and time.monotonic() < until:
            time.sleep(0.05)


if __name__ == "__main__":
    main()
