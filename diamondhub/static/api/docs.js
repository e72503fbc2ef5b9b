// The page to try the API: Swagger UI over our own document, with the key from the field at the top and examples in
// several languages beside every operation. The key stays in this page's memory.
"use strict";

(() => {
  const place = document.getElementById("api");
  const exampleHost = "https://diamonds.example.com";
  let chosen = "curl";

  // Examples of an operation, above its answers: `x-codeSamples` of the document.
  const Samples = () => ({
    wrapComponents: {
      responses: (Original, system) => (props) => {
        const { createElement: make, useState } = system.React;
        const Panel = ({ samples }) => {
          const [label, choose] = useState(chosen);
          const [copied, say] = useState(false);
          const sample = samples.find((known) => known.label === label) || samples[0];
          const source = sample.source.replaceAll(exampleHost, location.origin);
          const tab = ({ label: name }) => make("button", {
            key: name, type: "button", className: name === sample.label ? "language chosen" : "language",
            onClick: () => { chosen = name; choose(name); say(false); },
          }, name);
          const copy = () => navigator.clipboard.writeText(source).then(() => say(true));
          return make("section", { className: "samples" },
            make("div", { className: "tabs" }, samples.map(tab),
              make("button", { type: "button", className: "copy", onClick: copy }, copied ? "copied" : "copy")),
            make("pre", null, make("code", null, source)));
        };
        const described = system.specSelectors.specJson().getIn(["paths", props.path, props.method, "x-codeSamples"]);
        const samples = described ? described.toJS() : [];
        return make("div", null, samples.length ? make(Panel, { samples }) : null, make(Original, props));
      },
    },
  });

  const ui = SwaggerUIBundle({
    url: place.dataset.document,
    dom_id: "#api",
    plugins: [Samples],
    deepLinking: true,
    displayRequestDuration: true,
    docExpansion: "list",
    defaultModelsExpandDepth: -1,
    defaultModelRendering: "example",
    filter: true,
    tryItOutEnabled: true,
    validatorUrl: null,
  });

  const key = document.getElementById("key");
  const signIn = () => {
    ui.preauthorizeApiKey("ApiKey", key.value.trim());
    document.getElementById("signed-in").value = key.value.trim() ? "✓" : "";
  };
  key.addEventListener("input", signIn);
  document.getElementById("sign-in").addEventListener("submit", (event) => { event.preventDefault(); signIn(); });
})();
