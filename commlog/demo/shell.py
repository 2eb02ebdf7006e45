"""`manage.py COMMAND … --demo`: the command runs on the demo's database with the demo's settings, whatever the shell holds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from commlog.demo import environment, standins
from commlog.demo.place import DEFAULT, Place


class NoDemo(Exception):
    """No demo has been started in this directory; the text is for the person at the terminal."""


def taken_out(arguments: Sequence[str], shell: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the arguments without the option, and the demo's environment. `--demo=DIRECTORY` is a demo in another place. Raises NoDemo."""
    option = next(each for each in arguments if environment.is_for_a_demo(each))
    place = Place(Path(option.partition("=")[2] or DEFAULT))
    if not place.is_made:
        raise NoDemo(f"No demo has been started in {place.directory}. Start one with: make run")
    memory = place.read()
    providers = standins.environment(smtp=memory.smtp, twilio=memory.twilio)
    variables = environment.demo(shell, directory=place.directory, port=8000, secret_key=memory.secret_key, providers=providers)
    return [each for each in arguments if not environment.is_for_a_demo(each)], variables
