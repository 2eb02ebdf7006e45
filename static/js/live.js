// Keeps the open page up to date: once every three seconds it asks for what has changed since, in one request, and says when that does not work.
// Rows and parts are drawn anew in their place; what has come is counted, never inserted. A page that nobody sees asks nothing.
(() => {
  "use strict";
  const PAUSE = 2400; // milliseconds between an answer and the next question
  const LONGEST = 8000; // for one answer
  const stale = document.getElementById("stale");
  let since = Date.now(); // when the page was last known to be right
  let failures = 0;
  let refused = ""; // what the reader may not ask any more
  let swaps = 0; // of other answers: what was asked before one of them may be older than it
  let timer = null;
  let asking = false;
  document.addEventListener("htmx:beforeSwap", () => { swaps += 1; });

  const address = (watch) => {
    const url = new URL(watch.dataset.here, location.href);
    if (!watch.dataset.watch) return url.href;
    const rows = [...document.querySelectorAll("[data-row]")].map((row) => `${row.id.slice(4)}.${row.dataset.row}`);
    url.searchParams.set("newest", watch.dataset.watch);
    return rows.length ? `${url.href}&live=${rows.join(",")}` : url.href;
  };

  // What the page has: its parts with their versions, and what is open.
  const seen = () => {
    const parts = [...document.querySelectorAll(".live[data-version]")].map((part) => `${part.id.slice(5)}=${part.dataset.version}`);
    const news = document.querySelector("#newcomers [data-news]");
    const message = document.querySelector("[data-key].message");
    const job = document.querySelector("[data-job]");
    parts.push(`newcomers=${news ? news.dataset.news : 0}`);
    if (message) parts.push(`message=${message.dataset.key}`);
    if (job) parts.push(`job=${job.dataset.job}`);
    return parts.join(",");
  };

  const draw = (html) => {
    const held = window.place.nameOf(document.activeElement);
    htmx.swap(document.body, html, { swapStyle: "none" });
    if (document.activeElement === document.body) window.place.find(held)?.focus({ preventScroll: true });
    const title = document.querySelector("[data-title]");
    if (title) document.title = title.textContent;
    const table = document.querySelector("[data-no-actions]");
    if (table?.querySelector(".act")) table.removeAttribute("data-no-actions");
  };

  const worked = () => {
    failures = 0;
    since = Date.now();
    stale.textContent = "";
  };
  const failed = () => {
    failures += 1;
    const zone = stale.dataset.zone || undefined;
    const at = new Date(since).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone });
    const said = `Not up to date since ${at}`;
    if (stale.textContent !== said) stale.textContent = said;
  };
  const ended = (here) => {
    refused = here;
    stale.textContent = "This page is no longer updated. Reload it.";
  };

  const ask = async (watch) => {
    const before = swaps;
    const options = { headers: { "Commlog-By-Itself": "1", "Commlog-Seen": seen() }, redirect: "manual", signal: AbortSignal.timeout(LONGEST) };
    const response = await fetch(address(watch), options);
    if (response.type === "opaqueredirect") return window.presence.look(); // signed out: the page is left
    if (response.status === 403 || response.status === 404) return ended(watch.dataset.here);
    if (!response.ok) return failed();
    const html = response.status === 204 ? "" : await response.text();
    worked();
    if (html && before === swaps && watch.isConnected) draw(html);
  };

  const next = (pause) => {
    clearTimeout(timer);
    timer = setTimeout(look, pause);
  };

  const look = async () => {
    const watch = document.getElementById("watch");
    if (asking || !watch || document.hidden || watch.dataset.here === refused) return next(PAUSE);
    asking = true;
    try {
      await ask(watch);
    } catch {
      failed();
    } finally {
      asking = false;
    }
    next(Math.min(PAUSE * 2 ** failures, 4 * PAUSE));
  };

  document.addEventListener("visibilitychange", () => document.hidden || next(0));
  window.addEventListener("pageshow", (event) => event.persisted && next(0));
  window.addEventListener("online", () => next(0));
  window.addEventListener("offline", failed);
  next(document.querySelector(".views") ? 0 : PAUSE); // the counts of the views come after the page
})();
