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
})();
