"""Small inputs of clerks, attackers and API clients, each with its right answer."""

import csv
import html
import io
import re
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pytest
from django.contrib.auth.models import Group as Role
from django.test import Client
from openpyxl import load_workbook
from openpyxl.utils.datetime import to_excel

from commlog.models import ColumnLayout, CustomView, JobItem
from notifications.states import MessageState as S
from notifications.states import MessageType as T
from tests.factories import admin, make_client, make_key, make_message, officer

pytestmark = pytest.mark.django_db
LOG, BULK, EXPORT = "/communications/", "/communications/resend/", "/communications/export/"


@pytest.fixture(autouse=True)
def _mail(settings):
    settings.EMAIL_HOST = "localhost"


def signed_in(user):
    browser = Client()
    browser.force_login(user)
    return browser


def shared(**content):
    return CustomView.objects.create(name="Shared", for_everyone=True, **content)


def confirmed_then(change, of):
    """What is resent after `change` happened between the confirmation and its button."""
    pages = signed_in(officer())
    given = {"of": of, "all": "1"}
    shown = pages.get(BULK, given)
    change()
    answer = pages.post(BULK, given | shown.context["fresh"])
    return answer, [item.message.destination for item in JobItem.objects.all()]


def stale(url, change_b, change_a, first=admin, second=admin):
    a, b = signed_in(first()), signed_in(second())
    form_a, form_b = a.get(url), b.get(url)
    assert b.post(url, values(form_b) | change_b).status_code == 302
    return a.post(url, values(form_a) | change_a)


def values(answer):
    form = answer.context["form"]
    found = {}
    for bound in form:
        value = bound.value()
        if value not in (None, False):
            found[bound.html_name] = (
                [getattr(each, "pk", each) for each in value]
                if isinstance(value, (list, tuple)) or hasattr(value, "all")
                else value
            )
    return found


def test_view_saved_anew_between_confirmation_and_button():
    make_message(S.FAILED, destination="ana@example.org")
    make_message(S.FAILED, T.SMS, destination="+46700000003")
    view = shared(conditions={"state": "FAILED", "type": "EMAIL"})
    _, resent = confirmed_then(
        lambda: CustomView.objects.filter(pk=view.pk).update(conditions={"state": "FAILED", "type": "SMS"}),
        f"{LOG}?view={view.key.hex}",
    )
    assert resent in ([], ["ana@example.org"])  # never what nobody confirmed


def test_live_rows_fit_the_heads_of_their_page():
    ada = officer()
    pages = signed_in(ada)
    row = make_message(S.WAITING)
    drawn = pages.get(LOG).text
    heads = len(re.findall(r"<th\b", drawn.split("<thead")[1].split("</thead>")[0]))
    here = html.unescape(re.search(r'data-here="([^"]*)"', drawn)[1])
    watch = re.search(r'data-watch="(\d+)"', drawn)[1]
    # Another tab: Edit columns, Apply.
    ColumnLayout.objects.create(user=ada, kind="LOG", columns=["state", "destination"])
    url = here + ("&" if "?" in here else "?") + urlencode({"newest": watch, "live": row.pk})
    swapped = pages.get(url, headers={"HX-Request": "true"}).text
    cells = len(re.findall(r"<t[dh]\b", swapped.split("<template>")[1].split("</template>")[0]))
    assert cells in (heads, 0)  # 0: no row at all, so that the page keeps the one it has


def test_a_new_address_is_not_lost_to_a_stale_form():
    ana = make_client(email="old@example.org", mobile_phone="+46700000003")
    stale(f"/clients/{ana.key.hex}/edit/", {"email": "new@example.org"}, {"mobile_phone": "+46700000004"})
    ana.refresh_from_db()
    assert ana.email == "new@example.org"


def test_a_permission_that_was_withdrawn_stays_withdrawn():
    role = Role.objects.get(name="Officer")
    url = f"/administration/roles/{role.pk}/"
    mine, hers = signed_in(admin()), signed_in(admin())
    all_of_it = sorted(role.permissions.values_list("codename", flat=True))
    my_form, her_form = values(mine.get(url)), values(hers.get(url))  # whatever the form carries travels back
    hers.post(
        url, her_form | {"name": "Officer", "permissions": [p for p in all_of_it if p != "export_to_excel"]}
    )
    assert not role.permissions.filter(codename="export_to_excel").exists()
    mine.post(
        url, my_form | {"name": "Officer", "permissions": [p for p in all_of_it if p != "send_manual_sms"]}
    )
    assert not role.permissions.filter(codename="export_to_excel").exists()


def test_a_client_is_not_taken_for_another_whose_id_differs_in_case():
    big, small = (
        make_client(client_id="Kd-7", last_name="Big"),
        make_client(client_id="kd-7", last_name="Small"),
    )
    make_message(S.SENT, client=big), make_message(S.SENT, client=small)
    pages = signed_in(officer())
    answer = pages.get(LOG, {"c": "client.equals.Ana Small (kd-7)"})  # as the page suggests it
    assert {row.message.client_id for row in answer.context["log"].rows} in ({small.pk}, set())


@pytest.mark.parametrize(
    "body",
    [
        {"value": "2026-11-25", "secondValue": "2026-11-25T08:00:00+13:00"},
        {"value": "2026-11-25", "secondValue": "2026-11-25T00:30:00+13:00"},
    ],
)
def test_a_span_of_a_day_and_a_time_ahead_of_utc(body, settings):
    settings.TIME_ZONE = settings.ORGANISATION_TIME_ZONE = "Pacific/Auckland"
    answer = Client().post(
        "/api/communications/messages:search",
        [{"field": "creationDate", "operator": "BETWEEN", **body}],
        content_type="application/json",
        headers={"apiKey": make_key()},
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("micro", [600_000])
def test_a_sheet_shows_the_second_that_the_log_shows(micro):
    make_message(S.SENT, created_at=datetime(2026, 6, 30, 23, 59, 59, micro, tzinfo=UTC))
    pages = signed_in(officer())
    answer = pages.post(f"{EXPORT}?of={quote(LOG)}", {"format": "xlsx"})
    sheet = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))["Messages"]
    value = next(cell.value for cell in sheet[2] if isinstance(cell.value, datetime))
    # As yyyy-mm-dd hh:mm:ss shows it.
    assert round(to_excel(value) * 86_400) == round(to_excel(datetime(2026, 6, 30, 23, 59, 59)) * 86_400)


@pytest.mark.parametrize("text", ["Dear Bo;=1+2;bye", "a;@SUM(1)"])
def test_a_csv_file_runs_nothing_where_semicolons_part_fields(text):
    make_message(S.SENT, content=text)
    pages = signed_in(officer())
    answer = pages.post(f"{EXPORT}?of={quote(LOG + '?columns=subject,message')}", {"format": "csv"})
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    fields = [field for row in csv.reader(io.StringIO(content), delimiter=";") for field in row]
    assert not [field for field in fields if field.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize(
    "typed",
    ["070 – 000 00 03", "+46\u201170\u2011000\u201100\u201103", "\u200e+46700000003", "tel:+46700000003"],
)
def test_a_number_in_any_spelling(typed):
    make_message(S.FAILED, T.SMS, destination="+46700000003")
    answer = signed_in(officer()).get(LOG, {"q": typed})
    assert len(answer.context["log"].rows) == 1


@pytest.mark.parametrize(("field", "sort", "text"), [("recipient_name", "recipient", "株式会社" * 67)])
def test_the_next_page_of_long_names(field, sort, text):
    for number in range(30):
        make_message(S.SENT, **{field: f"{text}{number:03}"})
    pages = signed_in(officer())
    first = pages.get(LOG, {"sort": sort, "per_page": "25"})
    second = pages.get(LOG + html.unescape(first.context["log"].next_url))
    assert not second.context["log"].notices
    assert len(second.context["log"].rows) == 5


def test_who_is_found_in_the_audit_trail_is_a_program_too():
    key = make_key()
    Client().post(
        "/api/communications/messages",
        {"type": "EMAIL", "destination": "x@example.org", "subject": "s", "body": "b"},
        content_type="application/json",
        headers={"apiKey": key},
    )
    from commlog.models import ApiConsumer

    name = ApiConsumer.objects.get().name
    text = signed_in(admin()).get("/administration/audit/", {"who": name}).text
    assert "No user or program has this name" not in text
