"use strict";

// ---- pictures: shown while the pointer or the focus is on a run, kept by a click

const pictures = JSON.parse(document.getElementById("pictures").textContent);
const preview = document.getElementById("preview");
let pinned = null;

function source(picture) {
  const drawn = pictures[picture];
  return drawn.startsWith("<") ? "data:image/svg+xml," + encodeURIComponent(drawn) : drawn;
}

function show(element) {
  const image = preview.querySelector("img");
  const picture = element.dataset.picture;
  if (picture === undefined) image.removeAttribute("src");
  else image.src = source(Number(picture));
  image.alt = element.dataset.caption;
  preview.querySelector("figcaption").textContent = element.dataset.caption;
  preview.hidden = false;
}

function leave() {
  if (pinned) show(pinned);
  else preview.hidden = true;
}

function pin(element) {
  if (pinned) pinned.classList.remove("pinned");
  pinned = element === pinned ? null : element;
  if (pinned) pinned.classList.add("pinned");
  leave();
}

function captioned(event) {
  return event.target instanceof Element ? event.target.closest("[data-caption]") : null;
}

for (const type of ["pointerover", "focusin"]) {
  document.addEventListener(type, (event) => {
    const element = captioned(event);
    if (element) show(element);
  });
}
for (const type of ["pointerout", "focusout"]) {
  document.addEventListener(type, (event) => {
    if (captioned(event)) leave();
  });
}
document.addEventListener("click", (event) => {
  const element = captioned(event) ?? pinned;
  if (element) pin(element);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && pinned) pin(pinned);
  if (event.key === "Enter" && captioned(event)) pin(captioned(event));
});

// ---- curves: a solver's is hidden and shown by its key

for (const key of document.querySelectorAll(".key")) {
  key.addEventListener("click", () => {
    const on = key.getAttribute("aria-pressed") !== "true";
    key.setAttribute("aria-pressed", String(on));
    for (const series of key.closest(".plot").querySelectorAll(".series")) {
      if (series.dataset.series === key.dataset.series) series.classList.toggle("off", !on);
    }
  });
}

// ---- charts: on a phone their words are larger, and those that would cover others are left out

function thin(chart) {
  const kept = [];
  for (const word of chart.querySelectorAll("text")) {
    const box = word.getBoundingClientRect();
    const covers = kept.some((other) => box.left < other.right + 3 && box.right > other.left - 3
      && box.top < other.bottom - box.height / 3 && box.bottom > other.top + box.height / 3);
    word.classList.toggle("covering", covers);
    if (!covers) kept.push(box);
  }
}

const resized = new ResizeObserver((entries) => entries.forEach(({ target }) => thin(target)));
for (const chart of document.querySelectorAll(".chart")) resized.observe(chart);

// ---- tables: sorted by a click on the head of a column, empty cells last

function order(row, column) {
  const cell = row.cells[column];
  if (!("value" in cell.dataset)) return cell.textContent;
  return cell.dataset.value === "" ? NaN : Number(cell.dataset.value.replace("inf", "Infinity"));
}

function compared(one, other) {
  if (typeof one === "string") return one.localeCompare(other, "en", { numeric: true });
  if (Number.isNaN(one) || Number.isNaN(other)) return 0;
  return one - other;
}

function sort(table, column, sign) {
  const rows = [...table.tBodies[0].rows].map((row) => [order(row, column), row]);
  const empty = (value) => Number(Number.isNaN(value) || value === "");
  rows.sort(([a], [b]) => empty(a) - empty(b) || sign * compared(a, b));
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

for (const table of document.querySelectorAll(".sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    const first = table.tBodies[0].rows[0];
    if (first && first.cells[column].matches("th, .word")) head.classList.add("left");
    button.addEventListener("click", () => {
      const rising = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      sort(table, column, rising ? 1 : -1);
    });
  });
}

// ---- runs: only those that name what is looked for

document.getElementById("filter").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of document.getElementById("runs").tBodies[0].rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
});
