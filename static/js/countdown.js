// Counts down how long a message waits: "retry 4 of 5 in 14 s". The server draws the text once; what becomes of the message comes by itself.
(() => {
  "use strict";
  const ends = new WeakMap();

  const words = (seconds) => {
    if (seconds < 60) return `${seconds} s`;
    const [unit, size, smaller, rest] = seconds < 3600 ? ["min", 60, "s", 1] : ["h", 3600, "min", 60];
    const more = Math.floor((seconds % size) / rest);
    return `${Math.floor(seconds / size)} ${unit}${more ? ` ${more} ${smaller}` : ""}`;
  };

  setInterval(() => {
    for (const said of document.querySelectorAll("[data-seconds]")) {
      if (!ends.has(said)) ends.set(said, performance.now() + Number(said.dataset.seconds) * 1000);
      const left = Math.round((ends.get(said) - performance.now()) / 1000);
      said.textContent = said.textContent.replace(/ (?:in [^(]+|now)$/, left >= 1 ? ` in ${words(left)}` : " now");
    }
  }, 1000);
})();
