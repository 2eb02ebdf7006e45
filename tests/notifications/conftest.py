"""Local providers that the channels of a test really talk to."""

import subprocess
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from bench.standins import StandIns, stand_ins
from commlog.demo import standins
from notifications import channels
from notifications.process import this_process
from notifications.retry import RetryPolicy
from notifications.states import MessageType


@pytest.fixture
def providers(tmp_path: Path, settings: Any) -> Iterator[StandIns]:
    """A mail server, a Twilio and a webhook receiver; the channels are set up to use them."""
    with stand_ins(tmp_path / "providers") as running:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.smtp.port
        settings.DEFAULT_FROM_EMAIL = "Commlog <commlog@example.org>"
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = standins.ACCOUNT_SID, standins.AUTH_TOKEN
        settings.TWILIO_FROM, settings.TWILIO_API_URL = (
            standins.FROM,
            f"http://127.0.0.1:{running.twilio.port}",
        )
        settings.WEBHOOK_ALLOWED_NETS, settings.WEBHOOK_ALLOW_HTTP = [ip_network("127.0.0.0/8")], True
        channels.close_all()
        this_process.forget()
        yield running
        channels.close_all()
        this_process.forget()


@pytest.fixture
def quick_retries(settings: Any) -> RetryPolicy:
    """The default policy with waits that a test can sit through: at once, then 0.02 s and more."""
    policy = RetryPolicy(back_off_delay=0.02, back_off_max_delay=0.05)
    settings.RETRY_POLICIES = {
        MessageType.EMAIL: policy,
        MessageType.SMS: policy.with_unknown(False),
        MessageType.WEB_HOOK: policy,
    }
    return policy


@pytest.fixture
def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid
