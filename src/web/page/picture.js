// The picture on the stage: before and after in one canvas, fitted in, or zoomed and moved about.
//
// Fitted in, the canvas has the pixels of the frame and the browser scales it. Zoomed, it has those of
// the screen, and each pane draws the part that is looked at.
"use strict";

const stage = $("stage"), picture = $("picture"), view = $("view"), divider = $("divider");
const ink = view.getContext("2d");
const narrow = matchMedia("(max-width: 700px) and (orientation: portrait)");

/** The newest frame: its bitmap holds the blurred picture above the restored one. */
let shot = null;
/** Part of the width that shows the blurred picture. */
let split = 0.5;
let mode = "divider";
/** How the picture is looked at: pixels of the screen a sample, 0 where it is fitted in; and which point
 *  of it, from 0 to 1, is in the middle. */
const sight = { scale: 0, x: 0.5, y: 0.5 };
const SCALE_MAX = 32, ZOOM_STEP = 1.25;

/** Panes beside and below each other. */
function panes() {
  const isSide = mode === "side", isStacked = isSide && narrow.matches;
  return { isSide, isStacked, columns: isSide && !isStacked ? 2 : 1, rows: isStacked ? 2 : 1 };
}

/** A pane and the picture in it, in pixels of the screen. */
function placed() {
  const { columns, rows } = panes(), ratio = devicePixelRatio || 1;
  const across = Math.max(1, Math.round(view.clientWidth * ratio / columns));
  const down = Math.max(1, Math.round(view.clientHeight * ratio / rows));
  const fit = across / shot.width, scale = sight.scale || fit;
  const within = (at, size, room) => size <= room ? 0.5 : Math.min(1 - room / size / 2, Math.max(room / size / 2, at));
  sight.x = within(sight.x, shot.width * scale, across);
  sight.y = within(sight.y, shot.height * scale, down);
  return {
    across, down, fit, scale, left: across / 2 - sight.x * shot.width * scale, top: down / 2 - sight.y * shot.height * scale,
  };
}

function draw() {
  if (!shot) return;
  const { width, height, step } = shot, { isSide, isStacked, columns, rows } = panes();
  stage.toggleAttribute("data-stacked", isStacked);
  stage.style.setProperty("--aspect", width * columns / (height * rows));
  const at = sight.scale ? placed() : { across: width, down: height, scale: 1, left: 0, top: 0 };
  if (view.width !== at.across * columns || view.height !== at.down * rows) {
    view.width = at.across * columns;
    view.height = at.down * rows;
  }
  ink.fillStyle = "#05080c";
  ink.fillRect(0, 0, view.width, view.height);
  // Where samples are seen one by one they stay squares.
  ink.imageSmoothingEnabled = at.scale < 2;
  if (isSide) {
    drawPane(at, 0, 0, at.across, 0, 0);
    drawPane(at, step, 0, at.across, isStacked ? 0 : at.across, isStacked ? at.down : 0);
  } else {
    const edge = Math.round(at.across * split);
    drawPane(at, 0, 0, edge, 0, 0);
    drawPane(at, step, edge, at.across, 0, 0);
  }
}

/** Draws the picture that begins in row `row` of the bitmap into columns of a pane. */
function drawPane({ down, scale, left, top }, row, from, until, x, y) {
  if (until <= from) return;
  const { bitmap, width, height } = shot;
  ink.save();
  ink.beginPath();
  ink.rect(x + from, y, until - from, down);
  ink.clip();
  ink.drawImage(bitmap, 0, row, width, height, x + left, y + top, width * scale, height * scale);
  ink.restore();
}

// ---------------------------------------------------------------- zoom

/** Looks at the picture at so many pixels of the screen a sample; what is at a point of the window stays. */
function zoom(to, point) {
  if (!shot) return;
  const { across, down, scale, left, top } = placed(), box = view.getBoundingClientRect();
  const ratio = devicePixelRatio || 1;
  const x = point ? (point.clientX - box.left) * ratio % across : across / 2;
  const y = point ? (point.clientY - box.top) * ratio % down : down / 2;
  const wanted = Math.min(SCALE_MAX, to);
  sight.x = ((x - left) / scale * wanted + across / 2 - x) / (wanted * shot.width);
  sight.y = ((y - top) / scale * wanted + down / 2 - y) / (wanted * shot.height);
  sight.scale = wanted;
  showLook();
}

function zoomBy(factor, point) {
  if (!shot) return;
  const { fit, scale } = placed(), least = Math.min(fit, 1), to = Math.max(least, scale * factor);
  // On the way out it stops where all of it is seen.
  if (Math.abs(to / fit - 1) < 0.02 || (factor < 1 && scale > fit && to < fit)) fitIn();
  else zoom(to, point);
}

function fitIn() {
  Object.assign(sight, { scale: 0, x: 0.5, y: 0.5 });
  showLook();
}

/** Moves the picture by so many pixels of the window. */
function pan(dx, dy) {
  if (!shot || !sight.scale) return;
  const ratio = devicePixelRatio || 1;
  sight.x -= dx * ratio / (shot.width * sight.scale);
  sight.y -= dy * ratio / (shot.height * sight.scale);
  draw();
}

function showLook() {
  stage.toggleAttribute("data-zoomed", sight.scale > 0);
  $("fit").setAttribute("aria-pressed", !sight.scale);
  $("actual").setAttribute("aria-pressed", sight.scale === 1);
  $("zoom").value = sight.scale ? `${Math.round(100 * sight.scale)} %` : "";
  draw();
}

$("fit").addEventListener("click", fitIn);
$("actual").addEventListener("click", () => zoom(1));
$("closer").addEventListener("click", () => zoomBy(ZOOM_STEP));
$("farther").addEventListener("click", () => zoomBy(1 / ZOOM_STEP));
picture.addEventListener("wheel", (event) => {
  // The wheel alone scrolls the page, where there is one to scroll.
  if (!event.ctrlKey && !event.metaKey && !document.fullscreenElement) return;
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), event);
}, { passive: false });
picture.addEventListener("dblclick", (event) => sight.scale ? fitIn() : zoom(Math.max(1, 2 * placed().fit), event));
narrow.addEventListener("change", draw);
new ResizeObserver(draw).observe(picture);

// ---------------------------------------------------------------- divider, fingers and the mouse

function moveDivider(to) {
  split = Math.min(1, Math.max(0, to));
  const percent = Math.round(split * 100);
  divider.style.left = `${split * 100}%`;
  divider.setAttribute("aria-valuenow", percent);
  divider.setAttribute("aria-valuetext", `${percent} percent before`);
  draw();
}

function setMode(to) {
  mode = to;
  stage.dataset.mode = to;
  view.setAttribute("aria-label", to === "side"
    ? "The blurred picture, then the restored one"
    : "Blurred on the left of the divider, restored on the right");
  $("mode-divider").setAttribute("aria-pressed", to === "divider");
  $("mode-side").setAttribute("aria-pressed", to === "side");
  draw();
}

$("mode-divider").addEventListener("click", () => setMode("divider"));
$("mode-side").addEventListener("click", () => setMode("side"));

/** What presses the picture now, by its number: where it is, and whether it holds the divider. */
const pressed = new Map();
const distance = ([a, b]) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
const middle = ([a, b]) => ({ clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 });

function follow({ clientX }) {
  const box = view.getBoundingClientRect();
  moveDivider((clientX - box.left) / box.width);
}

picture.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || event.target.closest("a, button")) return;
  picture.setPointerCapture(event.pointerId);
  const { clientX, clientY } = event;
  const isDivider = mode === "divider" && (divider.contains(event.target) || !sight.scale);
  pressed.set(event.pointerId, { clientX, clientY, isDivider });
  if (isDivider && pressed.size === 1) follow(event);
});
picture.addEventListener("pointermove", (event) => {
  const from = pressed.get(event.pointerId);
  if (!from) return;
  const { clientX, clientY } = event, before = [...pressed.values()];
  pressed.set(event.pointerId, { clientX, clientY, isDivider: from.isDivider });
  if (pressed.size === 2) {
    const now = [...pressed.values()];
    const [was, is] = [middle(before), middle(now)];
    pan(is.clientX - was.clientX, is.clientY - was.clientY);
    zoomBy(distance(now) / Math.max(1, distance(before)), is);
  } else if (from.isDivider) follow(event);
  else pan(clientX - from.clientX, clientY - from.clientY);
});
for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
  picture.addEventListener(kind, (event) => pressed.delete(event.pointerId));
}
divider.addEventListener("keydown", (event) => {
  const stride = event.shiftKey ? 0.1 : 0.02;
  const to = {
    ArrowLeft: split - stride, ArrowDown: split - stride,
    ArrowRight: split + stride, ArrowUp: split + stride,
    PageDown: split - 0.1, PageUp: split + 0.1, Home: 0, End: 1,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  moveDivider(to);
});

// ---------------------------------------------------------------- full screen

// Where the browser does not allow it the page goes on as it is.
const toggleFull = () => (document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen()).catch(() => {});
$("full").hidden = !document.fullscreenEnabled;
$("full").addEventListener("click", toggleFull);
document.addEventListener("fullscreenchange", () => {
  $("full").textContent = document.fullscreenElement ? "Leave full screen" : "Full screen";
});
