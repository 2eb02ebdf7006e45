"""Starts the demo, watches it and stops it. Its children, not this process, touch the database."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from commlog.demo import environment, standins
from commlog.demo.place import BASE, DEFAULT, Occupied, Place, port_is_free

_READY_WITHIN = 60.0  # seconds
_LONGEST_STOP = 9.0  # seconds; a cluster finishes what it is sending
_LOOK = 0.2
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CannotRun(Exception):
    """The demo does not start, or cannot go on; the text is for the person at the terminal."""


def taken_out(arguments: Sequence[str], shell: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The arguments without --demo[=DIRECTORY], and that demo's environment. Raises CannotRun."""
    option = next(each for each in arguments if environment.is_for_a_demo(each))
    place = Place(Path(option.partition("=")[2] or DEFAULT))
    if not place.is_made:
        raise CannotRun(f"No demo has been started in {place.directory}. Start one with: make run")
    kept = [each for each in arguments if not environment.is_for_a_demo(each)]
    return kept, _environment(place, shell, port=8000)


def _environment(place: Place, shell: Mapping[str, str], *, port: int) -> dict[str, str]:
    memory = place.read()
    providers = standins.environment(smtp=memory.smtp, twilio=memory.twilio)
    return environment.demo(
        shell,
        directory=place.directory,
        port=port,
        secret_key=memory.secret_key,
        providers=providers,
    )


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo to be."""

    directory: Path
    port: int
    messages: int
    every: float
    fresh: bool

    def run(self) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP. Raises CannotRun."""
        for number in _SIGNALS:
            signal.signal(number, _interrupt)
        place, port = Place(self.directory), self.port
        try:
            with place.occupied():
                if not port_is_free(port):
                    raise CannotRun(
                        f"Port {port} is taken. Choose another: make run PORT={port + 1}, or manage.py demo "
                        f"--port {port + 1}"
                    )
                self._run(place)
        except Occupied as error:
            raise CannotRun(
                f"A demo runs in {place.directory} already. Stop that one, or choose another --directory."
            ) from error
        except KeyboardInterrupt:
            _say("Stopped.")

    def _run(self, place: Place) -> None:
        memory = place.prepare(fresh=self.fresh)
        with (
            standins.serve(place.directory, memory.smtp, memory.twilio, memory.webhook),
            _Children(place.logs, _environment(place, os.environ, port=self.port)) as children,
        ):
            children.finish("past", str(place.directory), str(self.messages))
            # Django's own server loses its place behind a body in chunks.
            serve = f"django.core.wsgi:get_wsgi_application() --bind 127.0.0.1:{self.port} --threads 32"
            serve += " --no-control-socket --graceful-timeout 2"
            children.start("gunicorn", *serve.split(), DEBUG="1", STREAM_READERS="16")
            children.start("sender")
            children.start("feed", str(place.directory), str(self.every))
            until = time.monotonic() + _READY_WITHIN
            while not _answers(self.port):
                children.look()
                if time.monotonic() > until:
                    raise CannotRun(f"After {_READY_WITHIN:.0f} seconds the pages did not answer yet.")
            _say(self._welcome(place))
            try:
                while True:
                    children.look()
            except KeyboardInterrupt:
                _say("\nStopping …")
                raise

    def _welcome(self, place: Place) -> str:
        where = "" if place.directory == DEFAULT else f" --directory {self.directory}"
        lines = "\n".join(
            f"    {name:<10} {environment.PASSWORD}   {role}" for name, role in environment.SIGN_INS.items()
        )
        return f"""
  Commlog's demo is at  http://127.0.0.1:{self.port}/

  Sign in as
{lines}

  A new message is sent about every {self.every:g} seconds, to stand-ins on this machine: nothing leaves it.
  Play an outage:  {_python()} manage.py outage email on{where}
                   (email, sms or webhook; on or off)
  What the stand-ins got is in {place.directory}/*.jsonl, what the processes say in {place.logs}/

  Stop with Ctrl-C.
"""


class _Children:
    """The demo's programs (__main__.py), which end when this process closes their standard input, or ends."""

    def __init__(self, logs: Path, variables: Mapping[str, str]) -> None:
        self._logs, self._variables = logs, variables
        self._running = dict[str, subprocess.Popen[bytes]]()

    def __enter__(self) -> "_Children":
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._running.values():
            assert child.stdin
            child.stdin.close()
        for child in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_LONGEST_STOP)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)  # what is left of it
            child.wait()

    def start(self, program: str, *arguments: str, shown: bool = False, **variables: str) -> None:
        """Start one; `shown`: what it prints goes to the terminal, its errors to its log all the same."""
        with self._log(program).open("ab") as file:
            self._running[program] = subprocess.Popen(  # noqa: S603  our own programs
                [sys.executable, "-m", "commlog.demo", program, *arguments],
                stdin=subprocess.PIPE,
                stdout=None if shown else file,
                stderr=file,
                cwd=BASE,
                env={**self._variables, **variables},
                start_new_session=True,  # Ctrl-C in the terminal is the demo's alone
            )

    def finish(self, program: str, *arguments: str) -> None:
        """Run one to its end. Raises CannotRun."""
        self.start(program, *arguments, shown=True)
        while self._running[program].poll() is None:
            time.sleep(_LOOK / 4)  # not wait(): a signal's handler must get its turn
        if self._running[program].returncode == 0:
            del self._running[program]
        self.look()

    def look(self) -> None:
        """Wait a moment; raise CannotRun where one has ended although nobody stopped it."""
        time.sleep(_LOOK)
        for program, child in self._running.items():
            if child.poll() is not None:
                log = self._log(program)
                end = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
                raise CannotRun(
                    f"The demo's process “{program}” has ended by itself (exit code {child.returncode}), so "
                    f"the demo stops. Its log is {log}; it ends with:\n\n{end}"
                )

    def _log(self, program: str) -> Path:
        return self._logs / f"{program}.log"


def _python() -> str:
    """This interpreter, as one would type it here."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _interrupt(*_: Any) -> NoReturn:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # stopping takes some seconds, and must not be stopped itself
    raise KeyboardInterrupt


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in/", timeout=10) as answer:
            return bool(answer.status == 200)
    except (OSError, http.client.HTTPException):
        return False


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201  this is a program's front
