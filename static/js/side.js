// Opens Edit columns in a dialog over the log. Without this script its link leads to a page.
(() => {
  "use strict";
  const dialog = document.getElementById("side-dialog");
  if (!dialog) return;
  const content = document.getElementById("side-dialog-content");
  let opener = null;

  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-side]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    opener = link;
    await htmx.ajax("GET", link.getAttribute("href"), { target: content, swap: "innerHTML" });
    if (!content.querySelector("form")) return;
    if (!dialog.open) dialog.showModal();
    content.querySelector(".title").focus();
  });

  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { content.replaceChildren(); opener?.focus(); });
})();
