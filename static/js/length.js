// Counts while a message is written. The page says the limit without it, and the preview counts too.
(() => {
  "use strict";
  const said = document.querySelector("[data-length]");
  if (!said) return;
  const text = said.dataset.for ? document.getElementById(said.dataset.for) : document.querySelector(`[aria-describedby~="${said.id}"]`);
  if (!text) return;
  const most = Number(said.dataset.most);
  const sms = "basic" in said.dataset;
  const sizes = new Map();
  for (const letter of said.dataset.basic ?? "") sizes.set(letter, 1);
  for (const letter of said.dataset.extension ?? "") sizes.set(letter, 2);
  for (const letter of "\n\r") sizes.set(letter, 1); // pages write neither into an attribute unchanged

  const parts = (letters) => {
    const gsm = letters.every((letter) => sizes.has(letter));
    const size = gsm ? (letter) => sizes.get(letter) : (letter) => letter.length;
    const [alone, joined] = gsm ? [160, 153] : [70, 67];
    if (letters.reduce((sum, letter) => sum + size(letter), 0) <= alone) return [letters.length ? 1 : 0, gsm];
    let number = 1;
    let used = 0;
    for (const letter of letters) {
      if (used + size(letter) > joined) { number += 1; used = 0; }
      used += size(letter);
    }
    return [number, gsm];
  };

  const figure = (number) => number.toLocaleString("en-GB");
  const plural = (number, word) => `${figure(number)} ${word}${number === 1 ? "" : "s"}`;

  const count = () => {
    const letters = [...text.value.replace(/\r\n?/g, "\n")];
    const over = letters.length - most;
    const length = `${plural(letters.length, "character")} of ${figure(most)}`;
    const [number, gsm] = sms ? parts(letters) : [0, true];
    const how = sms && number ? `, ${plural(number, "part")}${gsm ? "" : " (characters outside the GSM alphabet shorten each part)"}` : "";
    said.textContent = over > 0 ? `${length}: ${plural(over, "character")} too many.` : `${length}${how}.`;
    said.toggleAttribute("data-over", over > 0);
  };
  text.addEventListener("input", count);
  count();
})();
