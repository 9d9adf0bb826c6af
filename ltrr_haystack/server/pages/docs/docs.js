window.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  // The badge of a validator elsewhere, and settings from the page's address: nothing of other sites is loaded.
  validatorUrl: null,
  queryConfigEnabled: false,
});
