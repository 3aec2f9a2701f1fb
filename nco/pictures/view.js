"use strict";

// ---- what there is: things with places in the units of the SVG, and axes

const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const stage = element("stage");
const picture = element("picture").querySelector("svg");
const over = element("over");
const tip = element("tip");
const printed = picture.getAttribute("viewBox").split(" ").map(Number);  // as it was drawn
let whole = printed;
picture.setAttribute("preserveAspectRatio", "none");  // the view box has the shape of the stage
const things = data.things.flatMap(({ kind, named, panel, frame, columns, rows }) =>
  rows.map(([box, name, group, ...facts]) => ({
    kind, named, name, group, facts: columns.map((column, k) => [column, facts[k]]),
    panel, frame, box, isBar: box.length === 4,
    left: box[0], top: box[1], right: box[2] ?? box[0], bottom: box[3] ?? box[1],
  })));

function plain(text) {  // without accents, capitals, and commas of thousands
  return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase()
    .replace(/(\d),(?=\d{3})/g, "$1");
}
for (const thing of things) {
  thing.text = plain([thing.kind, thing.name, ...thing.facts.map(([k, v]) => `${k} ${v}`)].join(" "));
}

// ---- the view: `scale` pixels a unit, `tall` times as many upwards, the unit at the left upper corner

const view = { scale: 0, tall: 1, x: 0, y: 0, isWhole: true };
const upwards = () => view.scale * view.tall;
let found = [];
let pinned = null;
let pointed = null;
let group = "";
let waiting = false;

// pixels around the picture that ticks and labels need where it is small
let beside = 0, below = 0, above = 0;

function least() {
  const room = stage.clientHeight - below - above;
  return Math.min((stage.clientWidth - beside) / whole[2], room / whole[3] / view.tall);
}

function keepInside() {
  view.scale = Math.min(Math.max(view.scale, least()), least() * 300);
  for (const [key, first, last, seen] of [
    ["x", -beside / view.scale, whole[2], stage.clientWidth / view.scale],
    ["y", -above / upwards(), whole[3] + below / upwards(), stage.clientHeight / upwards()],
  ]) {
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
  const x = view.x + px / view.scale, y = view.y + py / upwards();
  view.scale = Math.min(Math.max(view.scale * factor, least()), least() * 300);
  view.x = x - px / view.scale;
  view.y = y - py / upwards();
  changed();
}

function move(dx, dy) {
  view.x -= dx / view.scale;
  view.y -= dy / upwards();
  changed();
}

function showAll() {
  view.scale = 0;
  changed();
}

function goTo(thing) {
  view.scale = Math.max(view.scale, least() * 3);
  view.x = (thing.left + thing.right) / 2 - stage.clientWidth / view.scale / 2;
  view.y = (thing.top + thing.bottom) / 2 - stage.clientHeight / upwards() / 2;
  changed();
}

// Panels stand side by side and below each other as the screen has room. Where they could not be read
// so, as many stand beside each other as can be, and the page scrolls.
function arrange(width, most) {  // the height of the stage that they need, 0 of a single picture
  const groups = data.panels.map((_, k) => picture.getElementById(`panel-${k}`));
  if (groups.length < 2 || groups.includes(null)) return 0;
  const GAP = 8, layouts = [];
  for (let columns = 1; columns <= groups.length; columns++) {
    const wide = Array(columns).fill(0), high = Array(Math.ceil(groups.length / columns)).fill(0);
    data.panels.forEach(([left, top, right, bottom], k) => {
      const column = k % columns, row = Math.floor(k / columns);
      wide[column] = Math.max(wide[column], right - left + GAP);
      high[row] = Math.max(high[row], bottom - top + GAP);
    });
    const [across, down] = [wide, high].map((sizes) => sizes.reduce((a, b) => a + b));
    layouts.push({ wide, high, across, down, scale: Math.min(width / across, most / down) });
  }
  let best = layouts.reduce((a, b) => (b.scale > a.scale ? b : a));
  const scrolls = best.scale < LEGIBLE;
  if (scrolls) best = layouts.findLast(({ across }) => width / across >= LEGIBLE) ?? layouts[0];
  const starts = (sizes) => sizes.map((_, k) => sizes.slice(0, k).reduce((a, b) => a + b, GAP / 2));
  const lefts = starts(best.wide), tops = starts(best.high);
  const moves = data.panels.map(([, top, right], k) => [  // at the right of its column, where axes end
    lefts[k % lefts.length] + best.wide[k % lefts.length] - GAP - right,
    tops[Math.floor(k / lefts.length)] - top,
  ]);
  moves.forEach((by, k) => groups[k].setAttribute("transform", `translate(${by.join(" ")})`));
  for (const thing of things) {
    const [x, y] = moves[thing.panel], [left, top, right = left, bottom = top] = thing.box;
    Object.assign(thing, { left: left + x, top: top + y, right: right + x, bottom: bottom + y });
  }
  data.things.forEach(({ panel, frame }) => {
    const [x, y] = moves[panel];
    frame.place = [frame[0] + x, frame[1] + y, frame[2] + x, frame[3] + y];
  });
  whole = [0, 0, best.across, best.down];
  return scrolls ? (width / best.across) * best.down : Math.min((width / best.across) * best.down, most);
}

function resize() {
  const width = stage.clientWidth, most = Math.max(window.innerHeight * 0.78, 280);
  const scale = width / printed[2], arranged = arrange(width, most);
  const [axes] = data.axes.length === 1 && scale < SMALL ? data.axes : [];
  beside = axes ? Math.max(widest(axes.y) - axes.box[0] * scale, 0) : 0;
  below = axes ? Math.max(RULER - (whole[3] - axes.box[3]) * scale, 0) : 0;
  above = axes && axes.y.label ? Math.max(LABEL - axes.box[1] * scale, 0) : 0;
  const plain = scale * whole[3] + below + above;
  const height = arranged || Math.min(Math.max(plain, axes ? Math.min(width, 360) : 0), most);
  stage.style.height = `${height}px`;
  const least = (width - beside) / whole[2];  // a low chart is stretched until it fills the stage
  view.tall = axes ? Math.max((stage.clientHeight - below - above) / whole[3] / least, 1) : 1;
  if (view.isWhole) view.scale = 0;
  changed();
}

// ---- drawing: the picture by its view box, everything of constant size above it

const LARGEST = 15;  // units between the middle of a mark and its corners; areas have larger ones
const marks = [...picture.querySelectorAll("defs path[id^=m], defs path[id^=C]")].filter((path) =>
  path.getAttribute("d").match(/-?[\d.]+/g)?.every((place) => Math.abs(place) <= LARGEST));
const texts = [...picture.querySelectorAll("text")].map((text) =>
  [text, ...["transform", "x", "y"].map((name) => text.getAttribute(name) ?? "")]);

function add(kind, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  over.append(made);
}

function onScreen(thing) {
  return {
    left: (thing.left - view.x) * view.scale, top: (thing.top - view.y) * upwards(),
    right: (thing.right - view.x) * view.scale, bottom: (thing.bottom - view.y) * upwards(),
  };
}

function draw() {
  waiting = false;
  const width = stage.clientWidth, height = stage.clientHeight;
  picture.setAttribute("viewBox", [view.x, view.y, width / view.scale, height / upwards()].join(" "));
  const near = view.scale / least(), mark = near ** -0.7 * Math.max(0.8 / least(), 1);
  for (const each of marks) each.setAttribute("transform", `scale(${mark} ${mark / view.tall})`);
  const size = Math.max(data.panels.length ? 1 : 0.95 / least(), 1) / near;  // words keep their size
  for (const [text, turned, x, y] of texts) {
    text.setAttribute("transform", `${turned} translate(${x} ${y}) scale(${size}) translate(${-x} ${-y})`);
  }
  over.setAttribute("viewBox", `0 0 ${width} ${height}`);
  over.replaceChildren();
  names(rulers(near), near);
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
