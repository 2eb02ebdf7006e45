"""`make screenshots`: every page of a demo, light and dark, wide and narrow, as pictures in screenshots/, for
people to look at.

Words after the module's name choose pages: `python -m tests.browser.screenshots log message`.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import django
from django.test.utils import setup_test_environment
from playwright.sync_api import Page, sync_playwright

from commlog.demo import environment
from commlog.demo.environment import PASSWORD
from commlog.demo.place import BASE, Place
from tests.cluster.test_demo import free_port

FOLDER = BASE / "screenshots"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
WIDTHS, SCHEMES = {1360: 900, 390: 844}, ("light", "dark")
PRINTED = ("log", "message", "client-communications", "audit")


@contextmanager
def demo(place: Place, port: int) -> Iterator[None]:
    """A demo that stands still: nothing new comes while it is drawn."""
    command = [
        sys.executable,
        "manage.py",
        "demo",
        f"--port={port}",
        f"--directory={place.directory}",
        "--every=86400",
    ]
    place.directory.mkdir(parents=True, exist_ok=True)
    output = place.directory / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=BASE, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        while "Sign in as" not in output.read_text():
            if process.poll() is not None:
                sys.exit(output.read_text())
            time.sleep(0.2)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def draw(url: str, chosen: list[str]) -> int:
    """Write the pictures; how many there are."""
    # Django's models can be read only now that it is set up.
    from commlog.models import User
    from tests.browser import gallery
    from tests.browser.places import of_demo

    stops = [
        stop
        for stop in gallery.stops(of_demo(), User.objects.get(username="admin"))
        if not chosen or stop.title in chosen
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for anonymous in (True, False):
            page = browser.new_page(reduced_motion="reduce")
            page.set_default_timeout(10_000)
            if not anonymous:
                _sign_in(page, url)
            for stop in stops:
                if stop.anonymous == anonymous:
                    gallery.visit(page, url, stop)
                    _pictures(page, stop.title)
        browser.close()
    return sum(1 for _ in FOLDER.glob("*.png"))


def _sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/sign-in/")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")


def _pictures(page: Page, title: str) -> None:
    name = title.replace(" ", "-").replace(",", "")
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.screenshot(path=str(FOLDER / f"{name}-{width}-{scheme}.png"), full_page=True)
    if title in PRINTED:
        page.set_viewport_size({"width": 980, "height": 1_386})  # A4
        page.emulate_media(media="print", color_scheme="light")
        page.screenshot(path=str(FOLDER / f"{name}-print.png"))
        page.emulate_media(media="screen")


def main() -> None:
    """Start a demo of its own, visit every page, write the pictures."""
    place, port, shell = Place(BASE / "var" / "screenshots"), free_port(), dict(os.environ)
    FOLDER.mkdir(exist_ok=True)
    with demo(place, port):
        variables = environment.demo(
            shell, directory=place.directory, port=port, secret_key=place.read().secret_key, providers={}
        )
        os.environ.clear()
        os.environ.update(variables | {"DEBUG": "1", "DJANGO_ALLOW_ASYNC_UNSAFE": "1"})
        django.setup()
        setup_test_environment(debug=False)  # so that an address of nothing shows the page that people see
        print(f"{draw(f'http://127.0.0.1:{port}', sys.argv[1:])} pictures in {FOLDER}")


if __name__ == "__main__":
    main()
