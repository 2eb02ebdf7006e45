// Exports without leaving the log: a small file is fetched, a large one is made by a job whose progress takes the place of the buttons.
// Without it the form leads to the file, or to the job's page.
(() => {
  "use strict";
  const place = () => document.getElementById("exporting");
  let plainly = false; // the browser itself sends the form

  const keep = async (response) => {
    const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition"))[1];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000); // by then the browser has read it
    window.feedback.announce(`${name} was downloaded.`);
  };

  const follow = async (response, form) => {
    form.dataset.asked = "";
    htmx.swap(place(), await response.text(), { swapStyle: "innerHTML" });
    place().focus();
    window.feedback.announce("The export has started.");
  };

  const ask = async (form, button) => {
    const body = new FormData(form, button);
    body.append("brief", "1");
    const response = await fetch(form.action, { method: "POST", body, redirect: "manual" });
    if (response.type === "opaqueredirect") { // signed out, or the filter is wrong by now: pages say so
      plainly = true;
      form.requestSubmit(button);
      plainly = false;
    } else if (!response.ok) window.feedback.refused(response.status);
    else if (response.headers.has("Content-Disposition")) await keep(response);
    else await follow(response, form);
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches(".export") || plainly) return;
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    const label = [...event.submitter.childNodes];
    form.ariaBusy = "true";
    event.submitter.replaceChildren("Exporting…");
    try {
      await ask(form, event.submitter);
    } catch {
      window.feedback.unreached(true);
    }
    form.ariaBusy = null;
    event.submitter.replaceChildren(...label);
  });

  // The focus stays where the export is: at its end the buttons that it was on are gone.
  let inside = false;
  const isThere = () => !!place()?.contains(document.activeElement);
  document.addEventListener("htmx:oobBeforeSwap", () => { inside ||= isThere(); }); // one of several parts, whose first may have taken it
  document.addEventListener("htmx:beforeSwap", (event) => {
    inside = isThere();
    // A filter changes, and what was cancelled or failed is told long since.
    if (event.detail.target.id === "log" && !place()?.querySelector("#job:not([data-announce]), [download]")) place()?.replaceChildren();
  });
  document.addEventListener("htmx:afterSettle", () => {
    const lost = inside && document.activeElement === document.body;
    inside = false;
    if (lost) (place().querySelector("[download]") ?? document.querySelector(".export button")).focus();
  });
})();
