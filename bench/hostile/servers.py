"""Servers on 127.0.0.1 that misbehave as scripted. They use plain sockets, so they can break off anywhere."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping

Script = Mapping[str, str]


class Listener:
    """A server that counts connections and gives each to `serve` in a thread."""

    def __init__(self, host: str = "127.0.0.1", context: ssl.SSLContext | None = None) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.create_server((host, 0), family=family, backlog=64)
        self.port = self.socket.getsockname()[1]
        self.connections = 0
        self.context = context
        self.stopped = threading.Event()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            threading.Thread(target=self._run, args=(sock, self.connections), daemon=True).start()

    def _run(self, sock: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.serve(sock, number)
        with contextlib.suppress(OSError):
            sock.close()

    def serve(self, sock: socket.socket, number: int) -> None:
        """Do nothing: a canary."""

    def close(self) -> None:
        self.stopped.set()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class Gone(OSError):
    """The script said drop."""


def reset(sock: socket.socket) -> None:
    """Close with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    sock.close()


class ScriptedSmtp(Listener):
    """A mail server that follows one script per connection (the last one from then on).

    A script names stages: greeting, ehlo, starttls, auth, mail, rcpt, data, body, dot, rset, quit; and what
    happens there: `drop`, `reset`, `hang`, `drip`, `garbage`, `endless` or the reply to give.
    """

    def __init__(
        self,
        *scripts: Script,
        features: tuple[str, ...] = (),
        context: ssl.SSLContext | None = None,
        implicit: bool = False,
    ) -> None:
        self.scripts = scripts or ({},)
        self.features = features
        self.implicit = implicit
        self.mails: list[bytes] = []
        self.commands: list[str] = []
        super().__init__(context=context)

    def serve(self, sock: socket.socket, number: int) -> None:
        script = self.scripts[min(number, len(self.scripts)) - 1]
        if self.implicit:
            assert self.context
            sock = self.context.wrap_socket(sock, server_side=True)
        self._say(sock, script, "greeting", "220 scripted ESMTP")
        file = sock.makefile("rb")
        while line := file.readline():
            verb = line.split()[0].decode().lower() if line.strip() else ""
            self.commands.append(line.decode().strip())
            if verb in ("ehlo", "helo"):
                lines = ["scripted", *self.features]
                told = "\r\n".join(f"250{'-' if text is not lines[-1] else ' '}{text}" for text in lines)
                self._say(sock, script, "ehlo", told)
            elif verb == "starttls":
                self._say(sock, script, "starttls", "220 go ahead")
                assert self.context
                sock = self.context.wrap_socket(sock, server_side=True)
                file = sock.makefile("rb")
            elif verb == "data":
                self._data(sock, file, script)
            elif verb == "quit":
                self._say(sock, script, "quit", "221 bye")
                return
            else:
                self._say(sock, script, verb, "235 welcome" if verb == "auth" else "250 ok")

    def _data(self, sock: socket.socket, file: "socket.SocketIO", script: Script) -> None:  # type: ignore[name-defined]
        if not self._say(sock, script, "data", "354 go on").startswith("354"):
            return
        if "body" in script:
            file.read(10)
            self._say(sock, script, "body", "")
        lines = []
        while (line := file.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line[1:] if line.startswith(b".") else line)
        self._say(sock, script, "dot", "250 2.0.0 Ok: queued as 4ABC", b"".join(lines))

    def _say(
        self, sock: socket.socket, script: Script, stage: str, usual: str, mail: bytes | None = None
    ) -> str:
        action = script.get(stage, usual)
        if mail is not None and action[:1] not in "45":
            self.mails.append(mail)
        if action in ("drop", "reset", "hang", "drip", "endless"):
            self._break_off(sock, action)
        if action:
            sock.sendall(b"\x00\xff what is this\r\n" if action == "garbage" else action.encode() + b"\r\n")
        return action

    def _break_off(self, sock: socket.socket, action: str) -> None:
        if action == "drop":
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        elif action == "reset":
            reset(sock)
        elif action == "hang":
            self.stopped.wait(30)
        else:
            octets, pause = (b"2", 0.1) if action == "drip" else (b"250-and so on\r\n" * 100, 0.0)
            while not self.stopped.wait(pause):
                sock.sendall(octets)
        raise Gone


class RateLimited(ScriptedSmtp):
    """A mail server that accepts `rate` mails a second over all connections.

    It answers `said` at `stage` to those above that rate.
    """

    def __init__(self, rate: float, stage: str, said: str) -> None:
        self.rate, self.stage, self.said = rate, stage, said
        self.refused = 0
        self._room, self._filled_at = rate, time.monotonic()
        self._lock = threading.Lock()
        super().__init__()

    def _say(
        self, sock: socket.socket, script: Script, stage: str, usual: str, mail: bytes | None = None
    ) -> str:
        if stage != self.stage or self._has_room():
            return super()._say(sock, script, stage, usual, mail)
        self.refused += 1
        super()._say(sock, {stage: self.said}, stage, usual, mail)
        if self.said.startswith("421"):
            raise Gone
        return self.said

    def _has_room(self) -> bool:
        with self._lock:
            now = time.monotonic()
            self._room = min(self.rate, self._room + (now - self._filled_at) * self.rate)
            self._filled_at = now
            if self._room < 1:
                return False
            self._room -= 1
            return True


class RawHttp(Listener):
    """A server that reads one request after the other and calls `behave` with the server and the socket."""

    def __init__(
        self,
        behave: "Callable[[RawHttp, socket.socket], None]",
        *,
        read: bool = True,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.behave = behave
        self.read = read
        self.requests: list[bytes] = []
        super().__init__(context=context)

    def serve(self, sock: socket.socket, number: int) -> None:
        if self.context:
            sock = self.context.wrap_socket(sock, server_side=True)
        if not self.read:
            self.behave(self, sock)
            return
        while request := self._request(sock):
            self.requests.append(request)
            self.behave(self, sock)

    def _request(self, sock: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            part = sock.recv(65536)
            if not part:
                return b""
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ),
            0,
        )
        while len(body) < length:
            body += sock.recv(65536)
        return head + b"\r\n\r\n" + body

    def drip(self, sock: socket.socket, octets: bytes, every: float = 0.1) -> None:
        for octet in octets:
            if self.stopped.wait(every):
                return
            sock.sendall(bytes([octet]))


def says(octets: bytes) -> Callable[[RawHttp, socket.socket], None]:
    """Return a behaviour that answers these bytes."""
    return lambda server, sock: sock.sendall(octets)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail if the block takes longer than `seconds`."""
    start = time.monotonic()
    yield
    took = time.monotonic() - start
    assert took <= seconds, f"took {took:.2f} s, {seconds} s were allowed"
