// Keys for those who live in the log. Each is optional, and all can be switched off in their dialog.
(() => {
  "use strict";
  const help = document.getElementById("help");
  const dialog = document.getElementById("message-dialog");
  if (!help) return;
  const choice = help.querySelector("[data-keys]");
  const stored = "commlog.keys";
  choice.checked = localStorage.getItem(stored) !== "off";
  choice.addEventListener("change", () => localStorage.setItem(stored, choice.checked ? "on" : "off"));

  for (const opener of document.querySelectorAll('[data-open="help"]')) {
    opener.hidden = false;
    opener.addEventListener("click", () => help.showModal());
  }

  const step = (by) => {
    if (dialog.open) return window.messageDialog.walk(by);
    const rows = [...document.querySelectorAll("[data-row]")];
    const here = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[here < 0 ? 0 : here + by];
    next?.querySelector("a[data-dialog]").focus();
    next?.scrollIntoView({ block: "nearest" });
  };

  const resend = () => {
    const place = dialog.open ? dialog : document.activeElement.closest("[data-row]");
    place?.querySelector("[data-resend]")?.click();
  };

  const actions = {
    "/": () => { if (!dialog.open) document.getElementById("id_q")?.focus(); },
    j: () => step(1),
    k: () => step(-1),
    x: () => document.activeElement.closest("[data-row]")?.querySelector("[data-select]")?.click(),
    r: resend,
    "?": () => { if (!dialog.open) help.showModal(); },
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.id === "id_q") {
      event.preventDefault(); // leave the box, keep what was typed
      event.target.blur();
      return;
    }
    const typing = event.target.matches?.("input:not([type=radio], [type=checkbox]), select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat && event.key === "r") return;
    if (!actions[event.key] || !choice.checked || help.open) return;
    event.preventDefault();
    actions[event.key]();
  });
})();
