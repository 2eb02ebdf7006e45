"""Nothing that the shell holds reaches the demo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commlog.demo import environment, standins
from commlog.demo.place import BASE

SETTINGS = (
    "SECRETS_KEY", "SECRETS_PREVIOUS_KEYS",
    "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "PUBLIC_URL", "TRUSTED_PROXY_NETS", "DATABASE_URL", "EMAIL_URL",
    "DEFAULT_FROM_EMAIL", "REPLY_TO_EMAIL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM",
    "TWILIO_API_URL", "WEBHOOK_ALLOWED_NETS", "WEBHOOK_ALLOW_HTTP", "RETRY_ENABLED", "RETRY_MAX_RETRIES",
    "RETRY_EMAIL_MAX_RETRIES", "RETRY_UNKNOWN_SMS", "SYSTEM_SENDER_NAME",
    "ORGANISATION_TIME_ZONE", "SENDER_WORKERS", "DJANGO_SETTINGS_MODULE", "HTTP_PROXY",
    "A_SETTING_OF_TOMORROW",
)  # fmt: skip
SHELL = {name: "from the shell" for name in SETTINGS} | {
    "PATH": "/usr/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/home/ana",
}


def test_only_what_a_program_needs_is_kept() -> None:
    assert environment.cleaned(SHELL) == {
        "PATH": "/usr/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": "/home/ana",
        "DJANGO_SETTINGS_MODULE": "commlog.settings",
        "PYTHONUNBUFFERED": "1",
    }


def test_every_setting_is_the_demos_own() -> None:
    made = environment.demo(
        SHELL,
        directory=Path("/tmp/a demo+x"),
        port=8123,
        secret_key="k" * 60,
        providers=standins.environment(smtp=25025, twilio=25026),
    )

    assert "from the shell" not in made.values()
    assert made["DATABASE_URL"] == "sqlite:////tmp/a%20demo%2Bx/demo.sqlite3"
    assert made["EMAIL_URL"] == "smtp://127.0.0.1:25025"
    assert made["TWILIO_API_URL"] == "http://127.0.0.1:25026"
    assert made["PUBLIC_URL"] == "http://127.0.0.1:8123"


def test_the_settings_read_the_directory_as_it_is_spelled(tmp_path: Path) -> None:
    directory = tmp_path / "a demo+x #1 100%"
    made = environment.demo(os.environ, directory=directory, port=8123, secret_key="ab12." * 12, providers={})
    program = "from django.conf import settings; print(settings.DATABASES['default']['NAME'])"

    done = subprocess.run(
        [sys.executable, "-c", program], env=made, cwd=BASE, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == str(directory / "demo.sqlite3")


@pytest.mark.parametrize("command", [["demo", "--help"], ["outage", "--help"]])
def test_the_commands_start_whatever_the_shell_holds(command: list[str]) -> None:
    nonsense = os.environ | {
        "DATABASE_URL": "nonsense",
        "RETRY_MAX_RETRIES": "many",
        "DJANGO_SETTINGS_MODULE": "nowhere.settings",
    }

    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        env=nonsense,
        cwd=BASE,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_its_programs_refuse_a_database_that_is_not_the_demos(tmp_path: Path) -> None:
    foreign = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'production.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "commlog.settings",
    }
    command = [sys.executable, "-m", "commlog.demo", "past", str(tmp_path), "5"]

    leash, _ = os.pipe()  # it would end with its standard input
    done = subprocess.run(
        command, env=foreign, cwd=BASE, stdin=leash, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "not the demo's" in done.stderr
    assert not (tmp_path / "production.sqlite3").exists()
