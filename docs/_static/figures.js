// Loads the script of the Vega figures when the first of them is less than a window away.
"use strict";
{
  const { src, dataset } = document.currentScript;
  const watcher = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watcher.disconnect();
      const script = document.createElement("script");
      script.src = new URL(dataset.script, src);
      document.head.append(script);
    },
    { rootMargin: "100%" },
  );
  for (const figure of document.querySelectorAll(".vega-figure")) watcher.observe(figure);
}
