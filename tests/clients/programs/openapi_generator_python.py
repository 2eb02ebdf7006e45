"""A program over the package that openapi-generator made for Python."""

import json
import os

from commlog_client import (
    ApiClient,
    ApiException,
    CommunicationsApi,
    Configuration,
    FilterCriteria,
    NewMessage,
    Resend,
)

api = CommunicationsApi(
    ApiClient(Configuration(host=os.environ["COMMLOG"], api_key={"ApiKeyAuth": os.environ["KEY"]}))
)
found = api.search([FilterCriteria(field="state", operator="EQUALS", value="FAILED")], details_level="FULL")
email = NewMessage(type="EMAIL", destination="ana@example.org", subject="Hello", body="Dear Ana")
sent = api.send(email, idempotency_key="of the program")
resent = api.resend_with_http_info(Resend(messages=[found[0].encoded_key]))
try:
    api.get_by_encoded_key("0" * 32)
except ApiException as error:
    unknown = error.data
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
