// Keyboard access where the theme has none: boxes that scroll, and the menus of a narrow window.
"use strict";
{
  // The keyboard scrolls the focused element, so a box with a wider content must be focusable.
  const watcher = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  for (const box of document.querySelectorAll("pre, .table-wrapper, div.math")) watcher.observe(box);

  // The label of a hidden checkbox opens a menu. It is not focusable, so its icon becomes a button.
  const addButton = (label, drawer) => {
    const icon = label.querySelector(".icon");
    const menu = label.control;
    const tell = () => icon.setAttribute("aria-expanded", menu.checked);
    icon.setAttribute("role", "button");
    icon.setAttribute("aria-label", menu.getAttribute("aria-label"));
    icon.tabIndex = 0;
    icon.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      label.click();
      if (!menu.checked) return;
      [...drawer.querySelectorAll("a")].find((link) => link.checkVisibility()).focus();
    });
    drawer.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.checked || !icon.checkVisibility()) return;
      label.click();
      icon.focus();
    });
    menu.addEventListener("change", tell);
    tell();
  };
  for (const [kind, name] of [["nav", "sidebar"], ["toc", "toc"]]) {
    const drawer = document.querySelector(`.${name}-drawer`);
    for (const label of document.querySelectorAll(`.${kind}-overlay-icon:not(.no-toc)`)) {
      addButton(label, drawer);
    }
  }
}
