// Says what happened: to ears through the live region, to eyes where a request failed. Copies keys.
(() => {
  "use strict";

  const announce = (text) => {
    const live = document.getElementById("live");
    live.textContent = "";
    setTimeout(() => { live.textContent = text; }, 50); // the same text twice must be heard twice
  };

  const trouble = (text) => {
    const box = document.getElementById("trouble");
    box.textContent = text;
    clearTimeout(trouble.timer);
    trouble.timer = setTimeout(() => { box.textContent = ""; }, 8000);
  };

  document.addEventListener("htmx:load", (event) => {
    const part = event.detail.elt;
    const said = part.matches?.("[data-announce]") ? part : part.querySelector?.("[data-announce]");
    if (said && part !== document.body) announce(said.dataset.announce);
    for (const button of part.querySelectorAll?.("[data-copy]") ?? []) button.hidden = false;
  });

  // What the page asks for by itself is nobody's action: its failures are not told.
  const byItself = (event) => ["watch", "matching"].includes(event.detail.elt?.id);
  const refused = (status) => trouble(status === 403 ? "You may not do this, or you were signed out. Load the page again."
    : status === 404 ? "It is not there any more. Load the page again."
    : status === 503 ? "The database takes no changes at present. Check what was saved, then try again in a moment."
    : "The server could not do this. Try again in a moment.");
  const unreached = () => trouble("The server cannot be reached. Nothing was changed.");
  document.addEventListener("htmx:responseError", (event) => byItself(event) || refused(event.detail.xhr.status));
  document.addEventListener("htmx:sendError", (event) => byItself(event) || unreached());

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      announce("The key is copied.");
      button.classList.add("done");
    } catch {
      trouble("The browser does not allow copying. Select the key and copy it by hand.");
    }
  });

  // An open menu closes when the reader turns elsewhere.
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(except)) menu.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("focusin", (event) => closeMenus(event.target));

  window.feedback = { announce, refused, unreached };
})();
