// What the rows of a log need not say each: on hover, the whole of what is cut and what a state means, which without this script the style shows
// (log-table.css); and the roles of rows and cells, for browsers that take a table that is laid out as lines for none.
(() => {
  "use strict";
  const ROLES = { TR: "row", TD: "cell" };
  const name = () => {
    for (const row of document.querySelectorAll("[data-row]:not([role])")) {
      for (const part of [row, ...row.cells]) part.setAttribute("role", ROLES[part.tagName]);
    }
  };
  name();
  document.addEventListener("htmx:load", name);

  const said = (part) => {
    if (part.matches(".type")) return part.textContent;
    if (part.matches(".state")) return getComputedStyle(part).getPropertyValue("--about").slice(1, -1);
    return part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight ? part.textContent : "";
  };
  document.addEventListener("pointerover", ({ target }) => {
    const part = target.closest?.("[data-row] :is(td > bdi, td:not(.col-message) > .clip, .under, .type, .state)");
    if (!part || (part.title && !part.dataset.said)) return;
    part.title = said(part);
    part.dataset.said = "1";
  });
})();
