"""A program over the package that openapi-python-client made."""

import json
import os

from commlog_client import AuthenticatedClient
from commlog_client.api.communications import get_by_encoded_key, resend, search, send
from commlog_client.models import (
    FilterCriteria,
    FilterCriteriaField,
    FilterCriteriaOperator,
    NewMessage,
    NewMessageType,
    Resend,
    SearchDetailsLevel,
)

client = AuthenticatedClient(os.environ["COMMLOG"], os.environ["KEY"], prefix="", auth_header_name="apiKey")
wanted = FilterCriteria(
    field=FilterCriteriaField.STATE, operator=FilterCriteriaOperator.EQUALS, value="FAILED"
)
found = search.sync(client=client, body=[wanted], details_level=SearchDetailsLevel.FULL)
email = NewMessage(
    type_=NewMessageType.EMAIL, destination="ana@example.org", subject="Hello", body="Dear Ana"
)
sent = send.sync(client=client, body=email, idempotency_key="of the program")
resent = resend.sync_detailed(client=client, body=Resend(messages=[found[0].encoded_key]))
unknown = get_by_encoded_key.sync(client=client, encoded_key="0" * 32)
print(
    json.dumps(
        {
            "found": [
                [each.encoded_key, each.state, each.failure_reason, each.creation_date.year] for each in found
            ],
            "sent": [sent.encoded_key, sent.state],
            "resent": resent.status_code,
            "unknown": unknown.errors[0].error_code,
        }
    )
)
