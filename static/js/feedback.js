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

  // A button goes where it would go without scripts.
  document.addEventListener("htmx:configRequest", ({ detail }) => { detail.path = detail.elt.getAttribute("formaction") || detail.path; });

  document.addEventListener("htmx:load", (event) => {
    const part = event.detail.elt;
    const said = part.matches?.("[data-announce]") ? part : part.querySelector?.("[data-announce]");
    if (said && part !== document.body) announce(said.dataset.announce);
  });

  // What the page asks for without its reader is nobody's action: its failures are not told.
  const byItself = (event) => event.detail.elt?.id === "matching";
  const refused = (status) => trouble(status === 403 ? "You are not allowed to do this, or you were signed out. Reload the page."
    : status === 404 ? "It no longer exists. Reload the page."
    : status === 503 ? "Nothing can be saved at the moment. Check what was saved, then try again."
    : "Something went wrong on the server. Try again in a moment.");
  // Where an answer was lost, nobody here knows whether it was done.
  const unreached = (changes) => trouble(changes ? "No answer from the server: it may or may not have been done. Reload the page before you repeat it."
    : "The server cannot be reached. Try again in a moment.");
  document.addEventListener("htmx:responseError", (event) => byItself(event) || refused(event.detail.xhr.status));
  document.addEventListener("htmx:sendError", (event) => byItself(event) || unreached(event.detail.requestConfig?.verb !== "get"));

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      announce("Copied.");
      button.classList.add("done");
    } catch {
      trouble("The browser does not allow copying. Select the text and copy it.");
    }
  });

  // What is asked for shows that it is under way: a line, and `aria-busy` where the answer will stand.
  const busy = (event) => { if (!byItself(event)) event.detail.target?.setAttribute("aria-busy", "true"); };
  document.addEventListener("htmx:beforeRequest", busy);
  document.addEventListener("htmx:afterRequest", (event) => event.detail.target?.removeAttribute("aria-busy"));

  // A form that is on its way is not sent again by a second click. Where nothing came of it, it can be after a while.
  const onTheirWay = new Set();
  window.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
    if (onTheirWay.has(form)) return event.preventDefault();
    onTheirWay.add(form);
    setTimeout(() => onTheirWay.delete(form), 10000);
  });
  window.addEventListener("pageshow", () => onTheirWay.clear());

  // An open menu closes when the reader turns elsewhere.
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(except)) menu.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("focusin", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    const menu = event.target.closest?.("details[data-menu][open]") ?? document.querySelector("details[data-menu][open]");
    if (!menu) return;
    event.preventDefault();
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  window.feedback = { announce, refused, unreached };
})();
