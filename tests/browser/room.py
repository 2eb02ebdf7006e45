"""Whether a page has room for what it says: at seven widths nothing scrolls sideways, and no text stands in a
column of a few letters.
"""

from playwright.sync_api import Page

WIDTHS = (390, 600, 768, 900, 1180, 1360, 1920)
CARDS = 1000  # up to this width a row of any table is a card
_LOOK = """cards => {
  const found = [], width = document.documentElement.clientWidth;
  const excess = document.documentElement.scrollWidth - width;
  const words = (part) => part.textContent.trim().slice(0, 40);
  const named = (part) => `${part.tagName.toLowerCase()}.${part.className} “${words(part)}”`;
  if (excess > 0) {
    const wide = [...document.body.querySelectorAll("*")].filter((part) =>
      part.getBoundingClientRect().right > width + 0.5 && !part.closest(".unseen, .scroller > *"));
    found.push(`scrolls sideways by ${excess} px: ${wide.slice(-2).map(named).join(", ")}`);
  }
  for (const box of document.querySelectorAll(".scroller"))
    if (box.scrollWidth > box.clientWidth && (width <= cards || !box.querySelector(".matrix, .labelled")))
      found.push(`a table scrolls sideways by ${box.scrollWidth - box.clientWidth} px`);
  const apart = `.unseen, .clip, .cards > thead, i, svg, option, dialog:not([open])`;
  for (const part of document.querySelectorAll("main *")) {
    const across = part.getBoundingClientRect().width;
    if (across < 2 || across >= 45) continue;
    const said = [...part.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim());
    if (said.join("").length > 8 && !part.closest(apart))
      found.push(`a text stands in ${Math.round(across)} px: ${named(part)}`);
  }
  return found;
}"""


def faults(page: Page) -> list[str]:
    """What has no room on the page as it stands, which is drawn anew for each width but not loaded.

    The dark differs by its colours alone, which the narrowest and the widest window show.
    """
    page.wait_for_load_state()  # a click returns when the answer begins
    found = []
    height = page.viewport_size["height"] if page.viewport_size else 900
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": height})
        found += [f"{width} px: {said}" for said in page.evaluate(_LOOK, CARDS)]
        if width in (WIDTHS[0], WIDTHS[-1]):
            page.emulate_media(color_scheme="dark")
            found += [f"{width} px, dark: {said}" for said in page.evaluate(_LOOK, CARDS)]
            page.emulate_media(color_scheme="light")
    return found
