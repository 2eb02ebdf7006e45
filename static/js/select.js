// Counts what is ticked in a log, and ticks a whole page; then it asks how many match and offers them all. Without it the boxes and the buttons below the log do their work all the same.
(() => {
  "use strict";
  const CARRIED = "commlog.ticks"; // what Show takes along to the page that it leads to
  const boxes = () => [...document.querySelectorAll(".col-select [name=row]")];
  let elsewhere = []; // ticked messages that this page does not list

  const show = () => {
    const form = document.getElementById("bulk");
    if (!form) return;
    const all = boxes();
    const ticked = all.filter((box) => box.checked).length;
    const said = form.querySelector("[data-selected]");
    const matching = document.getElementById("matching"); // not there where the page is everything
    const whole = ticked > 1 && ticked === all.length && !elsewhere.length && !!matching;
    const number = ticked + elsewhere.length;
    said.hidden = !number;
    said.textContent = whole ? `All ${ticked} failed messages on this page are selected.`
      : elsewhere.length ? `${number} selected, ${elsewhere.length} not on this page` : `${ticked} selected`;
    form.querySelector("[data-clear-ticks]").hidden = !elsewhere.length;
    if (whole) htmx.trigger(matching, "page-ticked");
    const offered = whole && matching.querySelector("[data-number]")?.dataset.number > ticked;
    if (matching) matching.hidden = !offered;
    form.querySelector("[data-all]").hidden = offered;
    form.querySelector("[data-selected-only]").disabled = !number;
    const head = document.querySelector("[data-select-all]");
    if (!head) return;
    head.hidden = !all.length;
    head.checked = ticked > 0 && ticked === all.length;
    head.indeterminate = ticked > 0 && ticked < all.length;
  };

  const chosen = () => [...boxes().filter((box) => box.checked).map((box) => box.value), ...elsewhere];

  const restore = (ticks) => {
    const form = document.getElementById("bulk");
    if (!form) return;
    for (const box of boxes()) box.checked = ticks.includes(box.value);
    const here = new Set(boxes().map((box) => box.value));
    elsewhere = ticks.filter((tick) => !here.has(tick));
    for (const input of form.querySelectorAll("[data-elsewhere]")) input.remove();
    for (const value of elsewhere) {
      const input = Object.assign(document.createElement("input"), { type: "hidden", name: "row", value });
      input.dataset.elsewhere = "";
      form.append(input);
    }
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-all]")) for (const box of boxes()) box.checked = event.target.checked;
    if (!event.target.matches("[data-select-all], .col-select [name=row]")) return;
    window.place.remember({ ticks: chosen() });
    show();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("#newcomers a")) sessionStorage.setItem(CARRIED, JSON.stringify(chosen()));
    if (!event.target.closest("[data-clear-ticks]")) return;
    restore([]);
    window.place.remember({ ticks: [] });
    show();
    document.querySelector("[data-select-all]")?.focus();
  });

  // A row that was drawn anew keeps its box; the log as a whole comes with new ones.
  document.addEventListener("htmx:afterSwap", (event) => { if (event.detail.requestConfig?.target?.id === "log") elsewhere = []; });
  document.addEventListener("htmx:afterSettle", show);

  const carried = sessionStorage.getItem(CARRIED);
  sessionStorage.removeItem(CARRIED);
  const ticks = window.place.state().ticks ?? (carried && JSON.parse(carried));
  if (ticks) {
    restore(ticks);
    window.place.remember({ ticks: chosen() });
  }
  window.addEventListener("pageshow", show); // going back restores the ticks
  show();
})();
