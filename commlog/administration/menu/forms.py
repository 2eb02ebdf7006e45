"""What the arrows beside menu items send."""

from django import forms


class ItemStepForm(forms.Form):
    """Which menu item moves, and whither."""

    item = forms.UUIDField()
    direction = forms.ChoiceField(choices=[("up", "Up"), ("down", "Down")])
