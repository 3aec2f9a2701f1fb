"use strict";

// ---- what there is: things with places in the units of the SVG, and axes

const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const stage = element("stage");
const picture = element("picture").querySelector("svg");
const over = element("over");
const tip = element("tip");
const whole = picture.getAttribute("viewBox").split(" ").map(Number);
const things = data.things.flatMap(({ kind, named, columns, rows }) =>
  rows.map(([box, name, group, ...facts]) => ({
    kind, named, name, group, facts: columns.map((column, k) => [column, facts[k]]),
    left: box[0], top: box[1], right: box[2] ?? box[0], bottom: box[3] ?? box[1],
    isBar: box.length === 4,
  })));

function plain(text) {  // without accents, capitals, and commas of thousands
  return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase()
    .replace(/(\d),(?=\d{3})/g, "$1");
}
for (const thing of things) {
  thing.text = plain([thing.kind, thing.name, ...thing.facts.map(([k, v]) => `${k} ${v}`)].join(" "));
}

// ---- the view: `scale` pixels a unit, and the unit at the left upper corner

const view = { scale: 0, x: 0, y: 0, isWhole: true };
let found = [];
let pinned = null;
let pointed = null;
let group = "";
let waiting = false;

// pixels left of the picture and below it that ticks need where it is small
let beside = 0, below = 0;

function least() {
  return Math.min((stage.clientWidth - beside) / whole[2], (stage.clientHeight - below) / whole[3]);
}

function keepInside() {
  view.scale = Math.min(Math.max(view.scale, least()), least() * 300);
  const extra = beside / view.scale;
  for (const [key, first, last, room] of [
    ["x", -extra, whole[2], stage.clientWidth], ["y", 0, whole[3] + below / view.scale, stage.clientHeight],
  ]) {
    const seen = room / view.scale;
    view[key] = seen >= last - first
      ? (first + last - seen) / 2 : Math.min(Math.max(view[key], first), last - seen);
  }
  view.isWhole = view.scale <= least() * 1.01;
  stage.classList.toggle("near", !view.isWhole);
}

function changed() {
  keepInside();
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(draw);
}

function zoom(factor, px = stage.clientWidth / 2, py = stage.clientHeight / 2) {
  const x = view.x + px / view.scale, y = view.y + py / view.scale;
  view.scale = Math.min(Math.max(view.scale * factor, least()), least() * 300);
  view.x = x - px / view.scale;
  view.y = y - py / view.scale;
  changed();
}

function move(dx, dy) {
  view.x -= dx / view.scale;
  view.y -= dy / view.scale;
  changed();
}

function showAll() {
  view.scale = 0;
  changed();
}

function goTo(thing) {
  view.scale = Math.max(view.scale, least() * 3);
  view.x = (thing.left + thing.right) / 2 - stage.clientWidth / view.scale / 2;
  view.y = (thing.top + thing.bottom) / 2 - stage.clientHeight / view.scale / 2;
  changed();
}

function resize() {
  const width = stage.clientWidth, scale = width / whole[2];
  const [axes] = data.axes.length === 1 && scale < SMALL ? data.axes : [];
  beside = axes ? Math.max(widest(axes.y) - axes.box[0] * scale, 0) : 0;
  below = axes ? Math.max(RULER - (whole[3] - axes.box[3]) * scale, 0) : 0;
  const height = Math.max(scale * whole[3] + below, Math.min(width, 260));
  stage.style.height = `${Math.min(height, Math.max(window.innerHeight * 0.78, 280))}px`;
  if (view.isWhole) view.scale = 0;
  changed();
}

// ---- drawing: the picture by its view box, everything of constant size above it

const marks = [...picture.querySelectorAll("defs path[id^=m], defs path[id^=C]")];

function add(kind, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  over.append(made);
}

function onScreen(thing) {
  return {
    left: (thing.left - view.x) * view.scale, top: (thing.top - view.y) * view.scale,
    right: (thing.right - view.x) * view.scale, bottom: (thing.bottom - view.y) * view.scale,
  };
}

function draw() {
  waiting = false;
  const width = stage.clientWidth, height = stage.clientHeight;
  picture.setAttribute("viewBox", [view.x, view.y, width / view.scale, height / view.scale].join(" "));
  const near = view.scale / least();
  for (const mark of marks) mark.setAttribute("transform", `scale(${near ** -0.7})`);
  over.setAttribute("viewBox", `0 0 ${width} ${height}`);
  over.replaceChildren();
  const taken = rulers(near);
  names(taken, near);
  for (const thing of found.slice(0, 3000)) halo(thing, "hit");
  if (pointed) halo(pointed, "hit");
  if (pinned) halo(pinned, "pinned");
  showTip();
}

function halo(thing, kind) {
  const box = onScreen(thing);
  if (box.right < -20 || box.left > stage.clientWidth + 20) return;
  if (box.bottom < -20 || box.top > stage.clientHeight + 20) return;
  if (thing.isBar) {
    add("rect", {
      class: kind, x: box.left - 2, y: box.top - 2, rx: 2,
      width: box.right - box.left + 4, height: box.bottom - box.top + 4,
    });
  } else add("circle", { class: kind, cx: box.left, cy: box.top, r: 9 });
}
