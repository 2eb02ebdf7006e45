"""A page as a browser keeps it open."""

import re
from html import unescape
from typing import Any

from django.test import Client

ROW = r'id="row-(\d+)" data-row="(\w+)"'
PART = re.compile(r'id="live-([\w-]+)" class="live" data-version="(\w+)"')


class OpenPage:
    """A page as a browser keeps it: it sends what it has, and takes what it gets."""

    def __init__(self, client: Client, url: str, *, opened: str = "") -> None:
        self.client = client
        text = client.get(url).text
        self.parts = dict(PART.findall(text)) | {"newcomers": "0"}
        if opened:
            self.parts |= dict(PART.findall(client.get(opened, headers={"HX-Request": "true"}).text))
        if shown := re.search(
            r'class="message" data-key="(\w+)"', text if not opened else client.get(opened).text
        ):
            self.parts["message"] = shown[1]
        self.rows = dict(re.findall(ROW, text))
        self.here = unescape(re.search(r'id="watch"[^>]* data-here="([^"]*)"', text)[1])  # type: ignore[index]
        found = re.search(r'data-watch="(\d+)"', text)
        self.newest = found[1] if found else ""

    def ask(self) -> Any:
        rows = ",".join(f"{number}.{version}" for number, version in self.rows.items())
        asked = f"{self.here}&newest={self.newest}&live={rows}" if self.newest else self.here
        seen = ",".join(f"{name}={version}" for name, version in self.parts.items())
        response = self.client.get(asked, headers={"Commlog-By-Itself": "1", "Commlog-Seen": seen})
        self.parts |= dict(PART.findall(response.text))
        self.rows |= dict(re.findall(ROW, response.text))
        if news := re.search(r'data-news="([^"]+)"', response.text):
            self.parts["newcomers"] = news[1]
        return response
