// Edit columns: a box that finds a column, and dragging. The buttons up and down do the same without it, and by keyboard.
(() => {
  "use strict";
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));

  const prepare = (part) => {
    const form = part.matches?.(".columns-form") ? part : part.querySelector?.(".columns-form");
    for (const hidden of form?.querySelectorAll("[data-grip], .column-filter") ?? []) hidden.hidden = false;
  };

  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-column-filter]")) return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const column of event.target.form.querySelectorAll(".column-list li")) {
      column.hidden = !column.querySelector("label").textContent.toLowerCase().includes(wanted);
    }
  });

  document.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest?.("[data-grip]");
    if (!grip || event.button) return;
    event.preventDefault(); // no selection of text, no scrolling by touch
    const column = grip.closest("li");
    const list = column.parentElement;
    column.classList.add("dragged");
    const follow = (move) => {
      const over = [...list.children].find((other) => other !== column && !other.hidden && move.clientY < other.getBoundingClientRect().bottom);
      const middle = over && over.getBoundingClientRect().top + over.offsetHeight / 2;
      if (!over) list.append(column);
      else list.insertBefore(column, move.clientY < middle ? over : over.nextSibling);
    };
    const drop = () => {
      column.classList.remove("dragged");
      document.removeEventListener("pointermove", follow);
    };
    document.addEventListener("pointermove", follow);
    document.addEventListener("pointerup", drop, { once: true });
    document.addEventListener("pointercancel", drop, { once: true });
  });
})();
