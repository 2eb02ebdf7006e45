// The reader's place in a log. A filter that was changed and a dialog that is open are entries of the browser's history; who comes back
// from another page finds the focus, the row under it and the ticks as they were. Where no link was followed, the browser restores what was scrolled.
(() => {
  "use strict";
  let address = location.pathname + location.search; // of what is drawn
  const openers = {}; // a kind of dialog: what shows one, or closes it where its address is undefined
  let leaving = null; // settles once the browser is back at the entry before a dialog
  const state = () => history.state ?? {};
  const remember = (what) => history.replaceState({ ...state(), ...what }, "");

  // By what a link is found on another drawing of the page, if it can be. In a row, its class says which one it is.
  const nameOf = (link) => {
    const row = link.closest("[data-row]");
    return link.id ? `#${link.id}` : row && link.className ? `#${row.id} ${link.localName}.${link.classList[0]}` : "";
  };
  const find = (name) => (name ? document.querySelector(name) : null);

  const moved = (to) => {
    if (to === address) return;
    address = to;
    history.pushState({}, "", to);
  };

  // An entry for a dialog that has been opened; one that was opened from within it lies deeper.
  const opened = async (kind, url, { instead = false } = {}) => {
    await leaving?.done;
    if (instead) return remember({ [kind]: url });
    history.scrollRestoration = "manual"; // of the entry that is left and of the new one: the page behind stays where it is
    history.pushState({ ...state(), [kind]: url, depth: (state().depth ?? 0) + 1 }, "");
  };

  const closed = (kind) => {
    if (!state()[kind] || leaving) return;
    let settle;
    leaving = { done: new Promise((resolve) => { settle = resolve; }), settle: () => { leaving = null; settle(); } };
    history.go(-state().depth);
  };

  const follow = () => { for (const [kind, show] of Object.entries(openers)) show(state()[kind]); };

  window.addEventListener("popstate", () => {
    if (location.pathname + location.search !== address) return location.reload();
    leaving?.settle();
    follow();
  });

  // Back from another page.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (link && nameOf(link) && document.getElementById("log")?.contains(link)) remember({ focus: nameOf(link), top: link.getBoundingClientRect().top, scrolled: scrollY });
  }, { capture: true });

  // Newer messages may have come above the link that was followed, so it counts, not how far the page was scrolled.
  const { focus, top, scrolled } = state();
  const isBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward" && focus;
  const link = isBack && find(focus);
  const align = () => scrollBy({ top: link ? link.getBoundingClientRect().top - top : scrolled - scrollY, behavior: "instant" });
  history.scrollRestoration = isBack ? "manual" : "auto"; // the browser restores late, and would undo it
  if (isBack) {
    link?.focus({ preventScroll: true });
    align();
  }

  window.addEventListener("load", () => {
    if (isBack) align();
    const { side, ...rest } = state();
    if (side) history.replaceState(rest, ""); // its form is another one by now
    follow();
  });

  window.place = { nameOf, find, moved, opened, closed, state, remember, serve: (kind, show) => { openers[kind] = show; } };
})();
