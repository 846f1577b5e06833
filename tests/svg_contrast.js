// Return the elements of a page's pictures with too little contrast: WCAG requires 4.5:1 for text,
// and 3:1 for graphics that carry meaning. axe-core does not check pictures. Lines of a grid may be
// faint, and so may the shade behind a text or a bar.
() => {
  const rgba = (color) => {
    const numbers = (color.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    return numbers.length === 3 ? [...numbers, 1] : numbers;
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((c, i) => c * a + below[i] * (1 - a));
  const linear = (c) => (c <= 10.31475 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) =>
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) + 0.05;
  const contrast = (paint, below) => {
    const ratio = luminance(over(paint, below)) / luminance(below);
    return Math.max(ratio, 1 / ratio);
  };
  const paint = (element, kind) => {
    const style = getComputedStyle(element);
    const [r, g, b, a] = rgba(style[kind]);
    let opacity = a * style[`${kind}Opacity`];
    for (let one = element; one.ownerSVGElement; one = one.parentElement) {
      opacity *= getComputedStyle(one).opacity;
    }
    return [r, g, b, opacity];
  };
  const middle = (element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return new DOMPoint(x + width / 2, y + height / 2);
  };
  const isBehind = (element, point) =>
    element.isPointInFill?.(point.matrixTransform(element.getScreenCTM().inverse()));

  const say = (element, found, wanted) =>
    found < wanted ? [`${found.toFixed(2)} ${element.outerHTML.slice(0, 300)}`] : [];

  const page = rgba(getComputedStyle(document.body).backgroundColor).slice(0, 3);
  const look = (element, i, elements) => {
    const point = middle(element);
    const behind = elements
      .slice(0, i)
      .filter((one) => isBehind(one, point))
      .reduce((below, one) => over(paint(one, "fill"), below), page);
    const fill = paint(element, "fill");
    const stroke = paint(element, "stroke");
    if (element.tagName === "text") return say(element, contrast(fill, behind), 4.5);
    const isShade = () => elements.slice(i + 1).some((one) => isBehind(element, middle(one)));
    if (fill[3] + stroke[3] === 0 || (stroke[3] === 0 && isShade())) return [];
    // A line may touch another shape: the contrast on one side is enough.
    const found = [page, behind].flatMap((below) => [contrast(fill, below), contrast(stroke, below)]);
    return say(element, Math.max(...found), 3);
  };
  return [...document.querySelectorAll(".figure-svg > svg, .figure-svg > div > svg")].flatMap((svg) =>
    [...svg.querySelectorAll("text, path, line, rect, circle, use")]
      .filter((one) => !one.closest("defs, clipPath, .grid, [id*='tick_'] path[clip-path]"))
      .filter((one) => one.getClientRects().length)
      .flatMap(look),
  );
}
