// Opens messages in a dialog over the log. Every link works without it, and with a modifier key it stays a link.
(() => {
  "use strict";
  const dialog = document.getElementById("message-dialog");
  if (!dialog) return;
  const content = document.getElementById("message-dialog-content");
  const pageLink = dialog.querySelector("[data-page]");
  let row = null; // the line of the log that is open

  const show = async (url) => {
    await htmx.ajax("GET", url, { target: content, swap: "innerHTML" });
    if (!content.querySelector(".message")) return;
    pageLink.href = url;
    if (!dialog.open) dialog.showModal();
    content.scrollTop = 0;
    dialog.setAttribute("aria-label", content.querySelector(".title").textContent);
    content.querySelector(".title").focus();
  };

  const neighbour = (step) => {
    const rows = [...document.querySelectorAll("[data-row]")];
    return rows[rows.indexOf(row) + step];
  };

  const walk = (step) => {
    const next = row && neighbour(step);
    if (!next) return;
    row = next;
    show(row.querySelector("a[data-dialog]").href);
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    row = link.closest("[data-row]") ?? row;
    show(link.href);
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
    row?.querySelector("a[data-dialog]")?.focus();
  });
})();
