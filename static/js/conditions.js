// Keeps what is typed into a condition while its row is on the way from the server, drawn for another field or operator.
(() => {
  "use strict";
  const inputs = (row) => [...row.querySelectorAll("[name^=v]")];
  const state = (field) => (field.type === "checkbox" ? field.checked : field.value);
  const asked = new WeakMap(); // a row: what its inputs held when the new one was asked for

  document.addEventListener("htmx:beforeRequest", (event) => {
    const row = event.detail.target;
    if (row?.matches?.("[data-condition]")) asked.set(row, new Map(inputs(row).map((field) => [field, state(field)])));
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const row = event.detail.target;
    const before = asked.get(row);
    if (!before) return;
    const typed = inputs(row).filter((field) => field.id && field.type !== "checkbox" && state(field) !== before.get(field));
    if (!typed.length) return;
    const id = row.id;
    document.addEventListener("htmx:afterSwap", () => {
      for (const field of typed) {
        const now = document.getElementById(id)?.querySelector(`[id="${field.id}"]`);
        if (now && now.tagName === field.tagName && now.type === field.type) now.value = field.value;
      }
    }, { once: true });
  });
})();
