// The page that describes the API: Swagger UI, with names for what it leaves without.
"use strict";

const place = document.getElementById("operations");

const named = (Original, { React }) => (props) =>
  React.createElement(
    "label",
    null,
    React.createElement("span", { className: "unseen" }, props.description || "value"),
    React.createElement(Original, props),
  );

SwaggerUIBundle({
  url: place.dataset.description,
  dom_id: "#operations",
  deepLinking: true,
  syntaxHighlight: false, // its colours are written into the elements, for light alone
  validatorUrl: null, // no other host is asked
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [
    () => ({
      components: {
        DeepLink: ({ text }) => text, // a link cannot stand in a button
        InfoContainer: () => null, // the page has a heading
        ServersContainer: () => null, // it is the host that is open
      },
      wrapComponents: { JsonSchema_string: named },
    }),
  ],
  layout: "BaseLayout",
});

// The answers of each open operation would be a landmark without a name.
new MutationObserver(() => place.querySelectorAll("table[role]").forEach((table) => table.removeAttribute("role"))).observe(place, {
  childList: true,
  subtree: true,
});
