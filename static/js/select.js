// Counts what is ticked in a log, and ticks a whole page; then it asks how many match and offers them all. Without it the boxes and the buttons below the log do their work all the same.
(() => {
  "use strict";
  const boxes = () => [...document.querySelectorAll("[data-select]")];

  const show = () => {
    const form = document.getElementById("bulk");
    if (!form) return;
    const all = boxes();
    const ticked = all.filter((box) => box.checked).length;
    const said = form.querySelector("[data-selected]");
    const matching = document.getElementById("matching"); // not there where the page is everything
    const whole = ticked > 1 && ticked === all.length && !!matching;
    said.hidden = !ticked;
    said.textContent = whole ? `All ${ticked} failed messages on this page are selected.` : `${ticked} selected`;
    if (whole) htmx.trigger(matching, "page-ticked");
    const offered = whole && matching.querySelector("[data-number]")?.dataset.number > ticked;
    if (matching) matching.hidden = !offered;
    form.querySelector("[data-all]").hidden = offered;
    form.querySelector("[data-selected-only]").hidden = !ticked;
    const head = document.querySelector("[data-select-all]");
    if (!head) return;
    head.hidden = !all.length;
    head.checked = ticked > 0 && ticked === all.length;
    head.indeterminate = ticked > 0 && ticked < all.length;
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-all]")) for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.matches("[data-select-all], [data-select]")) show();
  });
  // A row that was drawn anew keeps its box; the log as a whole comes with new ones.
  document.addEventListener("htmx:afterSettle", show);
  window.addEventListener("pageshow", show); // going back restores the ticks
  show();
})();
