"""python -m bench.contenders NAME … COUNT: sends COUNT messages in one way and prints how many a second."""

import os
import smtplib
import sys
import time
from email.message import EmailMessage

BODY = "Dear Ana, we received your payment of €120.00. Kind regards, Harbourlight Savings"
SUBJECT = "We received your payment"


def smtplib_loop(count: int) -> float:
    """Send one message, built once, again and again over one connection: no queue can beat that."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "commlog@example.org", "ana@example.org", SUBJECT
    message["Message-ID"] = "<0123456789abcdef0123456789abcdef@example.org>"
    message.set_content(BODY)
    text = message.as_bytes()
    with smtplib.SMTP("127.0.0.1", int(os.environ["SINK_SMTP"])) as server:
        began = time.perf_counter()
        for _ in range(count):
            server.sendmail("commlog@example.org", ["ana@example.org"], text)
        return count / (time.perf_counter() - began)


def requests_webhooks(count: int) -> float:
    """Post webhooks with one session on one thread."""
    import requests

    url = f"http://127.0.0.1:{os.environ['SINK_HTTP']}/hook"
    with requests.Session() as session:
        began = time.perf_counter()
        for _ in range(count):
            headers = {
                "Content-Type": "application/json",
                "x-notifications-idempotency-key": "01234567-89ab-cdef-0123-456789abcdef",
            }
            session.post(url, data=BODY.encode(), headers=headers, timeout=20)
        return count / (time.perf_counter() - began)


def requests_sms(count: int) -> float:
    """Post the form of an SMS with one session on one thread, without reading the answers."""
    import requests

    account = os.environ["TWILIO_ACCOUNT_SID"]
    url = f"{os.environ['TWILIO_API_URL']}/2010-04-01/Accounts/{account}/Messages.json"
    with requests.Session() as session:
        session.auth = (account, os.environ["TWILIO_AUTH_TOKEN"])
        began = time.perf_counter()
        for number in range(count):
            session.post(
                url, data={"To": f"+4917{number:09}", "From": "+15005550006", "Body": BODY}, timeout=20
            )
        return count / (time.perf_counter() - began)


def post_office(processes: int, count: int) -> float:
    """Send with django-post-office: queued with send_many, then sent until done."""
    _django("bench.post_office_settings")
    from post_office import mail

    mail.send_many(
        [
            {
                "sender": "commlog@example.org",
                "recipients": [f"ana{number}@example.org"],
                "subject": SUBJECT,
                "message": BODY,
            }
            for number in range(count)
        ]
    )
    began = time.perf_counter()
    mail.send_queued_mail_until_done(processes=processes)
    return count / (time.perf_counter() - began)


def commlog(channel: str, count: int) -> float:
    """Send with Commlog: from the commit that queues them until the last is SENT. Its cluster is running."""
    _django("commlog.settings")
    from notifications import outbox
    from notifications.models import Message
    from notifications.states import MessageType

    hook = f"http://127.0.0.1:{os.environ['SINK_HTTP']}/hook"
    drafts = {
        "EMAIL": lambda number: outbox.Draft(
            MessageType.EMAIL, destination=f"ana{number}@example.org", subject=SUBJECT, body=BODY
        ),
        "SMS": lambda number: outbox.Draft(MessageType.SMS, destination=f"+4917{number:09}", body=BODY),
        "WEB_HOOK": lambda _: outbox.Draft(MessageType.WEB_HOOK, destination=hook, body=BODY),
    }
    outbox.enqueue_many([drafts[channel](number) for number in range(count)])
    began = time.perf_counter()
    while Message.objects.live().exists():
        time.sleep(0.02)
    return count / (time.perf_counter() - began)


def prepare(_: str) -> float:
    """Create the tables of django-post-office."""
    _django("bench.post_office_settings")
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    return 0.0


def _django(module: str) -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = module
    django.setup()


def main() -> None:
    """Run one contender."""
    name, *more, count = sys.argv[1:]
    match name:
        case "smtplib":
            rate = smtplib_loop(int(count))
        case "requests":
            rate = (requests_sms if more == ["SMS"] else requests_webhooks)(int(count))
        case "post_office":
            rate = post_office(int(more[0]), int(count))
        case "commlog":
            rate = commlog(more[0], int(count))
        case _:
            rate = prepare(name)
    print(rate)


if __name__ == "__main__":
    main()
