// Nothing typed is lost. A form that is half written is asked about before it is left, and its fields are kept in this tab until they have been sent:
// a page that refuses them, a session that lapsed or a connection that broke leads back to them. Passwords are never kept. Without it forms lose
// what they hold, as forms do.
(() => {
  "use strict";
  const PREFIX = "commlog.draft ";
  const user = document.body.dataset.user ?? "";
  const page = location.pathname + location.search;
  const key = `${PREFIX}${user} ${page}`;
  const form = document.querySelector("form[data-written]");
  const filters = document.getElementById("filters");
  let leaving = false; // what is written is kept or given up already

  const stored = (name) => { try { return JSON.parse(sessionStorage.getItem(name)); } catch { return null; } };
  const store = (name, draft) => { try { sessionStorage.setItem(name, JSON.stringify(draft)); } catch { /* too long to be kept */ } };
  const drafts = () => Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));

  // --- What a form holds ---
  const NEVER = "button, [type=submit], [type=password], [type=file], [name=csrfmiddlewaretoken], [name=next]";
  const tickable = (field) => field.type === "checkbox" || field.type === "radio";
  const fields = () => [...form.elements].filter((field) => field.name && !field.matches(NEVER));
  const held = (field) => [field.name, tickable(field) ? field.value : "", tickable(field) ? field.checked
    : field.multiple ? [...field.selectedOptions].map((option) => option.value) : field.value];
  const all = () => fields().map(held);

  // A condition of a template for which the form has no row yet.
  const grow = (name) => {
    const number = /^[fov]([0-9]+)$/.exec(name)?.[1];
    const last = number && !form.elements[name] && [...form.querySelectorAll(".asked")].at(-1);
    if (!last) return;
    const row = last.cloneNode(true);
    row.setAttribute("aria-label", `Condition ${number}`);
    for (const field of row.querySelectorAll("[name]")) [field.name, field.id] = [field.name[0] + number, ""];
    last.after(row);
  };

  const fill = (values) => {
    const known = new Set(fields());
    const left = new Set(known); // a name may be there several times, and each is filled once
    for (const [name, choice, value] of values) {
      const find = (among) => among.find((field) => field.name === name && (!tickable(field) || field.type === "checkbox" && !choice || field.value === choice));
      let field = find([...left]);
      if (!field) {
        grow(name);
        for (const each of fields()) if (!known.has(each)) { known.add(each); left.add(each); }
        field = find([...left]);
      }
      if (!field) continue;
      left.delete(field);
      if (tickable(field)) field.checked = typeof value === "string" ? !["", "False"].includes(value) : value; // the preview carries it as text
      else if (field.multiple) for (const option of field.options) option.selected = value.includes(option.value);
      else field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  };

  // --- Conditions of a log that are not applied ---
  const conditions = () => JSON.stringify([...filters?.querySelectorAll("[data-condition]") ?? []]
    .map((row) => [...row.querySelectorAll("[name]")].map((field) => [field.name, tickable(field) ? field.checked && field.value : field.value]))
    .filter((row) => row.some(([name, value]) => !name.startsWith("o") && value)));
  let [applied, asked] = [conditions(), ""];
  document.addEventListener("htmx:beforeRequest", (event) => { if (filters && event.detail.elt === filters) asked = conditions(); });
  document.addEventListener("htmx:afterSwap", (event) => { if (filters && event.detail.requestConfig?.elt === filters) applied = asked; });

  // --- Keeping ---
  const fresh = form && JSON.stringify(all());
  const typed = form?.dataset.written === "typed"; // the page is the answer to what was written
  const written = () => form && (typed || JSON.stringify(all()) !== fresh);
  const halfWritten = () => !leaving && (written() || conditions() !== applied);
  const keep = (sent = false) => written() ? store(key, { values: all(), sent }) : sessionStorage.removeItem(key);
  const giveUp = () => { leaving = true; sessionStorage.removeItem(key); };

  const bringBack = (draft) => {
    fill(draft.values);
    keep();
    const note = document.createElement("p");
    note.className = "note";
    note.setAttribute("role", "status");
    const discard = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: "Discard" });
    discard.addEventListener("click", () => { giveUp(); location.reload(); });
    note.append("Your unsaved text was restored. It has not been saved or sent. ", discard);
    form.before(note);
  };

  // A page that refuses something says so; any other page that follows what was sent means that it has arrived.
  const refusal = !!document.querySelector("[data-refusal]");
  const came = performance.getEntriesByType("navigation")[0]?.type;
  for (const name of drafts()) {
    const draft = stored(name);
    if (refusal) store(name, { ...draft, sent: false });
    else if (user && !name.startsWith(`${PREFIX}${user} `)) sessionStorage.removeItem(name); // somebody else has signed in
    else if (user && draft?.sent && (name !== key || (!typed && came === "navigate"))) sessionStorage.removeItem(name);
  }
  if (form) {
    const draft = stored(key);
    if (typed) keep();
    else if (draft && JSON.stringify(draft.values) !== fresh) bringBack(draft);
    for (const name of ["input", "change"]) form.addEventListener(name, () => keep());
  }

  // --- Leaving ---
  const box = document.getElementById("unsaved");
  let go = null; // what was asked for

  const ask = (event, then) => {
    if (!box || !halfWritten()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    go = then;
    box.returnValue = "";
    box.showModal();
  };
  box?.addEventListener("close", () => {
    if (box.returnValue !== "leave") return;
    giveUp();
    go();
  });

  window.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    const elsewhere = event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || link?.target || link?.hasAttribute("download");
    if (!link || elsewhere || link.matches("[data-dialog], [data-side]") || link.getAttribute("href").startsWith("#")) return;
    ask(event, () => location.assign(link.href));
  }, { capture: true });

  window.addEventListener("submit", (event) => {
    const sent = event.target;
    if (sent === form) {
      keep(true);
      leaving = true;
    } else if (sent.method !== "dialog" && sent !== filters && !sent.matches("[hx-post], [hx-get], .export")) {
      const button = event.submitter;
      ask(event, () => sent.requestSubmit(button));
    }
    if (!event.defaultPrevented && sent.getAttribute("action")?.endsWith("/sign-out/")) for (const name of drafts()) sessionStorage.removeItem(name);
  }, { capture: true });

  window.addEventListener("beforeunload", (event) => { if (halfWritten()) event.preventDefault(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) leaving = false; });

  // The session has lapsed: nobody may be there to be asked, and what is written is kept.
  const leave = () => { leaving = true; };
  document.addEventListener("htmx:beforeOnLoad", (event) => { if (event.detail.xhr.getResponseHeader("HX-Refresh")) leave(); });
  window.drafts = { leave };
})();
