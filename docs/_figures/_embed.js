// The end of the bundle that notes_site.figures makes: vegaEmbed is defined before.
for (const figure of document.querySelectorAll(".vega-figure")) {
  const spec = JSON.parse(figure.querySelector("script").textContent);
  const chart = document.createElement("div");
  chart.className = "figure-svg";
  vegaEmbed(chart, spec, {
    actions: false,
    ast: true, // interpret expressions: evaluating them would need 'unsafe-eval' in a policy
    bind: figure.querySelector(".controls"),
    defaultStyle: false,
    hover: false,
    renderer: "svg",
    tooltip: false,
  }).then(({ view }) => {
    figure.querySelector(".figure-svg").replaceWith(chart);
    for (const bind of figure.querySelectorAll(".vega-bind")) {
      // Vega puts the value of a slider, and the options of a list, into the label; it puts no
      // label on a group of radio buttons.
      const field = bind.querySelector("input[type=range], select");
      const name = bind.querySelector(".vega-bind-name").textContent;
      (field ?? bind).setAttribute("aria-label", name);
      if (!field) bind.setAttribute("role", "radiogroup");
    }
    figure.view = view;
  });
}
