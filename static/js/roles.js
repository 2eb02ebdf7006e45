// Ticking a role chooses “These roles”. Another choice takes the ticks away, and coming back to it restores them. Without it the form says what contradicts.
(() => {
  "use strict";
  const parked = new WeakMap(); // a form: the roles that were ticked

  document.addEventListener("change", ({ target }) => {
    const theseRoles = target.form?.querySelector('input[type=radio][value="roles"]');
    if (!theseRoles) return;
    const boxes = [...target.form.querySelectorAll('input[type=checkbox][name="roles"]')];
    if (boxes.includes(target) || target.name === "users") {
      if (target.name === "users" ? target.value : target.checked) theseRoles.checked = true;
    } else if (target === theseRoles) {
      for (const box of parked.get(target.form) ?? []) box.checked = true;
    } else if (target.name === theseRoles.name) {
      const ticked = boxes.filter((box) => box.checked);
      if (ticked.length) parked.set(target.form, ticked);
      for (const box of ticked) box.checked = false;
    }
  });
})();
