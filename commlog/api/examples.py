"""Example bodies and responses for the plain description. A test sends every body."""

from typing import Any

KEY = "8a19b7057471f4af017472dc0fd80472"
_FAILED = {"field": "state", "operator": "EQUALS", "value": "FAILED"}
_DAYS = {"startDate": "2026-11-01", "endDate": "2026-11-02T17:30:00+01:00"}
_TEMPLATE = {
    "name": "Repayment, to the core system",
    "type": "WEB_HOOK",
    "target": "LOANS",
    "event": "LOAN_REPAYMENT",
    "url": "https://hooks.example.org/repayments",
    "requestType": "POST",
    "contentType": "APPLICATION_JSON",
    "body": '{"client": "{RECIPIENT_NAME}", "amount": "{AMOUNT}"}',
    "activated": True,
    "headers": [{"headerKey": "X-Source", "headerValue": "commlog"}],
}
_MADE = {"creationDate": "2026-11-24T09:14:00.120000+01:00"}
EXAMPLES: dict[str, Any] = {  # by the name of their schema
    "NewMessage": {
        "type": "EMAIL",
        "destination": "ana@example.org",
        "subject": "Payment due",
        "body": "Dear Ana",
    },
    "CommunicationMessage": {
        "encodedKey": KEY,
        "type": "EMAIL",
        "state": "FAILED",
        "destination": "ana@example.org",
        "subject": "Payment due",
        "body": "Dear Ana",
        "event": "MANUAL",
        "failureReason": "MESSAGING_EXCEPTION",
        "failureCause": "550 5.1.1 there is no such mailbox",
        "numRetries": 5,
        **_MADE,
    },
    "Search": [
        _FAILED,
        {"field": "creationDate", "operator": "BETWEEN", "value": "2026-11-01", "secondValue": "2026-11-30"},
    ],
    "SearchSorted": {
        "filterCriteria": [_FAILED],
        "sortingCriteria": {"field": "creationDate", "order": "ASC"},
    },
    "Resend": {"messages": [KEY]},
    "ResendByDate": _DAYS | {"templateTypes": ["EMAIL", "SMS"]},
    "Event": {
        "event": "LOAN_REPAYMENT",
        "clientKey": KEY,
        "data": {"AMOUNT": "120.50", "DUE_DATE": "2026-12-01"},
    },
    "EventAnswer": {"eventKey": KEY, "messages": [KEY]},
    "NewTemplate": _TEMPLATE,
    "Template": {"id": KEY, **_TEMPLATE, **_MADE},
    "TemplatePatch": [{"op": "REPLACE", "path": "activated", "value": False}],
    "SubscriptionWish": {"templateKey": KEY},
    "WebHookNotificationSettings": {"state": "ENABLED"},
    "Organization": {"name": "Example Bank", "timeZoneID": "Europe/Berlin"},
}
