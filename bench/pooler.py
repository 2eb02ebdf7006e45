"""A private PgBouncer, in transaction mode and otherwise as Debian ships it."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@contextmanager
def pooled(url: str, directory: Path) -> Iterator[str]:
    """Yield the URL of the same database through a pooler that keeps two sessions for all its clients."""
    assert PROGRAM, "this needs PgBouncer"
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # It will not run as root, and must be able to read its file wherever the directory lies.
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    settings = directory / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={parts.hostname} port={parts.port} "
        f"user={parts.username}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = "
        "transaction\nignore_startup_parameters = options\n"
        "default_pool_size = 2\n"
    )
    with settings.open() as given:
        command = [*user, PROGRAM, f"/dev/fd/{given.fileno()}"]
        process = subprocess.Popen(command, pass_fds=[given.fileno()], stderr=subprocess.PIPE, cwd="/")
    try:
        _wait_for(port)
        yield parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()
    finally:
        process.terminate()
        process.communicate()


def _wait_for(port: int) -> None:
    for _ in range(100):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("PgBouncer did not start")
