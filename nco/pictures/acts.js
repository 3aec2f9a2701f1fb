// ---- what is there: shown at the pointer, kept by a click or tap

function nearest(px, py, most) {
  const x = px / view.scale + view.x, y = py / upwards() + view.y;
  let best = null, least = (most / view.scale) ** 2;
  for (const thing of things) {
    const dx = Math.max(thing.left - x, 0, x - thing.right);
    const dy = Math.max(thing.top - y, 0, y - thing.bottom) * view.tall;
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
  const told = things.filter((thing) => `${thing.text} `.includes(`${phrase} `));
  if (told.length) return told;
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
