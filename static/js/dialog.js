// Opens messages in a dialog over the log. Every link works without it, and with a modifier key it stays a link. The open message is an entry of the
// browser's history: Back closes it, Forward opens it.
(() => {
  "use strict";
  const dialog = document.getElementById("message-dialog");
  if (!dialog) return;
  const content = document.getElementById("message-dialog-content");
  const pageLink = dialog.querySelector("[data-page]");
  const OPENS = "a[data-dialog], [data-row] a:is(.state, .mark, .more)";
  let row = null; // the line of the log that is open
  let opener = null; // the link that it was opened by
  let shown; // the address of the message that is open

  const show = async (url) => {
    await htmx.ajax("GET", url, { target: content, swap: "innerHTML" });
    if (!content.querySelector(".message")) return false;
    shown = url;
    pageLink.href = url;
    if (!dialog.open) dialog.showModal();
    content.scrollTop = 0;
    dialog.setAttribute("aria-label", content.querySelector(".title").textContent);
    content.querySelector(".title").focus();
    return true;
  };

  const rows = () => [...document.querySelectorAll("[data-row]")];
  const lineOf = (url) => rows().find((each) => each.querySelector(OPENS)?.getAttribute("href") === url);

  const walk = async (step) => {
    const next = row && rows()[rows().indexOf(document.getElementById(row.id)) + step];
    const link = next?.querySelector(OPENS);
    if (!link) return;
    row = next;
    opener = link;
    if (await show(link.getAttribute("href"))) window.place.opened("message", shown, { instead: true });
  };

  document.addEventListener("click", async (event) => {
    const link = event.target.closest(OPENS);
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (!dialog.contains(link)) opener = link;
    row = link.closest("[data-row]") ?? row;
    if (await show(link.getAttribute("href"))) window.place.opened("message", shown);
  });

  // What the history says, after Back, Forward or a new load of the page.
  window.place.serve("message", (url) => {
    if (!url) return dialog.close();
    if (dialog.open && url === shown) return;
    row = lineOf(url) ?? row;
    opener ??= row?.querySelector(OPENS);
    show(url);
  });

  dialog.addEventListener("click", (event) => {
    const button = event.target.closest("[data-step]");
    if (button) walk(Number(button.dataset.step));
    if (event.target === dialog) dialog.close(); // the backdrop
  });

  dialog.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    // The tabs of the text are walked by the same keys.
    if (!(event.key in steps) || event.target.matches("input, select, textarea") || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    walk(steps[event.key]);
  });

  dialog.addEventListener("close", () => {
    content.replaceChildren();
    window.place.closed("message");
    const link = opener && (window.place.find(window.place.nameOf(opener)) ?? opener); // its line may have been drawn anew since
    opener = null;
    link?.focus({ preventScroll: true });
    link?.scrollIntoView({ block: "nearest" }); // the arrows may have walked out of sight
  });
})();
