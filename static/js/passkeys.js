// Uses a passkey, or makes one. The browser alone can do that, so without this script its part of the page stays hidden.
(() => {
  "use strict";
  const form = document.querySelector("[data-passkey]");
  if (!form || !window.webauthnJSON?.supported()) return;
  const options = JSON.parse(document.getElementById("passkey-options").textContent);
  const given = form.querySelector("[data-credential]");
  const said = form.querySelector("[role=alert]");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    if (given.value) return;
    event.preventDefault();
    said.textContent = "";
    try {
      given.value = JSON.stringify(await window.webauthnJSON[form.dataset.passkey](options));
      form.requestSubmit(event.submitter);
    } catch {
      said.textContent = "The passkey was not used. Try again.";
    }
  });
})();
