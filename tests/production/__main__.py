"""python -m tests.production: from nothing to a sent message, as docs/operate.md says."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from commlog.demo.standins.journal import Journal, StandIn
from commlog.demo.standins.smtp import Smtp
from tests.production import document, nakadi
from tests.production.machine import CannotMount, Machine
from tests.production.visitor import Visitor

ROOT = document.ROOT
PASSWORD = "harbour lights at night"
SEARCHED = "krausesecret"
MESSAGE = {
    "type": "EMAIL",
    "destination": "ana.krause@example.org",
    "subject": "Payment due",
    "body": "Dear Ana, thank you.",
}
SMS = {"type": "SMS", "destination": "+441632960000", "body": "Dear Ana, thank you."}
_began = time.monotonic()


def main() -> int:
    """Make the namespaces and go on inside of them; or say why not."""
    if sys.argv[1:2] == ["inside"]:
        return _inside(Path(sys.argv[2]), int(sys.argv[3]))
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return _cannot("only root on Linux can make a root of its own")
    namespaces = [
        "unshare",
        "--mount",
        "--pid",
        "--net",
        "--ipc",
        "--fork",
        "--kill-child=SIGKILL",
        "--propagation",
        "private",
    ]
    tried = subprocess.run([*namespaces, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        return _cannot(tried.stderr.strip())
    outside = os.open("/proc/self/ns/net", os.O_RDONLY)
    place = Path(tempfile.mkdtemp(prefix="commlog-production-"))
    try:
        _bundle(place)
        inside = [sys.executable, "-m", "tests.production", "inside", str(place), str(outside)]
        return subprocess.run([*namespaces, *inside], cwd=ROOT, pass_fds=[outside], check=False).returncode
    finally:
        shutil.rmtree(place)  # the mounts went with their namespace


def _inside(place: Path, outside: int) -> int:
    machine = Machine(place, outside)
    try:
        machine.build()
    except CannotMount as error:
        return _cannot(str(error))
    with StandIn(Smtp, Journal(place, "EMAIL"), 0) as mail:
        try:
            _follow(machine, place, mail.port)
        except (subprocess.CalledProcessError, AssertionError) as error:
            said = (
                f"{error.cmd}\nIt said:\n{error.output[-4000:]}"
                if isinstance(error, subprocess.CalledProcessError)
                else ""
            )
            print(
                f"\nThis failed:\n{said or error}\n\nThe "
                f"services:\n{machine.read('var/log/services/*')[-4000:]}",
                flush=True,
            )
            raise
    print(f"== from nothing to a sent message in {time.monotonic() - _began:.0f} s")
    return 0


def _follow(machine: Machine, place: Path, smtp: int) -> None:
    """Every block in its order, with what its reader sees after it."""
    values = {
        "<this repository>": "/srv/commlog.bundle",
        "smtp+tls://user:password@mail.example.org:587": f"smtp://127.0.0.1:{smtp}",
    }
    steps = document.filled_in(document.blocks(document.PAGE.read_text()), values)
    shutil.copyfile(place / "commlog.bundle", machine.root / "srv/commlog.bundle")
    certificate = machine.certify()
    after: dict[str, Callable[[], None]] = {
        "7. Check": lambda: _use(machine, certificate, place),
        "Upgrade": lambda: _still_there(machine, certificate, "after the upgrade"),
    }
    for number, block in enumerate(steps):
        _say(block.heading)
        if block.heading == "1. Packages, user and database":
            _packages_and_database(machine, block.commands)
            continue
        said = machine.run(block.commands, typed=f"{PASSWORD}\n")
        if "Traceback" in said:
            raise AssertionError(said)
        if "commlog-web" in block.commands:
            _until(lambda: _answers(machine), f"gunicorn after {block.heading}")
        if number + 1 == len(steps) or steps[number + 1].heading != block.heading:
            after.get(block.heading, lambda: None)()
    _still_there(machine, certificate, "after the restoring")
    _nothing_outside()


def _packages_and_database(machine: Machine, commands: str) -> None:
    """Packages come over the network of the host, and start what they bring; what follows talks to it."""
    packages, database = [], []
    for line in commands.splitlines():
        (packages if line.startswith("apt-get") else database).append(line)
    machine.run("\n".join(packages))
    machine.start_packages()
    machine.run("\n".join(database))


def _use(machine: Machine, certificate: Path, place: Path) -> None:
    """A message over the API, sent, and read by the API and on a page; what must be refused; what must not be
    written down.
    """
    visitor = Visitor(certificate)
    key = machine.run("commlog create_api_key --consumer Core --role Administrator").split()[-1]
    stored = visitor.call(key, "POST", "/api/communications/messages", MESSAGE)
    assert stored.status == 201, stored
    address = f"/api/communications/messages/{json.loads(stored.text)['encodedKey']}"
    _until(lambda: json.loads(visitor.call(key, "GET", address).text)["state"] == "SENT", "the message")
    assert [entry["destination"] for entry in Journal(place, "EMAIL").entries()] == [MESSAGE["destination"]]

    signed_in = visitor.sign_in("ada", PASSWORD)
    assert signed_in.status == 302, signed_in
    found = visitor.ask("GET", "/communications/?q=krause")
    assert found.status == 200, found
    assert MESSAGE["destination"] in found.text, found.text[:2000]
    assert "Payment due" in found.text, found.text[:2000]
    assert visitor.ask("GET", f"/communications/?q={'x' * 30_000}").status == 200
    assert visitor.ask("GET", "/healthz/sender").status == 200

    machine.run("commlog enqueue -", typed=nakadi.LINES)
    read_by = [sys.executable, "-m", "tests.production.nakadi", f"https://{document.HOST}", key]
    trusting = os.environ | {"REQUESTS_CA_BUNDLE": str(certificate)}
    done = subprocess.run(
        read_by, cwd=ROOT, env=trusting, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr

    large = visitor.call(key, "POST", "/api/communications/messages", b" " * 5_500_000 + b"{}")
    assert (large.status, json.loads(large.text)["errors"][0]["errorReason"]) == (413, "BODY_TOO_LARGE"), (
        large
    )
    # No gateway is set up.
    failed = json.loads(visitor.call(key, "POST", "/api/communications/messages", SMS).text)
    assert failed["state"] == "FAILED", failed
    # A search's answer.
    answered = json.dumps([{"encodedKey": failed["encodedKey"], "body": "x" * 240_000_000}]).encode()
    resend = visitor.call(key, "POST", "/api/communications/messages:resend", answered)
    assert resend.status == 202, resend  # nginx alone would say 413

    machine.run("systemctl stop commlog-web")
    assert visitor.ask("GET", f"/communications/?q={SEARCHED}").status == 502
    machine.run("systemctl start commlog-web")
    _until(lambda: _answers(machine), "gunicorn")
    assert visitor.ask("GET", f"/communications/?q={SEARCHED}", Host="203.0.113.7").status == 400
    written = machine.read("var/log/nginx/*") + machine.read("var/log/services/*")
    assert "/communications/" in written
    assert SEARCHED not in written
    assert "Traceback" not in written
    plain = machine.run(
        f"curl --silent --output /dev/null --write-out '%{{http_code}} %{{redirect_url}}' "
        f"http://{document.HOST}/clients/"
    )
    assert plain == f"301 https://{document.HOST}/clients/", plain


def _still_there(machine: Machine, certificate: Path, when: str) -> None:
    _until(lambda: _answers(machine), f"gunicorn {when}")
    visitor = Visitor(certificate)
    assert visitor.sign_in("ada", PASSWORD).status == 302, when
    assert MESSAGE["destination"] in visitor.ask("GET", "/communications/").text, when
    _until(lambda: visitor.ask("GET", "/healthz/sender").status == 200, f"the senders {when}")


def _answers(machine: Machine) -> bool:
    """Whether the machine's own probe, by its own address, says that it is ready."""
    try:
        machine.run("curl --fail --silent http://127.0.0.1:8000/readyz")
    except subprocess.CalledProcessError:
        return False
    return True


def _until(holds: Callable[[], bool], what: str, *, within: float = 60.0) -> None:
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {within:.0f} s"
        time.sleep(0.2)


def _nothing_outside() -> None:
    made = (
        "etc/commlog.env",
        "usr/local/bin/commlog",
        "etc/nginx/conf.d/commlog.conf",
        "opt/commlog/manage.py",
        "srv/commlog.bundle",
    )
    for path in made:
        assert not (Path("/") / path).exists(), path
    assert "\ncommlog:" not in Path("/etc/passwd").read_text()


def _bundle(place: Path) -> None:
    """The working tree as a repository in one file, whatever is committed: what a reader clones."""
    tree = place / "tree"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    git = [
        "git",
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.org",
        "-c",
        "init.defaultBranch=main",
    ]
    bundle = ["bundle", "create", "-q", str(place / "commlog.bundle"), "HEAD", "main"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "As it is"], bundle):
        subprocess.run([*git, *command], cwd=tree, check=True)
    shutil.rmtree(tree)


def _cannot(why: str) -> int:
    """Say why, and let whoever insists know it by the exit code."""
    print(f"SKIPPED: docs/operate.md was not followed, because {why}", flush=True)
    return 1 if os.environ.get("REQUIRE_PRODUCTION") else 0


def _say(what: str) -> None:
    print(f"== {what} ({time.monotonic() - _began:.0f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
