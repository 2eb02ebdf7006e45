"""A private PostgreSQL server, to be stopped and started at will."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NEW = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
_BACKUP = (
    "--host=127.0.0.1",
    "--username=postgres",
    "--write-recovery-conf",
    "--checkpoint=fast",
    "--no-sync",
)


class Server:
    """A data directory with its programs."""

    def __init__(
        self, directory: Path, programs: Path, network: str = "", standby_of: "Server | None" = None
    ) -> None:
        self.directory = directory
        self.programs = programs
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        # PostgreSQL refuses to run as root.
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if standby_of:
            self._run("pg_basebackup", *_BACKUP, f"--port={standby_of.port}")
        else:
            self._run("initdb", *_NEW)
        self._listens = "127.0.0.1"
        if network:
            self._listens = "*"
            with (directory / "data" / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {network} trust\n")

    @property
    def url(self) -> str:
        """The server's URL."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start(self, *settings: str) -> None:
        """Start the server; returns when it answers. `settings`: each as `name=value`."""
        named = "".join(f" -c {each}" for each in settings)
        options = f"-p {self.port} -k {self.directory} -c listen_addresses={self._listens}{named}"
        self._run("pg_ctl", "start", "--wait", f"--log={self.directory / 'log'}", f"--options={options}")

    def stop(self, mode: str) -> None:
        """Stop the server: `fast` ends every session, `immediate` is a crash."""
        self._run("pg_ctl", "stop", "--wait", f"--mode={mode}")

    def promote(self) -> None:
        """Make a standby a primary; returns when it takes writes."""
        self._run("pg_ctl", "promote", "--wait")

    def _run(self, program: str, *options: str) -> None:
        command = [*self._as, str(self.programs / program), f"--pgdata={self.directory / 'data'}", *options]
        done = subprocess.run(
            command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program} {options[0]}: {done.stderr or done.stdout}")


@contextmanager
def own_server(network: str = "", *settings: str, standby_of: Server | None = None) -> Iterator[Server]:
    """Yield a running server that is removed afterwards.

    It answers this machine, and the addresses of `network`. `settings`: each as `name=value`. `standby_of`:
    the server whose hot standby it is.
    """
    found = shutil.which("pg_ctl")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found and not programs:
        raise SystemExit("  This programme needs the programs of a PostgreSQL server (initdb, pg_ctl).")
    directory = Path(tempfile.mkdtemp(prefix="commlog-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres")
    server = Server(directory, Path(found).resolve().parent if found else programs[-1], network, standby_of)
    try:
        server.start(*settings)
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(directory, ignore_errors=True)
