"""What the arrows beside menu items send."""

from django import forms


class ItemStepForm(forms.Form):
    """The menu item and the direction in which it moves."""

    item = forms.UUIDField()
    direction = forms.ChoiceField(choices=[("up", "Up"), ("down", "Down")])
