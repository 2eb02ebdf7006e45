// Whether the reader is there. Asks before the session lapses, keeps it while somebody works on the page, and leaves the page once it has lapsed.
(() => {
  "use strict";
  const MINUTE = 60 * 1000;
  const SIGNS = ["pointerdown", "keydown", "input", "scroll"];
  let sign = Date.now(); // the last sign of the reader
  window.presence = { look: () => {} };
  const noticed = () => { sign = Date.now(); };
  for (const name of SIGNS) document.addEventListener(name, noticed, { passive: true, capture: true });

  const box = document.getElementById("still-there");
  if (!box) return;
  const idle = Number(box.dataset.idle) * 1000;
  const notice = Math.min(2 * MINUTE, idle / 2); // how long before its end the reader is asked
  let told = Date.now(); // when the server was last told that the reader is there
  let look = told + idle - notice; // when to ask how long is left
  let asking = false;
  let toldOfTheEnd = false;

  const leave = () => {
    window.drafts.leave();
    location.assign(`${box.dataset.signIn}?next=${encodeURIComponent(location.pathname + location.search)}`);
  };

  const show = (left, longest) => {
    const final = longest <= left + 1000; // no sign of the reader makes it longer
    for (const part of box.querySelectorAll("[data-when]")) part.hidden = (part.dataset.when === "final") !== final;
    for (const time of box.querySelectorAll("time")) {
      time.textContent = new Date(Date.now() + left).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    }
    if (box.open || (final && toldOfTheEnd)) return;
    toldOfTheEnd = final;
    box.showModal();
  };

  const ask = async (isThere) => {
    const asked = Date.now();
    asking = true;
    if (isThere) told = asked; // even where the server cannot be reached: it is not asked every second then
    try {
      const response = await fetch(box.dataset.left, { headers: isThere ? {} : { "Commlog-By-Itself": "1" }, redirect: "manual" });
      if (response.type === "opaqueredirect") return leave();
      if (!response.ok) throw new Error(response.status);
      const said = await response.json();
      const left = said.left * 1000;
      if (left <= notice) show(left, said.longest * 1000);
      else if (box.open) box.close();
      look = asked + (left > notice ? left - notice : Math.min(left, 10000) + 1000);
    } catch {
      look = asked + MINUTE / 2; // the server cannot be reached: nothing is known, and nothing can be read from it either
    } finally {
      asking = false;
    }
  };

  window.presence.look = () => { look = 0; };
  setInterval(() => {
    if (asking) return;
    const now = Date.now();
    if (sign > told && now - told >= MINUTE && !box.open) ask(true);
    else if (now >= look) ask(false);
  }, 1000);
})();
