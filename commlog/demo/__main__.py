"""python -m commlog.demo past|feed|reader DIRECTORY: the demo's programs, started by its runner alone."""

import argparse
import sys
from importlib import import_module
from pathlib import Path

import django

_PROGRAMS = {"past": "commlog.demo.bank", "feed": "commlog.demo.bank", "reader": "commlog.demo.warehouse"}


def main() -> None:
    """Set Django up, make sure that this is the demo's database, run the program."""
    parser = argparse.ArgumentParser(prog="python -m commlog.demo", description=__doc__)
    parser.add_argument("program", choices=_PROGRAMS)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--messages", type=int, default=0)
    parser.add_argument("--every", type=float, default=5.0)
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    django.setup()
    from django.conf import settings  # readable only now

    from commlog.demo.place import Place

    place = Place(options.directory)
    if Path(settings.DATABASES["default"]["NAME"]) != place.database:
        sys.exit(
            "This would write invented messages into a database that is not the demo's. Start `manage.py "
            "demo` instead."
        )
    # The programs use models, which can be imported only now.
    getattr(import_module(_PROGRAMS[options.program]), options.program)(place, options)


main()
