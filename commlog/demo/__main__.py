"""python -m commlog.demo past|feed|sender|gunicorn …: the demo's programs, started by its runner alone.

Each ends when its standard input does. The runner holds the other end of that pipe: however it ends, even
killed, nothing of the demo stays behind.
"""

import os
import runpy
import signal
import sys
import time
from pathlib import Path
from threading import Thread

import django

_GRACE = 6.0  # seconds to end in good order: a cluster finishes what it is sending


def main(program: str, *arguments: str) -> None:
    """Run it on the leash."""
    Thread(target=_end_with_the_demo, daemon=True).start()
    if program in ("past", "feed"):
        _of_the_bank(program, Path(arguments[0]), float(arguments[1]))
    else:
        module = program if arguments else "django"
        sys.argv = [module, *(arguments or [program])]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_the_demo() -> None:
    os.read(0, 1)
    # To the program alone, not to its group: a cluster whose workers are told too waits for them for ever.
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os.killpg(0, signal.SIGKILL)


def _of_the_bank(program: str, directory: Path, number: float) -> None:
    django.setup()
    # Settings and models can be read only now.
    from django.conf import settings

    from commlog.demo import bank
    from commlog.demo.place import Place

    place = Place(directory)
    if Path(settings.DATABASES["default"]["NAME"]) != place.database:
        sys.exit(
            "This would write invented messages into a database that is not the demo's. Start `manage.py "
            "demo` instead."
        )
    if program == "past":
        bank.past(place, int(number))
    else:
        bank.feed(place, number)


main(*sys.argv[1:])
