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

function names(room, near) {  // inside a box of the stage
  const seen = things.filter((thing) => {
    if (!thing.named || !thing.name) return false;
    const box = onScreen(thing);
    return box.right > room.left && box.left < room.right && box.bottom > room.top && box.top < room.bottom;
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
  for (const thing of seen) {
    if (thing.isBar) continue;
    const { left, top } = onScreen(thing);
    keep([left - 3, top - 3, left + 3, top + 3], thing);
  }
  let written = 0;
  for (const thing of [...seen].sort((a, b) => found.includes(b) - found.includes(a))) {
    const text = short(thing.name, 24), size = widthOf(text), box = onScreen(thing);
    if (thing.isBar) {
      const left = Math.max(box.left, room.left), right = Math.min(box.right, room.right);
      const top = Math.max(box.top, room.top), bottom = Math.min(box.bottom, room.bottom);
      if (right - left < size + 2 || bottom - top < 11) continue;
      add("text", { class: "inside", x: (left + right) / 2, y: (top + bottom) / 2 }, text);
      continue;
    }
    const away = 5 + Math.min(near, 3), [west, north, east, south] = thing.frame.place ?? thing.frame;
    const frame = onScreen({ left: west, top: north, right: east, bottom: south });
    for (const [x, y] of [
      [box.left + away, box.top + 4], [box.left - away - size, box.top + 4],
      [box.left - size / 2, box.top - away], [box.left - size / 2, box.top + away + 9],
    ]) {
      const place = [x, y - 10, x + size, y + 3];
      if (place[0] < Math.max(frame.left, room.left) || place[2] > Math.min(frame.right, room.right)) continue;
      if (place[1] < Math.max(frame.top, room.top) || place[3] > Math.min(frame.bottom, room.bottom)) continue;
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

const RULER = 34;  // pixels of the numbers and the label below a chart
const LABEL = 16;  // pixels of the label of the upward axis above it
const SMALL = 1.1;  // pixels a unit below which the picture's own ticks cannot be read
const LEGIBLE = 1.1;  // the same of panels, which keep their own ticks

function widest({ names: named, span }) {  // pixels of the names of an axis
  const texts = named.length ? named.map(([, text]) => short(text, 12)) : span.map((v) => v.toPrecision(3));
  return Math.min(Math.max(...texts.map(widthOf)) + 8, 90);
}

function rulers(near) {  // the box that they leave
  const width = stage.clientWidth, height = stage.clientHeight;
  if (data.axes.length !== 1 || (near < 1.02 && view.scale > SMALL)) {
    return { left: 0, top: 0, right: width, bottom: height };
  }
  const { box, x, y } = data.axes[0];
  const left = Math.max(onScreen({ left: box[0] }).left, 0);
  const right = Math.min((box[2] - view.x) * view.scale, width);
  const heading = y.label ? LABEL : 0;
  const top = Math.max((box[1] - view.y) * upwards(), heading);
  const bottom = Math.min((box[3] - view.y) * upwards(), height);
  const at = (share) => (box[0] + share * (box[2] - box[0]) - view.x) * view.scale;
  const up = (share) => (box[3] - share * (box[3] - box[1]) - view.y) * upwards();
  const share = (px) => (px / view.scale + view.x - box[0]) / (box[2] - box[0]);
  const raised = (py) => (box[3] - py / upwards() - view.y) / (box[3] - box[1]);
  const low = Math.min(bottom, height - RULER), rows = ticks(y, raised(low), raised(top), low - top);
  const visible = rows.filter(([k]) => up(k) >= top && up(k) <= low);
  const wide = Math.min(Math.max(...visible.map(([, text]) => widthOf(short(text, 12))), 0) + 8, 90);
  add("rect", { class: "ruler", x: 0, y: low, width, height: height - low });
  add("rect", { class: "ruler", x: 0, y: 0, width: Math.max(wide, left), height: low });
  if (heading) {
    add("rect", { class: "ruler", x: 0, y: 0, width, height: top - 1 });
    add("text", { class: "tick", x: 4, y: 12 }, y.label);
  }
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
  return { left: Math.max(wide, left), top, right: width, bottom: low };
}
