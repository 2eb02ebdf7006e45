"""What answers mean that are worded like those of large providers; what nobody knows is coarse."""

import time

import pytest

from notifications.channels import meaning_of, of
from notifications.channels.sms import codes
from notifications.failures import Reason
from notifications.failures.meanings import TABLE, Action, Level, Meaning, explain, of_reason

_AT_RCPT = " (while naming the recipient to the mail server)"
_MAIL, _SMS, _HOOK = Reason.MESSAGING_EXCEPTION, Reason.SMS_SERVICE_ERROR, Reason.INVALID_HTTP_RESPONSE
_NO_HOOK, _NO_SMS = Reason.HTTP_ERROR_WHILE_SENDING, Reason.SMS_CONNECTION_EXCEPTION

MAILS = [
    # Gmail
    (
        "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking "
        "the recipient's email address for typos or unnecessary spaces. - gsmtp",
        "NO_SUCH_ADDRESS",
    ),
    ("550 5.2.1 The email account that you tried to reach is inactive. - gsmtp", "ADDRESS_CLOSED"),
    ("552 5.2.2 The recipient's inbox is out of storage space and inactive. - gsmtp", "MAILBOX_FULL"),
    ("452 4.2.2 The email account that you tried to reach is over quota. - gsmtp", "MAILBOX_FULL"),
    (
        "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional "
        "messages from being delivered. - gsmtp",
        "TOO_MANY",
    ),
    (
        "421 4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP "
        "address. - gsmtp",
        "TOO_MANY",
    ),
    (
        "550 5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all "
        "senders to authenticate with either SPF or DKIM. - gsmtp",
        "AUTHENTICATION",
    ),
    (
        "550 5.7.1 Our system has detected that this message is likely unsolicited mail. To reduce the "
        "amount of spam sent to Gmail, this message has been blocked. - gsmtp",
        "SPAM",
    ),
    ("552 5.3.4 Your message exceeded Google's message size limits. - gsmtp", "TOO_LARGE"),
    ("421 4.3.0 Temporary System Problem. Try again later - gsmtp", "BUSY"),
    ("421 4.4.5 Server busy, try again later. - gsmtp", "BUSY"),
    ("550 5.7.25 The IP address sending this message does not have a PTR record setup - gsmtp", "REPUTATION"),
    # Microsoft
    (
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ana@example.org not found by SMTP address "
        "lookup",
        "NO_SUCH_ADDRESS",
    ),
    (
        "550 5.4.1 Recipient address rejected: Access denied. [DB3EUR04FT012.eop-eur04.prod.protection."
        "outlook.com]",
        "NO_SUCH_ADDRESS",
    ),
    ("550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", "UNSAID"),
    (
        "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list "
        "please visit https://sender.office.com/",
        "REPUTATION",
    ),
    ("451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77714)", "BUSY"),
    (
        "550 5.7.509 Access denied, sending domain example.org does not pass DMARC verification",
        "AUTHENTICATION",
    ),
    ("550 5.7.1 Unable to relay", "SENDER"),
    ("550 5.7.60 SMTP; Client does not have permissions to send as this sender", "SENDER"),
    ("552 5.2.2 Mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException", "MAILBOX_FULL"),
    ("550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient", "TOO_LARGE"),
    (
        "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.",
        "TOO_MANY",
    ),
    ("550 5.4.6 ORAR.HopCountExceeded; hop count exceeded - possible mail loop", "ROUTING"),
    # Yahoo, AOL
    (
        "554 delivery error: dd This user doesn't have a yahoo.com account (ana@yahoo.com) [0] - "
        "mta1.mail.ne1.yahoo.com",
        "NO_SUCH_ADDRESS",
    ),
    (
        "554 30 Sorry, your message to ana@yahoo.com cannot be delivered. This mailbox is "
        "disabled",
        "ADDRESS_CLOSED",
    ),
    (
        "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user "
        "complaints - 4.16.55.1",
        "TOO_MANY",
    ),
    ("451 4.3.2 Internal server error", "BUSY"),
    ("552 1 Requested mail action aborted: the recipient's mailbox is full", "MAILBOX_FULL"),
    # Apple
    ("550 5.1.1 <ana@icloud.com>: user does not exist", "NO_SUCH_ADDRESS"),
    ("552 5.2.2 <ana@icloud.com>: user is over quota", "MAILBOX_FULL"),
    ("554 5.7.1 [CS01] Message rejected due to local policy.", "BLOCKED"),
    # Amazon SES, as the server that we send by
    ("554 Message rejected: Email address is not verified.", "SENDER"),
    ("454 Throttling failure: Maximum sending rate exceeded.", "TOO_MANY"),
    ("535 5.7.8 Authentication credentials invalid", "SIGN_IN"),
    # Postfix
    (
        "550 5.1.1 <ana@example.org>: Recipient address rejected: User unknown in virtual mailbox "
        "table",
        "NO_SUCH_ADDRESS",
    ),
    (
        "450 4.2.0 <ana@example.org>: Recipient address rejected: Greylisted, see "
        "http://postgrey",
        "GREYLISTED",
    ),
    ("554 5.7.1 <ana@example.org>: Relay access denied", "SENDER"),
    ("554 5.7.1 <ana@example.org>: Recipient address rejected: Access denied", "BLOCKED"),
    ("450 4.1.2 <ana@example.invalid>: Recipient address rejected: Domain not found", "LATER"),
    ("550 5.1.2 <ana@example.invalid>: Recipient address rejected: Domain not found", "NO_SUCH_DOMAIN"),
    ("553 5.1.8 <a@example.org>: Sender address rejected: Domain not found", "SENDER"),
    (
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "REPUTATION",
    ),
    ("452 4.3.1 Insufficient system storage", "BUSY"),
    # Exim, and others without an enhanced code
    ("550 Unrouteable address", "NO_SUCH_ADDRESS"),
    ("550 no such user here", "NO_SUCH_ADDRESS"),
    ("451 Temporary local problem - please try later", "LATER"),
    ("550 5.7.1 No such user!", "NO_SUCH_ADDRESS"),
    (
        "550 Message was not accepted -- invalid mailbox. Local mailbox ana is unavailable: user "
        "not found",
        "NO_SUCH_ADDRESS",
    ),
    ("556 5.1.10 Domain example.org does not accept mail (nullMX)", "NO_SUCH_DOMAIN"),
    ("550-5.1.1 <ana@example.org> is not a known user here", "NO_SUCH_ADDRESS"),
    ("550 relay not permitted", "SENDER"),
    ("550 Administrative prohibition", "BLOCKED"),
    ("550 rejected because 192.0.2.1 is in a black list at zen.spamhaus.org", "REPUTATION"),
    ("450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]", "REPUTATION"),
    # Microsoft of our tenant, Exchange
    ("550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.", "REPUTATION"),
    ("550 5.7.705 Service unavailable. Access denied, tenant has exceeded threshold.", "REPUTATION"),
    ("550 5.7.511 Access denied, banned sender[192.0.2.1]", "REPUTATION"),
    ("550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains.", "SENDER"),
    ("550 5.1.8 Access denied, bad outbound sender AS(42004)", "SENDER"),
    ("432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending", "TOO_MANY"),
    ("452 4.5.3 Too many recipients (AS780090)", "TOO_MANY"),
    ("421 4.4.2 Message submission rate for this client has exceeded the configured limit", "TOO_MANY"),
    ("421 4.7.0 Too many login attempts", "TOO_MANY"),
    # Amazon SES, SendGrid, Mailgun, of our account there
    ("454 Throttling failure: Daily message quota exceeded.", "TOO_MANY"),
    ("554 Access denied: User `arn:aws:iam::1:user/a' is not authorized to perform `ses:Send'", "SENDER"),
    ("554 Message rejected: Sending paused for this account.", "ACCOUNT"),
    ("550 Unauthenticated senders not allowed", "SIGN_IN"),
    ("550 The from address does not match a verified Sender Identity.", "SENDER"),
    ("451 You have exceeded your messaging limits", "TOO_MANY"),
    ("451 Authentication failed: Maximum credits exceeded", "ACCOUNT"),
    (
        "421 Domain bank.example is not allowed to send: Please activate your Mailgun account",
        "ACCOUNT",
    ),
    # Proofpoint, Mimecast, Barracuda, Cisco
    ("554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1", "REPUTATION"),
    ("550 Rejected by header based Anti-Spoofing policy: bank.example", "AUTHENTICATION"),
    ("554 Email rejected due to security policies - https://community.mimecast.com", "BLOCKED"),
    ("550 permanent failure for one or more recipients (ana@example.org:blocked)", "BLOCKED"),
    (
        "550 permanent failure for one or more recipients (ana@example.org:550 5.1.1 User unknown)",
        "NO_SUCH_ADDRESS",
    ),
    (
        "554 Service unavailable; Client host [mx.barracuda.example] blocked using Barracuda Reputation",
        "REPUTATION",
    ),
    ("550 #5.1.0 Address rejected.", "NO_SUCH_ADDRESS"),
    # Names are no words
    ("550 5.1.1 <spam-dkim@example.org>: Recipient address rejected: User unknown", "NO_SUCH_ADDRESS"),
    ("550 5.1.1 User unknown (spamfilter3.example.org)", "NO_SUCH_ADDRESS"),
    ("550 5.1.1 No such user - d2.ess.barracudanetworks.com", "NO_SUCH_ADDRESS"),
    ("550 5.1.1 junk@virus.example: no such user", "NO_SUCH_ADDRESS"),
    # Words that nobody has in a table
    ("450 come back on Tuesday", "LATER"),
    ("550 the cat sat on the mat", "UNSAID"),
    ("554 5.0.0 transaction failed", "UNSAID"),
    ("[Errno 111] Connection refused (while connecting to the mail server)", "UNREACHABLE"),
    ("it took longer than 60 seconds (while waiting for the mail server to accept the text)", "NO_ANSWER"),
    (
        "its certificate is not trusted: certificate has expired (while securing the connection to "
        "the mail server)",
        "CERTIFICATE",
    ),
    ("[Errno -2] Name or service not known (while connecting to the mail server)", "NAME_NOT_FOUND"),
]  # fmt: skip
OTHERS = [
    *(
        ("SMS", _SMS, f'HTTP 400: {{"code": {code}, "message": "{said}", "status": 400}}', meaning)
        for code, said, meaning in (
            (21211, "The 'To' number +46700000 is not a valid phone number.", "BAD_ADDRESS"),
            (21408, "Permission to send an SMS has not been enabled for the region", "COUNTRY"),
            (21610, "Attempt to send to unsubscribed recipient", "OPTED_OUT"),
            (21614, "'To' number is not a valid mobile number", "NOT_A_MOBILE"),
            (21606, "The 'From' phone number provided is not valid", "SENDER"),
            (99999, "Nobody knows", "UNSAID"),
        )
    ),
    *(
        ("SMS", Reason.SMS_NOT_SENT, f"Receipt: Not delivered. {code}", meaning)
        for code, meaning in (
            (30003, "PHONE_OFF"),
            (30004, "BLOCKED"),
            (30005, "NO_SUCH_ADDRESS"),
            (30006, "NOT_A_MOBILE"),
            (30007, "SPAM"),
            (30008, "UNSAID"),
            (30999, "UNSAID"),
        )
    ),
    ("SMS", _SMS, 'HTTP 429: {"code": 20429, "message": "Too Many Requests"}', "TOO_MANY"),
    ("SMS", _SMS, 'HTTP 503: {"code": 20503, "message": "Service unavailable"}', "BUSY"),
    ("SMS", Reason.INVALID_SMS_GATEWAY_CREDENTIALS, 'HTTP 401: {"code": 20003}', "SIGN_IN"),
    ("SMS", _SMS, "HTTP 404: Not found", "UNSAID"),
    ("SMS", Reason.SMS_GATEWAY_ERROR, "HTTP 500: oops", "SERVER_FAILED"),
    ("SMS", _NO_SMS, "Connection refused", "UNREACHABLE"),
    *(
        ("WEB_HOOK", _HOOK, f"HTTP {status}: whatever", meaning)
        for status, meaning in (
            (301, "WRONG_PLACE"),
            (400, "NOT_ACCEPTED"),
            (401, "RECEIVER_SIGN_IN"),
            (404, "WRONG_PLACE"),
            (410, "GONE"),
            (413, "TOO_LARGE"),
            (418, "UNSAID"),
            (429, "TOO_MANY"),
            (500, "SERVER_FAILED"),
            (503, "BUSY"),
        )
    ),
    ("WEB_HOOK", _NO_HOOK, "certificate verify failed: certificate has expired", "CERTIFICATE"),
    ("WEB_HOOK", _NO_HOOK, "Temporary failure in name resolution", "NAME_NOT_FOUND"),
    ("WEB_HOOK", _NO_HOOK, "no answer within 20 seconds", "UNREACHABLE"),
    ("WEB_HOOK", Reason.OTHER, "HTTP 404: of something else", "UNFORESEEN"),
]


@pytest.mark.parametrize(("said", "meaning"), MAILS)
def test_what_mail_servers_answer(said: str, meaning: str) -> None:
    stored = said if said.endswith(")") and "(while " in said else said + _AT_RCPT
    assert meaning_of("EMAIL", _MAIL, stored, "REFUSED") == meaning


@pytest.mark.parametrize(("channel", "reason", "said", "meaning"), OTHERS)
def test_what_others_answer(channel: str, reason: Reason, said: str, meaning: str) -> None:
    assert meaning_of(channel, reason, said, "REFUSED") == meaning


def test_what_may_have_been_received_says_so() -> None:
    assert meaning_of("WEB_HOOK", _NO_HOOK, "no answer within 20 seconds", "UNKNOWN") == "NO_ANSWER"
    assert meaning_of("EMAIL", _MAIL, "550 5.1.1 no such user", "UNKNOWN") == "NO_SUCH_ADDRESS"


def test_every_meaning_and_every_reason_is_explained() -> None:
    assert set(TABLE) == set(Meaning)
    for reason in Reason:
        found = explain(reason, of_reason(reason))
        assert found.said.endswith(".")
        assert found.advice.endswith(".")
        assert found.title in {reason.label, *Meaning.labels}
    for meaning, row in TABLE.items():
        assert bool(row.said) == bool(row.advice), meaning
    assert {each.action for each in TABLE.values() if each.level == Level.ADDRESS} == {
        Action.CORRECT,
        Action.TELL,
    }


def test_a_long_answer_is_read_at_once() -> None:
    start = time.process_time()
    for said in ("x" * 8_000, "a." * 4_000, "a@" * 4_000, "<" * 8_000):
        assert meaning_of("EMAIL", _MAIL, f"550 {said}", "REFUSED") == "UNSAID"
    assert time.process_time() - start < 1


def test_every_code_of_the_gateway_is_explained_by_itself() -> None:
    for code, row in codes.CODES.items():
        assert of("SMS").meaning(_SMS, f"{code}: said") == row.meaning
