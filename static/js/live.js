// Keeps the rows of a log that are not final up to date, and says how many messages have come since. Nothing is ever inserted.
(() => {
  "use strict";
  const QUICK = 2500; // while a row of the page still moves
  const SLOW = 15000; // only to count what has come
  const PATIENCE = 10 * 60 * 1000; // without a sign of the reader
  let asked = 0;
  let busy = false;
  let failures = 0; // each doubles the pause: a server that is down is not asked all the time

  const failed = (event) => { if (event.detail.elt?.id === "watch") failures = Math.min(failures + 1, 6); };
  document.addEventListener("htmx:responseError", failed);
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:beforeSwap", (event) => { if (event.detail.elt?.id === "watch" && event.detail.xhr.status === 200) failures = 0; });

  const ask = async (watch) => {
    const rows = [...document.querySelectorAll("[data-live]")].map((row) => row.dataset.live);
    const url = new URL(watch.getAttribute("data-here"), location.href);
    url.searchParams.set("newest", watch.dataset.watch);
    if (rows.length) url.searchParams.set("live", rows.join(","));
    busy = true;
    asked = Date.now();
    try {
      await htmx.ajax("GET", url.pathname + url.search, { source: watch, target: watch, swap: "none" });
    } finally {
      busy = false;
    }
    const table = document.querySelector("[data-no-actions]");
    if (table?.querySelector("[data-resend]")) table.removeAttribute("data-no-actions");
  };

  setInterval(() => {
    const watch = document.getElementById("watch");
    const now = Date.now();
    if (!watch || busy || document.hidden || now - window.presence.lastSign() > PATIENCE) return;
    if (now - asked >= (document.querySelector("[data-live]") ? QUICK : SLOW) * 2 ** failures) ask(watch);
  }, 500);
  asked = Date.now();
})();
