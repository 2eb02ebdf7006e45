// Sends the filter bar when a choice is made. Without this script its button does.
(() => {
  "use strict";
  const formOf = (field) => (field.form?.id === "filters" ? field.form : null);
  const before = new WeakMap();

  document.addEventListener("change", (event) => {
    // A condition is complete only once its value is there: its parts wait for Apply.
    if (event.target.matches("select:not([data-part])")) formOf(event.target)?.requestSubmit();
  });

  // A date changes with every figure that is typed, so it counts only once the field is left.
  document.addEventListener("focusin", (event) => {
    if (event.target.matches('input[type="date"]')) before.set(event.target, event.target.value);
  });
  document.addEventListener("focusout", (event) => {
    const field = event.target;
    if (field.closest("[data-condition]")) return;
    if (field.matches('input[type="date"]') && before.has(field) && before.get(field) !== field.value) formOf(field)?.requestSubmit();
  });

  // What is typed into the search box while a new log is on the way stays in it.
  const box = () => document.getElementById("id_q");
  let asked = null; // what the box held when the log was asked for

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id === "log") asked = box()?.value;
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const old = box();
    if (event.detail.target?.id !== "log" || !old || old.value === asked) return;
    const [typed, start, end] = [old.value, old.selectionStart, old.selectionEnd];
    document.addEventListener("htmx:afterSwap", () => {
      const now = box();
      if (!now) return;
      now.value = typed;
      now.setSelectionRange(start, end);
    }, { once: true });
  });
})();
