"""The administration's pages of API consumers and keys."""

import html
import json
import re
import shutil
import subprocess
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group as Role
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from commlog.administration.consumers import changes
from commlog.models import ApiConsumer, ApiKey, AuditEntry
from tests.commlog.api.conftest import Program
from tests.factories import admin, make_consumer, make_key
from tests.forms import seen_at

pytestmark = pytest.mark.django_db
PATH = "/api/branches"


@pytest.fixture
def adam() -> Client:
    """An administrator at work."""
    client = Client()
    client.force_login(admin())
    return client


def _shown_key(response: Any) -> str:
    """The secret that a page shows; the one time."""
    (secret,) = set(re.findall(r"<code>([0-9a-f-]{36})</code>", response.content.decode()))
    return str(secret)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_however_long(
    adam: Client, rows: int, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        consumer = make_consumer(f"Program {number}")
        make_key(consumer, last_used_at=timezone.now())
        make_key(consumer, revoked_at=timezone.now())
    adam.get(reverse("api-consumers"))
    with django_assert_num_queries(7):
        response = adam.get(reverse("api-consumers"))
    assert response.content.count(b'data-label="Active keys" class="slim">1</td>') == rows


def test_a_consumer_is_made_gets_a_key_and_calls(adam: Client) -> None:
    officer = Role.objects.get(name="Officer")
    made = adam.post(
        reverse("api-consumer-new"),
        {"name": "Extractor", "description": "Nightly", "roles": [officer.pk]},
        follow=True,
    )
    consumer = ApiConsumer.objects.get()
    assert made.redirect_chain == [(reverse("api-consumer", args=[consumer.key]), 302)]
    assert "No keys yet" in made.content.decode()
    secret = _shown_key(adam.post(reverse("api-consumer-key", args=[consumer.key]), {"days": "30"}))
    assert Program(secret).get(PATH).status_code == 200
    page = adam.get(reverse("api-consumer", args=[consumer.key])).content.decode()
    assert secret not in page
    assert f"{secret[:8]}…" in page
    assert (
        AuditEntry.objects.filter(action="CREATED", target_kind__in=["API consumer", "API key"]).count() == 2
    )
    assert not any(secret in str(entry.said) for entry in AuditEntry.objects.all())


def test_a_new_key_comes_with_a_call_to_copy(adam: Client, settings: Any) -> None:
    settings.PUBLIC_URL = "https://commlog.example.org"
    consumer = make_consumer("Extractor")
    page = adam.post(reverse("api-consumer-key", args=[consumer.key]), {"days": "30"})
    (call,) = re.findall(r'data-copy="(curl [^"]*)"', page.content.decode())
    assert (
        html.unescape(call)
        == f"curl -sS https://commlog.example.org/api/setup/organization -H 'apiKey: {_shown_key(page)}'"
    )
    assert f"<code>{call}</code>" in page.content.decode()
    assert "curl" not in adam.get(reverse("api-consumer", args=[consumer.key])).content.decode()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.django_db(transaction=True)
def test_the_call_opens_the_api(live_server: LiveServer, settings: Any) -> None:
    settings.PUBLIC_URL = live_server.url
    issued = changes.issue(make_consumer("Extractor"), by=admin())
    ran = subprocess.run(["sh", "-c", issued.call], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(ran.stdout) == {"name": settings.ORGANISATION_NAME, "timeZoneID": "UTC"}


def test_a_rotated_key_opens_until_the_grace_is_over(adam: Client, settings: Any) -> None:
    settings.API_KEY_GRACE_MINUTES = 30
    old = make_key()
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        new = _shown_key(
            adam.post(
                reverse("api-key-rotate", args=[ApiKey.objects.get().key]), {"days": "", "confirm": "1"}
            )
        )
        clock.shift(30 * 60 - 1)
        assert [Program(key).get(PATH).status_code for key in (old, new)] == [200, 200]
        clock.shift(1)
        assert [Program(key).get(PATH).status_code for key in (old, new)] == [401, 200]
    assert ApiKey.objects.get(prefix=new[:8]).expires_at is None


def test_a_key_that_is_closed_is_not_rotated(adam: Client) -> None:
    make_key(expires_at=timezone.now() - timedelta(days=1))
    response = adam.post(
        reverse("api-key-rotate", args=[ApiKey.objects.get().key]), {"days": "", "confirm": "1"}
    )
    assert "This key has expired or was revoked" in response.content.decode()
    assert ApiKey.objects.count() == 1


def test_a_revoked_key_opens_nothing_and_others_go_on(adam: Client) -> None:
    consumer = make_consumer()
    kept, gone = make_key(consumer), make_key(consumer)
    adam.post(reverse("api-key-revoke", args=[ApiKey.objects.get(prefix=gone[:8]).key]))
    assert [Program(key).get(PATH).status_code for key in (kept, gone)] == [200, 401]


def test_a_deactivated_consumer_and_changed_roles_count_at_once(adam: Client) -> None:
    consumer = make_consumer(role="Viewer")
    program, search = Program(make_key(consumer)), "/api/communications/messages:search"
    assert program.post(search, []).status_code == 200
    adam.post(reverse("api-consumer-activity", args=[consumer.key]), {"active": "0"})
    assert program.post(search, []).status_code == 403
    adam.post(reverse("api-consumer-activity", args=[consumer.key]), {"active": "1"})
    assert program.post(search, []).status_code == 200
    address = reverse("api-consumer-edit", args=[consumer.key])
    adam.post(address, {"name": "Renamed", "description": "", "roles": []} | seen_at(adam, address))
    assert program.post(search, []).status_code == 403
    entry = AuditEntry.objects.filter(action="CHANGED").latest("id")
    assert (entry.before["roles"], entry.after["roles"]) == (["Viewer"], [])


def test_deactivating_says_first_what_it_stops(adam: Client) -> None:
    consumer = make_consumer("Extractor")
    make_key(consumer)
    address = reverse("api-consumer-activity", args=[consumer.key])
    assert f'href="{address}"' in adam.get(reverse("api-consumer", args=[consumer.key])).text
    assert "It has never called the API." in adam.get(address).text
    consumer.keys.update(last_used_at=timezone.now())
    asked = adam.get(address).text
    assert "Last call: <time" in asked
    assert "Calls with any of its keys are rejected immediately" in asked
    consumer.refresh_from_db()
    assert consumer.active
    adam.post(address, {"active": "0"})
    consumer.refresh_from_db()
    assert not consumer.active


def test_consumers_are_found_by_name_and_by_the_start_of_a_key(adam: Client) -> None:
    key = make_key(make_consumer("Extractor"))
    make_key(make_consumer("Reporting"))
    for asked in ("extract", key[:8], key[:5].upper(), key):
        page = adam.get(reverse("api-consumers"), {"q": asked}).content.decode()
        assert (">Extractor<" in page, ">Reporting<" in page) == (True, False), asked
    assert "Nothing matches" in adam.get(reverse("api-consumers"), {"q": "nobody"}).content.decode()


def test_two_consumers_have_two_names(adam: Client) -> None:
    make_consumer("Extractor")
    response = adam.post(reverse("api-consumer-new"), {"name": "extractor"})
    assert "A consumer with this name already exists." in response.content.decode()


def test_a_role_that_a_consumer_has_is_not_deleted(adam: Client) -> None:
    role = Role.objects.create(name="Reader")
    make_consumer(role="Reader")
    response = adam.post(reverse("role-delete", args=[role.pk]))
    assert "Remove it from its API consumers first." in response.content.decode()
    assert Role.objects.filter(pk=role.pk).exists()
