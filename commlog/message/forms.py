"""What a Resend button sends."""

from django import forms


class ResendForm(forms.Form):
    """What a Resend button sends: the last entry of the chain that it was drawn for, and whether to send again what was sent."""

    expected_last = forms.UUIDField(required=False)
    again = forms.BooleanField(required=False)
