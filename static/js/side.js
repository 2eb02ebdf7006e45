// Opens Edit columns in a dialog over the log. Without this script its link leads to a page. It is an entry of the browser's history: Back closes it.
(() => {
  "use strict";
  const dialog = document.getElementById("side-dialog");
  if (!dialog) return;
  const content = document.getElementById("side-dialog-content");
  let opener = null;

  const show = async (url) => {
    await htmx.ajax("GET", url, { target: content, swap: "innerHTML" });
    if (!content.querySelector("form")) return false;
    if (!dialog.open) dialog.showModal();
    content.querySelector(".title").focus();
    return true;
  };

  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-side]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    opener = link;
    if (await show(link.getAttribute("href"))) window.place.opened("side", link.getAttribute("href"));
  });

  window.place.serve("side", (url) => {
    if (!url) dialog.close();
    else if (!dialog.open) show(url);
  });

  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    content.replaceChildren();
    window.place.closed("side");
    opener?.focus({ preventScroll: true });
  });
})();
