"""What of docs/operate.md can be seen without following it: `python -m tests.production` follows it."""

import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from tests.commlog.test_environment import started
from tests.production import document
from tests.production.document import blocks, file_in, filled_in
from tests.production.services import environment_of

BLOCKS = blocks(document.PAGE.read_text())


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    """The page's settings, as its shell writes them."""
    file = tmp_path / "commlog.env"
    (block,) = [block for block in BLOCKS if block.heading == "3. Settings"]
    subprocess.run(["sh", "-ec", block.commands.replace("/etc/commlog.env", str(file))], check=True)
    return file


def by_the_shell(file: Path) -> dict[str, str]:
    command = ["env", "-i", "sh", "-ec", f"set -a; . {file}; exec env"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stderr == ""
    found = dict(line.split("=", 1) for line in said.stdout.splitlines())
    return {name: value for name, value in found.items() if name not in ("PWD", "OLDPWD", "SHLVL", "_")}


def test_shell_and_systemd_read_the_same_settings(settings_file: Path) -> None:
    found = environment_of(str(settings_file))

    assert by_the_shell(settings_file) == found
    assert found["DEFAULT_FROM_EMAIL"] == "Example Bank <no-reply@example.org>"
    assert settings_file.stat().st_mode & 0o077 == 0


def test_commlog_starts_with_the_page_s_settings(settings_file: Path) -> None:
    said = started("-c", "import commlog.wsgi", **environment_of(str(settings_file)))

    assert said.returncode == 0, said.stderr


def test_two_readers_have_different_keys(settings_file: Path, tmp_path: Path) -> None:
    first = environment_of(str(settings_file))
    (block,) = [block for block in BLOCKS if block.heading == "3. Settings"]
    subprocess.run(["sh", "-ec", block.commands.replace("/etc/commlog.env", str(settings_file))], check=True)
    second = environment_of(str(settings_file))

    assert {first[name] == second[name] for name in ("SECRET_KEY", "SECRETS_KEY")} == {False}
    assert first["SECRET_KEY"] != first["SECRETS_KEY"]


def test_nginx_takes_every_body_that_commlog_takes() -> None:
    nginx = file_in(BLOCKS, "/etc/nginx/conf.d/commlog.conf")
    common, resend = (int(size) * 1_048_576 for size in re.findall(r"client_max_body_size (\d+)m;", nginx))

    assert settings.API_LARGEST_BODY < common < settings.API_LARGEST_BODY * 1.5
    assert settings.API_LARGEST_ANSWER < resend < settings.API_LARGEST_ANSWER * 1.5


def test_nginx_writes_no_query_down() -> None:
    nginx = file_in(BLOCKS, "/etc/nginx/conf.d/commlog.conf")

    (written,) = re.findall(r"log_format commlog '(.*)';", nginx)
    assert not {"$request", "$request_uri", "$args", "$query_string", "$http_referer"} & set(
        re.findall(r"\$\w+", written)
    )
    servers = nginx.count("server {")
    assert (
        nginx.count("access_log /var/log/nginx/commlog.log commlog;")
        == nginx.count("error_log /dev/null;")
        == servers
        == 2
    )


def test_a_value_that_the_page_does_not_ask_for_is_named() -> None:
    with pytest.raises(ValueError, match=re.escape("the page does not say <a value> any more")):
        filled_in(BLOCKS, {"<a value>": "x"})


def test_every_block_can_be_pasted() -> None:
    assert len(BLOCKS) >= 10
    filled = filled_in(BLOCKS, {"<this repository>": "/srv/commlog.bundle"})
    for block in filled:
        assert subprocess.run(["bash", "-n"], input=block.commands, text=True, check=False).returncode == 0, (
            block.heading
        )
        assert not re.search(r"<[a-z][^>\n]*>(?! ?&)", re.sub(r"'[^'\n]*'", "", block.commands)), (
            block.heading
        )
