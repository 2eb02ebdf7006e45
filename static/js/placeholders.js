// The list of placeholders of the template editor becomes buttons that insert at the cursor. Without this they are typed.
(() => {
  "use strict";
  const list = document.querySelector("[data-placeholders]");
  if (!list) return;
  const fields = [...document.querySelectorAll("[data-takes-placeholders]")];
  let last = fields.find((field) => field.tagName === "TEXTAREA") ?? fields[0];
  if (!last) return;
  for (const field of fields) field.addEventListener("focus", () => { last = field; });

  for (const item of list.querySelectorAll("[data-insert]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet small";
    button.replaceChildren(...item.childNodes);
    item.replaceChildren(button);
  }

  list.addEventListener("click", (event) => {
    const item = event.target.closest("[data-insert]");
    if (!item) return;
    last.focus();
    last.setRangeText(item.dataset.insert, last.selectionStart, last.selectionEnd, "end");
    last.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
