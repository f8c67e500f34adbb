// A stretch of time: from the bar that was pressed to the one where it is let go. A plain click follows the bar's link.

const drawing = document.querySelector(".bars svg");
const STEP = 10;
const WIDTH = 9;

let from = null;
let span = null;

function place(event) {
  const box = drawing.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * drawing.viewBox.baseVal.width;
  return Math.floor(x / STEP) * STEP;
}

function end() {
  span?.remove();
  from = span = null;
}

// The first bar's link begins where the stretch does, the last one's ends there: no time is reckoned here.
function list(bars) {
  const [first, last] = [bars.at(0), bars.at(-1)].map((bar) => new URL(bar.href.baseVal, location.href));
  const until = last.searchParams.get("until");
  if (until === null) first.searchParams.delete("until");
  else first.searchParams.set("until", until);
  return first;
}

function moved(event) {
  if (from === null) return;
  if (!(event.buttons & 1)) {
    end();
    return;
  }
  const to = place(event);
  if (!span) {
    if (to === from) return;
    span = document.createElementNS(drawing.namespaceURI, "rect");
    span.setAttribute("class", "span");
    span.setAttribute("height", drawing.viewBox.baseVal.height);
    drawing.append(span);
    // Also outside of the drawing; and what is let go over a bar is no click on it.
    drawing.setPointerCapture(event.pointerId);
  }
  span.setAttribute("x", Math.min(from, to));
  span.setAttribute("width", Math.abs(to - from) + WIDTH);
}

function released(event) {
  if (!span) {
    end();
    return;
  }
  const ends = [from, place(event)].sort((one, other) => one - other);
  const within = [...drawing.querySelectorAll("a")].filter((bar) => {
    const x = Number(bar.querySelector("rect").getAttribute("x"));
    return ends[0] <= x && x <= ends[1];
  });
  end();
  if (within.length) location.assign(list(within));
}

if (drawing) {
  document.querySelector("[data-drag]").hidden = false;
  drawing.addEventListener("dragstart", (event) => event.preventDefault());
  drawing.addEventListener("pointerdown", (event) => {
    const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    from = event.button === 0 && plain ? place(event) : null;
  });
  drawing.addEventListener("pointermove", moved);
  drawing.addEventListener("pointerup", released);
  drawing.addEventListener("pointercancel", end);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") end(); });
}
