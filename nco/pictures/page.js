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

let beside = 0;  // pixels left of the picture that names of ticks need where it is small

function least() {
  return Math.min((stage.clientWidth - beside) / whole[2], stage.clientHeight / whole[3]);
}

function keepInside() {
  view.scale = Math.min(Math.max(view.scale, least()), least() * 300);
  const extra = beside / view.scale;
  for (const [key, first, last, room] of [
    ["x", -extra, whole[2], stage.clientWidth], ["y", 0, whole[3], stage.clientHeight],
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
  const width = stage.clientWidth;
  const height = Math.max(width * whole[3] / whole[2], Math.min(width, 260));
  stage.style.height = `${Math.min(height, Math.max(window.innerHeight * 0.78, 280))}px`;
  const small = width / whole[2] < SMALL && data.axes.length === 1;
  beside = small ? Math.max(widest(data.axes[0].y) - data.axes[0].box[0] * width / whole[2], 0) : 0;
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

// ---- names: where there is room, nothing covers another

const pen = document.createElement("canvas").getContext("2d");
const widths = new Map();

function widthOf(text) {
  if (!widths.has(text)) {
    pen.font = "12px system-ui, sans-serif";
    widths.set(text, pen.measureText(text).width);
  }
  return widths.get(text);
}

function short(text, most) {
  return text.length <= most ? text : text.slice(0, most - 1) + "…";
}

function names(taken, near) {
  const width = stage.clientWidth, height = stage.clientHeight;
  const seen = things.filter((thing) => {
    if (!thing.named || !thing.name) return false;
    const box = onScreen(thing);
    return box.right > 0 && box.left < width && box.bottom > 0 && box.top < height;
  });
  if (seen.length > 1500) return;
  const cells = new Map();  // boxes by squares of 64 pixels
  const squares = (box) => {
    const keys = [];
    for (let i = Math.floor(box[0] / 64); i <= Math.floor(box[2] / 64); i++) {
      for (let j = Math.floor(box[1] / 64); j <= Math.floor(box[3] / 64); j++) keys.push(`${i},${j}`);
    }
    return keys;
  };
  const keep = (box, owner) => squares(box).forEach((key) => {
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push([box, owner]);
  });
  const meets = (box, owner) => squares(box).some((key) => (cells.get(key) ?? []).some(
    ([other, whose]) => whose !== owner
      && other[0] < box[2] && other[2] > box[0] && other[1] < box[3] && other[3] > box[1]));
  taken.forEach((box) => keep(box, null));
  for (const thing of seen) {
    if (thing.isBar) continue;
    const { left, top } = onScreen(thing);
    keep([left - 3, top - 3, left + 3, top + 3], thing);
  }
  let written = 0;
  for (const thing of [...seen].sort((a, b) => found.includes(b) - found.includes(a))) {
    const text = short(thing.name, 24), size = widthOf(text), box = onScreen(thing);
    if (thing.isBar) {
      const left = Math.max(box.left, 0), right = Math.min(box.right, width);
      if (right - left < size + 2 || box.bottom - box.top < 11) continue;
      add("text", { class: "inside", x: (left + right) / 2, y: (box.top + box.bottom) / 2 }, text);
      continue;
    }
    const away = 5 + Math.min(near, 3);
    for (const [x, y] of [
      [box.left + away, box.top + 4], [box.left - away - size, box.top + 4],
      [box.left - size / 2, box.top - away], [box.left - size / 2, box.top + away + 9],
    ]) {
      const place = [x, y - 10, x + size, y + 3];
      if (place[0] < 0 || place[2] > width || place[1] < 0 || place[3] > height) continue;
      if (meets(place, thing)) continue;
      keep(place, thing);
      add("text", { class: "name", x, y }, text);
      break;
    }
    if (++written > 400) return;
  }
}

// ---- rulers: ticks that stay in sight when the picture's own are too small or out of it

function ticks(axis, low, high, room) {  // positions as shares of the span, and their words
  const [first, last] = axis.span, long = last - first;
  if (axis.names.length) return axis.names.map(([at, text]) => [(at - first) / long, text]);
  const seen = Math.abs(long) * (high - low), wish = seen / Math.max(room / 70, 2);
  const power = 10 ** Math.floor(Math.log10(wish));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= wish);
  const ends = [first + low * long, first + high * long].sort((a, b) => a - b);
  const made = [];
  for (let k = Math.ceil(ends[0] / step); k * step <= ends[1] && made.length < 100; k++) {
    const value = Number((k * step).toPrecision(12));
    made.push([(value - first) / long, value.toLocaleString("en", { maximumFractionDigits: 9 })]);
  }
  return made;
}

const SMALL = 0.8;  // pixels a unit below which the picture's own ticks cannot be read

function widest({ names: named, span }) {  // pixels of the names of an axis
  const texts = named.length ? named.map(([, text]) => short(text, 12)) : span.map((v) => v.toPrecision(3));
  return Math.min(Math.max(...texts.map(widthOf)) + 8, 90);
}

function rulers(near) {
  const taken = [];
  if (data.axes.length !== 1 || (near < 1.02 && view.scale > SMALL)) return taken;
  const { box, x, y } = data.axes[0];
  const width = stage.clientWidth, height = stage.clientHeight;
  const left = Math.max(onScreen({ left: box[0] }).left, 0);
  const right = Math.min((box[2] - view.x) * view.scale, width);
  const top = Math.max((box[1] - view.y) * view.scale, 0);
  const bottom = Math.min((box[3] - view.y) * view.scale, height);
  const at = (share) => (box[0] + share * (box[2] - box[0]) - view.x) * view.scale;
  const up = (share) => (box[3] - share * (box[3] - box[1]) - view.y) * view.scale;
  const share = (px) => (px / view.scale + view.x - box[0]) / (box[2] - box[0]);
  const raised = (py) => (box[3] - py / view.scale - view.y) / (box[3] - box[1]);
  const low = Math.min(bottom, height - 34), rows = ticks(y, raised(low), raised(top), low - top);
  const visible = rows.filter(([k]) => up(k) >= top && up(k) <= low);
  const wide = Math.min(Math.max(...visible.map(([, text]) => widthOf(short(text, 12))), 0) + 8, 90);
  add("rect", { class: "ruler", x: 0, y: low, width, height: height - low });
  add("rect", { class: "ruler", x: 0, y: 0, width: Math.max(wide, left), height: low });
  let end = -100;
  for (const [k, text] of ticks(x, share(left), share(right), right - left)) {
    const place = at(k), half = widthOf(text) / 2;
    if (place < Math.max(wide, left) || place > right || place - half < end + 6) continue;
    end = place + half;
    add("path", { class: "axis", d: `M${place} ${low}v4` });
    add("text", { class: "tick", x: place, y: low + 14, "text-anchor": place + half > width ? "end" : "middle" }, text);
  }
  add("text", { class: "tick", x: (left + right) / 2, y: low + 28, "text-anchor": "middle" }, x.label);
  let before = Infinity;
  for (const [k, text] of visible.sort((a, b) => up(b[0]) - up(a[0]))) {
    if (before - up(k) < 12) continue;
    before = up(k);
    add("text", { class: "tick", x: Math.max(wide, left) - 4, y: up(k) + 4, "text-anchor": "end" }, short(text, 12));
  }
  taken.push([0, low, width, height], [0, 0, Math.max(wide, left), height]);
  return taken;
}

// ---- what is there: shown at the pointer, kept by a click or tap

function nearest(px, py, most) {
  const x = px / view.scale + view.x, y = py / view.scale + view.y;
  let best = null, least = (most / view.scale) ** 2;
  for (const thing of things) {
    const dx = Math.max(thing.left - x, 0, x - thing.right);
    const dy = Math.max(thing.top - y, 0, y - thing.bottom);
    const away = dx * dx + dy * dy;
    if (away < least || (away === 0 && best && thing.right - thing.left < best.right - best.left)) {
      best = thing;
      least = away;
    }
  }
  return best;
}

function showTip() {
  const thing = pointed ?? pinned;
  tip.hidden = !thing;
  showGroup(thing?.group || group);
  if (!thing) return;
  const head = document.createElement("b");
  head.textContent = thing.name || thing.kind;
  const lines = thing.facts.filter(([, value]) => value !== "" && value !== thing.name).map(([key, value]) => {
    const line = document.createElement("div");
    line.textContent = `${key}: ${value}`;
    return line;
  });
  tip.replaceChildren(head, ...lines);
  const box = onScreen(thing), width = tip.offsetWidth, height = tip.offsetHeight;
  const x = Math.min(Math.max((box.left + box.right) / 2 + 14, 4), stage.clientWidth - width - 4);
  const above = box.top - height - 12;
  const y = above > 4 ? above : Math.min(box.bottom + 14, stage.clientHeight - height - 4);
  tip.style.transform = `translate(${Math.max(x, 4)}px, ${Math.max(y, 4)}px)`;
}

let shownGroup = "";
function showGroup(wanted) {
  if (wanted === shownGroup) return;
  picture.getElementById(shownGroup || " ")?.classList.remove("own");
  if (wanted) picture.getElementById(wanted)?.classList.add("own");
  shownGroup = wanted;
}

function pin(thing) {
  pinned = thing;
  pointed = null;
  for (const row of document.querySelectorAll("#table tr.hit")) row.classList.remove("hit");
  if (thing) document.querySelector(`#table tr[data-thing="${things.indexOf(thing)}"]`)?.classList.add("hit");
  changed();
}

function step(by, of = things) {
  if (!of.length) return;
  const at = of.indexOf(pinned);
  const next = of[at < 0 ? (by > 0 ? 0 : of.length - 1) : (at + by + of.length) % of.length];
  const box = onScreen(next);
  pin(next);
  if (box.left < 0 || box.right > stage.clientWidth || box.top < 0 || box.bottom > stage.clientHeight) goTo(next);
}

// ---- search

let stepped = false;  // whether Enter has gone to one of what was found

function matches(text) {  // those called exactly so first; what is said of things counts last
  const words = text.split(/\s+/).filter(Boolean), phrase = words.join(" ");
  if (!words.length) return [];
  const named = things.filter((thing) => plain(thing.name).includes(phrase));
  if (named.length) {
    const other = (thing) => Number(plain(thing.name) !== phrase);
    return named.sort((a, b) => other(a) - other(b));
  }
  return things.filter((thing) => words.every((word) => thing.text.includes(word)));
}

function search() {
  const text = plain(element("find").value);
  found = matches(text);
  stepped = false;
  element("found").textContent = !text.trim() ? "" : `${found.length || "none"} found`;
  const exact = found.length && plain(found[0].name) === text.trim();
  pin(found.length === 1 || exact ? found[0] : null);
}

function nextFound(by) {
  if (!found.length) return;
  const at = stepped ? found.indexOf(pinned) : -1;
  const next = found[at < 0 ? 0 : (at + by + found.length) % found.length];
  stepped = true;
  pin(next);
  goTo(next);
  element("found").textContent = `${found.indexOf(next) + 1} of ${found.length}`;
}

element("find").addEventListener("input", search);
element("find").addEventListener("keydown", (event) => {
  if (event.key === "Enter") nextFound(event.shiftKey ? -1 : 1);
  if (event.key === "Escape") { element("find").value = ""; search(); }
});

// ---- pointers, wheel, keys, buttons

const pointers = new Map();
let moved = 0;

function local(event) {
  const box = stage.getBoundingClientRect();
  return [event.clientX - box.left - stage.clientLeft, event.clientY - box.top - stage.clientTop];
}

stage.addEventListener("pointerdown", (event) => {
  if (event.button > 0) return;
  pointers.set(event.pointerId, local(event));
  if (pointers.size === 1) moved = 0;
});
stage.addEventListener("pointermove", (event) => {
  const now = local(event), before = pointers.get(event.pointerId);
  if (!before) {
    if (event.pointerType === "touch") return;
    const thing = nearest(...now, 12);
    if (thing !== pointed) { pointed = thing; changed(); }
    return;
  }
  const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
  if (others.length) {
    const [other] = others, far = (at) => Math.hypot(at[0] - other[0], at[1] - other[1]);
    zoom(far(now) / Math.max(far(before), 1), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  } else move(now[0] - before[0], now[1] - before[1]);
  moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
  if (moved > 4) {
    if (event.isTrusted) stage.setPointerCapture(event.pointerId);
    stage.classList.add("moving");
  }
  pointers.set(event.pointerId, now);
});
function released(event) {
  const wasDown = pointers.delete(event.pointerId);
  if (!pointers.size) stage.classList.remove("moving");
  if (event.type === "pointerup" && wasDown && moved <= 4 && !pointers.size) {
    const thing = nearest(...local(event), event.pointerType === "touch" ? 24 : 12);
    pin(thing === pinned ? null : thing);
  }
}
stage.addEventListener("pointerup", released);
stage.addEventListener("pointercancel", released);
stage.addEventListener("pointerleave", () => {
  if (pointed) { pointed = null; changed(); }
});
stage.addEventListener("wheel", (event) => {
  if (event.deltaY > 0 && view.scale <= least() * 1.001) return;  // then the page scrolls
  event.preventDefault();
  const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
  zoom(Math.exp(-Math.max(Math.min(pixels, 200), -200) * 0.0025), ...local(event));
}, { passive: false });
stage.addEventListener("dblclick", (event) => zoom(2, ...local(event)));

const KEYS = {
  "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: showAll,
  ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0),
  ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
  n: () => step(1), p: () => step(-1), Escape: () => { setGroup(""); pin(null); },
  "/": () => element("find").focus(),
};
stage.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});
element("in").addEventListener("click", () => zoom(1.6));
element("out").addEventListener("click", () => zoom(1 / 1.6));
element("all").addEventListener("click", showAll);

// ---- legend and table

function setGroup(wanted) {
  group = wanted;
  for (const button of document.querySelectorAll(".legend button")) {
    button.setAttribute("aria-pressed", String(button.dataset.group === group));
  }
  showTip();
}

for (const button of document.querySelectorAll(".legend button")) {
  button.addEventListener("click", () => {
    const off = button.dataset.group === group;
    pin(null);
    setGroup(off ? "" : button.dataset.group);
  });
}

function fromRow(event) {
  const row = event.target.closest("tr[data-thing]");
  if (!row || (event.type === "keydown" && event.key !== "Enter")) return;
  const thing = things[Number(row.dataset.thing)];
  if (!thing) return;
  pin(thing);
  goTo(thing);
  stage.scrollIntoView({ block: "nearest" });
}
element("table")?.addEventListener("click", fromRow);
element("table")?.addEventListener("keydown", fromRow);

// ---- page.html#find=NAME opens at a thing

function fromAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1)).get("find");
  if (!wanted) return;
  element("find").value = wanted;
  search();
  nextFound(1);
}

new ResizeObserver(resize).observe(element("viewer"));
resize();
fromAddress();
window.addEventListener("hashchange", fromAddress);
