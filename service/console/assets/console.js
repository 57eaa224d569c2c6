// The console's own script: all pages work without it.
"use strict";

// A page that no one looks at asks for nothing.
document.addEventListener("htmx:before:request", (event) => {
  const source = event.detail && event.detail.ctx && event.detail.ctx.sourceElement;
  if (document.hidden && source && source.hasAttribute("data-poll")) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  const find = document.querySelector("[data-find]");
  if (find && event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    find.focus();
    find.select();
  }
  // In a list, the arrows go from row to row.
  const row = event.target.closest && event.target.closest("tr");
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const link = step && event.target.matches("tbody th a") && row && row[step] && row[step].querySelector("th a");
  if (link) {
    event.preventDefault();
    link.focus();
  }
});

// A completion takes the place of the filter as typed.
document.addEventListener("click", (event) => {
  const chosen = event.target.closest && event.target.closest("[data-complete]");
  const filter = document.getElementById("q");
  if (!chosen || !filter) return;
  const whole = chosen.dataset.complete;
  filter.value = whole.endsWith(":") ? whole : `${whole} `;
  filter.focus();
  filter.dispatchEvent(new Event("input", { bubbles: true }));
});

// A finding leads to its place in the text.
document.addEventListener("click", (event) => {
  const chosen = event.target.closest && event.target.closest("[data-line]");
  const text = document.getElementById("toml");
  if (!chosen || !text) return;
  event.preventDefault();
  const lines = text.value.split("\n");
  const line = Math.min(Number(chosen.dataset.line), lines.length) - 1;
  const start = lines.slice(0, line).reduce((sum, one) => sum + one.length + 1, 0);
  const from = start + Math.min(Math.max(Number(chosen.dataset.column) - 1, 0), lines[line].length);
  text.setSelectionRange(from, start + lines[line].length);
  text.blur(); // to the selection a field scrolls when it gets the focus
  text.focus();
});
