// The keyboard: text typed on a page goes to its search box, or to the find box where it has none, and a focused row of a log has keys of its own.
// Nothing that sends has a key: a name that somebody types must never be a command. All of it can be switched off in the list of shortcuts.
(() => {
  "use strict";
  const help = document.getElementById("help");
  if (!help) return;
  const choice = help.querySelector("[data-keys]");
  const stored = "commlog.keys";
  choice.checked = localStorage.getItem(stored) !== "off";
  choice.addEventListener("change", () => localStorage.setItem(stored, choice.checked ? "on" : "off"));

  const list = help.querySelector("[data-from]");
  const explain = async () => {
    help.showModal();
    if (list.firstChild) return;
    try {
      const page = new DOMParser().parseFromString(await (await fetch(list.dataset.from)).text(), "text/html");
      list.replaceChildren(...page.getElementById("shortcuts").children);
    } catch {
      window.feedback.unreached(false);
    }
  };
  for (const opener of document.querySelectorAll('[data-open="help"]')) {
    opener.addEventListener("click", explain);
  }

  const TAKES_TEXT = "select, textarea, input:not([type=radio], [type=checkbox], [type=button], [type=submit]), [contenteditable]";
  const rows = () => [...document.querySelectorAll("[data-row]")];

  const findBox = document.getElementById("find");
  const found = document.getElementById("found");
  const searchBox = () => {
    const box = document.getElementById("id_q");
    return box?.checkVisibility() ? box : findBox;
  };

  const goTo = (row) => {
    if (!row) return;
    const link = row.querySelector("a[href]");
    if (!link) row.tabIndex = -1; // a log may show columns without a link
    (link ?? row).focus();
    row.scrollIntoView({ block: "nearest" });
  };

  const step = (row, by) => {
    const all = rows();
    goTo(all[all.indexOf(row) + by]);
  };

  // The browser writes the character itself, into whatever has the focus by then: so dead keys and other ways of composing work too.
  // A text that is there already is selected, as Tab does: a new name takes its place.
  const search = (box = searchBox()) => {
    box?.focus();
    box?.select();
  };

  const ofRow = {
    j: (row) => step(row, 1),
    k: (row) => step(row, -1),
    x: (row) => row.querySelector(".col-select input")?.click(),
  };
  const ofPage = {
    "/": () => search(),
    "?": explain,
  };

  const inSearchBox = (event) => {
    if (event.key === "Escape") event.target.blur(); // keeps what was typed, which the browser would clear
    else if (event.key === "ArrowDown" && rows().length) goTo(rows()[0]);
    else return;
    event.preventDefault();
  };

  // The list of the find box is walked from the box and back.
  const inFindBox = (event) => {
    const stops = [findBox, ...found.querySelectorAll("a")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") event.target.blur();
    else if (step) stops[stops.indexOf(event.target) + step]?.focus();
    else return event.target !== findBox && isText(event.key) && choice.checked && search(findBox);
    event.preventDefault();
  };

  const isText = (key) => key === "Dead" || key === "Process" || (key !== " " && [...key].length === 1);

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented) return;
    const held = event.ctrlKey || event.altKey || event.metaKey;
    if (choice.checked && findBox && event.key === "k" && held && !event.altKey && !event.shiftKey && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      return search(findBox);
    }
    if (event.target.id === "id_q") return inSearchBox(event);
    if (!held && (event.target === findBox || found?.contains(event.target))) return inFindBox(event);
    const commands = held && !event.getModifierState("AltGraph"); // AltGr writes @ and €
    if (commands || !choice.checked || event.target.matches?.(TAKES_TEXT) || document.querySelector("dialog[open]")) return;
    const row = event.target.closest?.("[data-row]");
    const act = (row && ofRow[event.key]) ?? ofPage[event.key];
    if (act) {
      event.preventDefault();
      act(row);
    } else if (isText(event.key)) search();
  });
})();
