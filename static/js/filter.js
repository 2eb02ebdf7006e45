// Sends the filter bar when a choice is made. Without this script its button does. The bar itself stays: an answer brings the rows, and what is wrong with the bar.
(() => {
  "use strict";
  const form = document.getElementById("filters");
  if (!form) return;
  const before = new WeakMap();
  const results = () => document.getElementById("log");

  document.addEventListener("change", (event) => {
    // A condition is complete only once its value is there: its parts wait for Apply.
    if (event.target.form === form && event.target.matches("select:not([data-part])")) form.requestSubmit();
  });

  // A date changes with every figure that is typed, so it counts only once the field is left.
  const isDay = (field) => field.form === form && field.matches('[data-day]') && !field.closest("[data-condition]");
  form.addEventListener("focusin", ({ target }) => { if (isDay(target)) before.set(target, target.value); });
  form.addEventListener("focusout", ({ target }) => {
    if (isDay(target) && before.has(target) && before.get(target) !== target.value) form.requestSubmit();
  });

  // A further condition comes alone, and the first one as soon as they are opened; without this script the whole page comes with it.
  const add = async (number) => {
    const button = form.querySelector("[data-add-condition]");
    await htmx.ajax("GET", `${button.dataset.addCondition}?f${number}=`, { source: button, target: form.querySelector(".condition-rows"), swap: "beforeend" });
  };
  document.getElementById("more-conditions").addEventListener("toggle", ({ target }) => { if (target.open && !target.querySelector("[data-condition]")) add(1); });
  form.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-add-condition]");
    if (!button) return;
    event.preventDefault();
    const rows = [...form.querySelectorAll("[data-condition]")];
    const number = Math.max(0, ...rows.map((row) => Number(row.id.split("-")[1]))) + 1;
    const last = rows.at(-1);
    if (last && ![...last.querySelectorAll("[name]")].some((field) => !/^o/.test(field.name) && field.value)) return last.querySelector("select").focus();
    await add(number);
    document.getElementById(`f${number}`)?.focus();
  });

  // A condition goes at once; without this script the page comes without it.
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-remove-condition]");
    if (!button) return;
    event.preventDefault();
    const row = button.closest("[data-condition]");
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (next?.querySelector("[data-remove-condition]") ?? form.querySelector("[data-add-condition]")).focus();
    form.requestSubmit();
  });

  const mark = (name, text) => {
    const number = /^f([0-9]+)$/.exec(name)?.[1];
    const fields = [...form.querySelectorAll(number ? `[name="v${number}"], [name="f${number}"]` : `[name="${name}"]`)];
    const place = fields[0]?.closest(".field") ?? fields[0]?.closest("[data-condition]")?.querySelector(".values");
    if (!place) return;
    const said = document.createElement("p");
    said.className = "field-error";
    said.id = number ? `wrong-${number}` : `${fields[0].id}_error`;
    said.textContent = text;
    place.append(said);
    for (const field of fields) {
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", said.id);
    }
  };

  const drawn = () => {
    for (const said of form.querySelectorAll(".field-error")) said.remove();
    for (const field of form.querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
    }
    const { wrong, address, conditions } = results().dataset;
    const faults = Object.entries(JSON.parse(wrong));
    for (const [name, text] of faults) mark(name, text);
    if (faults.some(([name]) => /^f/.test(name))) document.getElementById("more-conditions").open = true;
    form.querySelector("[data-condition-count]").textContent = conditions === "0" ? "" : conditions;
    document.title = (faults.length ? "Error: " : "") + document.title.replace(/^Error: /, "");
    window.place.moved(address);
  };
  document.addEventListener("htmx:afterSwap", (event) => { if (event.detail.requestConfig?.elt === form) drawn(); });

  // Where the session has lapsed, the way leads over the sign-in page to what was asked for, not to what was there before.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { elt, xhr, pathInfo } = event.detail;
    if (elt !== form || xhr.getResponseHeader("HX-Refresh") !== "true") return;
    event.preventDefault();
    location.assign(pathInfo.finalRequestPath);
  });
})();
