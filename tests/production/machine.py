"""A machine for the page: the files of this one under a layer that is thrown away, with processes, ports and
a loopback of its own.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path

from tests.production.document import HOST

_SERVICES = Path(__file__).with_name("services.py")
# What leads to the packages from here.
_KEPT = (
    "PIP_",
    "SSL_CERT_",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NEEDS_THE_NETWORK = ("apt-get ", "git clone")  # where packages come from


class CannotMount(Exception):
    """The system does not allow such a root."""


class Machine:
    """The root, and what runs in it. `outside` is a descriptor of the network of the host."""

    def __init__(self, place: Path, outside: int) -> None:
        self.root = place / "root"
        self._outside = outside
        self._layer = place / "layer"

    def build(self) -> None:
        """Mount it. Raises CannotMount."""
        for directory in (self.root, self._layer):
            directory.mkdir()
        self._mount("-t", "tmpfs", "-o", "size=80%", "layer", str(self._layer))
        for name in ("upper", "work"):
            (self._layer / name).mkdir()
        layers = f"lowerdir=/,upperdir={self._layer}/upper,workdir={self._layer}/work"
        self._mount("-t", "overlay", "-o", layers, "root", str(self.root))
        self._mount("-t", "proc", "proc", str(self.root / "proc"))
        self._mount("--rbind", "/dev", str(self.root / "dev"))
        # None of the services, clusters and temporary files of this machine.
        for name in (
            "dev/shm",
            "run",
            "tmp",
            "var/lib/postgresql",
            "etc/postgresql",
            "etc/nginx/conf.d",
            "var/log/nginx",
        ):
            directory = self.root / name
            directory.mkdir(parents=True, exist_ok=True)
            mode = "1777" if name in ("tmp", "dev/shm") else "755"
            self._mount("-t", "tmpfs", "-o", f"mode={mode}", "empty", str(directory))
        for name in ("etc/resolv.conf", "etc/policy-rc.d"):
            (self.root / name).unlink(missing_ok=True)
        shutil.copyfile("/etc/resolv.conf", self.root / "etc/resolv.conf")
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost {HOST}\n")
        self._mount("--bind", str(self.root / "etc/hosts"), "/etc/hosts")  # for who visits it, in here alone
        # Packages start nothing: start_packages does.
        self._program("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")
        self._program("usr/local/bin/systemctl", _SERVICES.read_text())
        _raise_loopback()

    def run(self, commands: str, *, typed: str = "") -> str:
        """Run a block in a shell of root, as somebody who pastes it; return what it prints.

        Raises CalledProcessError.
        """
        shell = ["chroot", str(self.root), "/bin/bash", "-euo", "pipefail", "-c", f"cd /root\n{commands}"]
        if any(word in commands for word in _NEEDS_THE_NETWORK):
            shell = ["nsenter", f"--net=/proc/self/fd/{self._outside}", *shell]
        kept = {name: value for name, value in os.environ.items() if name.startswith(_KEPT)}
        variables = kept | {
            "PATH": _PATH,
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
        }
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(
            shell, env=variables, input=typed, text=True, pass_fds=[self._outside], check=False, **both
        )
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, commands, done.stdout)
        return done.stdout

    def start_packages(self) -> None:
        """What Debian's packages do after they are installed, where there is a systemd: a cluster is made,
        and it and nginx start.
        """
        self.run(
            "chown postgres:postgres /var/lib/postgresql /etc/postgresql\n"
            "install -d -o postgres -g postgres -m 2775 /run/postgresql\n"
            "version=$(ls /usr/lib/postgresql | sort -n | tail -1)\n"
            "[ -e /etc/postgresql/$version/main ] || pg_createcluster $version main\n"
            "pg_ctlcluster --skip-systemctl-redirect $version main start\n"
            "systemctl start nginx\n"
        )

    def certify(self) -> Path:
        """Put a certificate to the page's paths, and trust it; return it."""
        self.run(
            "mkdir -p /etc/ssl/private\n"
            f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={HOST} -addext "
            f"subjectAltName=DNS:{HOST} "
            "-out /etc/ssl/certs/commlog.pem -keyout /etc/ssl/private/commlog.key 2>&1\n"
            "cat /etc/ssl/certs/commlog.pem >> /etc/ssl/certs/ca-certificates.crt"
        )
        return self.root / "etc/ssl/certs/commlog.pem"

    def read(self, pattern: str) -> str:
        """Return the text of all files that match, for what must not be in them."""
        return "\n".join(
            file.read_text(errors="replace") for file in sorted(self.root.glob(pattern)) if file.is_file()
        )

    def _program(self, name: str, text: str) -> None:
        file = self.root / name
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    @staticmethod
    def _mount(*arguments: str) -> None:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotMount(f"mount {' '.join(arguments)}: {done.stderr.strip()}")


def _raise_loopback() -> None:
    """Switch the loopback of this network on (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", 0x1 | 0x40)  # SIOCSIFFLAGS: IFF_UP, IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, request + bytes(14))
