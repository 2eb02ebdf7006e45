"""Starts the demo, watches it and stops it. Its children, not this process, touch the database."""

import http.client
import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from commlog.demo import environment, standins
from commlog.demo.place import DEFAULT, Memory, Occupied, Place, port_is_free
from commlog.demo.processes import Child, Children, last_words

_READY_WITHIN = 60.0  # seconds
_LOOK = 0.2
_FIRST_PAGE = "/sign-in/"


class CannotRun(Exception):
    """The demo does not start, or cannot go on; the text is for the person at the terminal."""


def taken_out(arguments: Sequence[str], shell: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The arguments without --demo[=DIRECTORY], and that demo's environment. Raises CannotRun."""
    option = next(each for each in arguments if environment.is_for_a_demo(each))
    place = Place(Path(option.partition("=")[2] or DEFAULT))
    if not place.is_made:
        raise CannotRun(f"No demo has been started in {place.directory}. Start one with: make run")
    variables = _environment(place, place.read(), shell, port=8000)
    return [each for each in arguments if not environment.is_for_a_demo(each)], variables


def _environment(place: Place, memory: Memory, shell: Mapping[str, str], *, port: int) -> dict[str, str]:
    providers = standins.environment(smtp=memory.smtp, twilio=memory.twilio)
    return environment.demo(
        shell, directory=place.directory, port=port, secret_key=memory.secret_key, providers=providers
    )


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo to be."""

    directory: Path = DEFAULT
    port: int = 8000
    messages: int = 2_500
    every: float = 5.0
    fresh: bool = False

    def run(self) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP. Raises CannotRun."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        place = Place(self.directory)
        try:
            with place.occupied():
                self._run(place)
        except Occupied as error:
            raise CannotRun(
                f"A demo runs in {place.directory} already. Stop that one, or choose another --directory."
            ) from error
        except KeyboardInterrupt:
            _say("Stopped.")

    def _run(self, place: Place) -> None:
        if not port_is_free(self.port):
            another = self.port + 1
            raise CannotRun(
                f"Port {self.port} is taken. Choose another: make run PORT={another}, or manage.py demo "
                f"--port {another}"
            )
        memory = place.prepare(fresh=self.fresh)
        with Children(place.logs) as children:
            self._start(place, memory, children)
            _say(self._welcome(place))
            try:
                while (fallen := children.fallen()) is None:
                    time.sleep(_LOOK)
            except KeyboardInterrupt:
                _say("\nStopping …")
                raise
            _give_up(fallen)

    def _start(self, place: Place, memory: Memory, children: Children) -> None:
        variables = _environment(place, memory, os.environ, port=self.port)
        ports = [f"--{name}-port={getattr(memory, name)}" for name in ("smtp", "twilio", "webhook")]
        children.start(
            "stand-ins", ["-m", "commlog.demo.standins", str(place.directory), *ports], environment=variables
        )
        _until(children, lambda: _listens(memory.webhook), "the stand-ins")
        program = ["-m", "commlog.demo"]
        past = children.start(
            "past",
            [*program, "past", str(place.directory), f"--messages={self.messages}"],
            environment=variables,
            shown=True,
        )
        if past.ended() != 0:
            _give_up(past)
        children.forget(past)
        # Django's own server loses its place behind a body in chunks.
        serve = (
            f"-m gunicorn django.core.wsgi:get_wsgi_application() --bind 127.0.0.1:{self.port} --threads 32"
        )
        serve += " --no-control-socket --graceful-timeout 2"
        children.start("web", serve.split(), environment=variables | {"DEBUG": "1", "STREAM_READERS": "16"})
        children.start("sender", ["-m", "django", "sender"], environment=variables)
        pace = [f"--every={self.every}", f"--port={self.port}"]
        children.start("feed", [*program, "feed", str(place.directory), *pace], environment=variables)
        _until(children, lambda: _answers(self.port), "the pages")
        children.start("reader", [*program, "reader", str(place.directory), *pace], environment=variables)

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


def _python() -> str:
    """This interpreter, as one would type it here."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _interrupt(*_: Any) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # stopping takes some seconds, and must not be stopped itself
    raise KeyboardInterrupt


def _until(children: Children, condition: Any, what: str) -> None:
    until = time.monotonic() + _READY_WITHIN
    while not condition():
        fallen = children.fallen()
        if fallen is not None:
            _give_up(fallen)
        if time.monotonic() > until:
            raise CannotRun(f"After {_READY_WITHIN:.0f} seconds {what} did not answer yet.")
        time.sleep(_LOOK / 4)


def _give_up(child: Child) -> NoReturn:
    raise CannotRun(
        f"The demo's process “{child.name}” has ended by itself (exit code {child.poll()}), so the demo "
        "stops. "
        f"Its log is {child.log}; it ends with:\n\n{last_words(child.log)}"
    )


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{_FIRST_PAGE}", timeout=10) as answer:
            return bool(answer.status == 200)
    except (OSError, http.client.HTTPException):
        return False


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201  this is a program's front
