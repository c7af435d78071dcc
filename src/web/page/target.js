// The target on a second screen: every cell is as many whole pixels of the screen as there is room for.
"use strict";

const $ = (id) => document.getElementById(id);
const shows = ["target", "white", "black", "ramp"];
/** Milliseconds after which only the picture is left. */
const QUIET = 4000;

function place() {
  const target = $("target"), ramp = $("ramp"), scale = devicePixelRatio || 1;
  const width = Math.floor(innerWidth * scale), height = Math.floor(innerHeight * scale);
  const columns = target.naturalWidth, rows = target.naturalHeight;
  if (columns) {
    // A screen with fewer pixels than there are cells cannot show them.
    const cell = Math.max(1, Math.floor(Math.min(width / columns, height / rows)));
    target.dataset.cell = cell;
    target.style.width = `${cell * columns / scale}px`;
    target.style.height = `${cell * rows / scale}px`;
    target.style.left = `${Math.floor((width - cell * columns) / 2) / scale}px`;
    target.style.top = `${Math.floor((height - cell * rows) / 2) / scale}px`;
  }
  ramp.width = width;
  ramp.height = 1;
  const ink = ramp.getContext("2d"), line = ink.createImageData(width, 1);
  for (let x = 0; x < width; x += 1) {
    line.data.fill(Math.round(255 * x / Math.max(1, width - 1)), 4 * x, 4 * x + 3);
    line.data[4 * x + 3] = 255;
  }
  ink.putImageData(line, 0, 0);
}

let hush = 0;
function speak() {
  delete document.body.dataset.quiet;
  clearTimeout(hush);
  hush = setTimeout(() => { document.body.dataset.quiet = ""; }, QUIET);
}

function show(what) {
  document.body.dataset.show = what;
  history.replaceState(null, "", `${location.pathname}?show=${what}`);
}

function step(by) {
  const at = shows.indexOf(document.body.dataset.show);
  show(shows[(at + by + shows.length) % shows.length]);
}

// Where the browser does not allow it the page goes on as it is.
const toggleFull = () => (document.fullscreenElement
  ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => {});
// The screen must not go dark before the camera; browsers allow it on safe connections only.
const stayAwake = () => navigator.wakeLock?.request("screen").catch(() => {});

document.body.addEventListener("click", () => step(1));
$("full").addEventListener("click", (event) => {
  event.stopPropagation();
  toggleFull();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const by = { " ": 1, Enter: 1, ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1, Backspace: -1 }[event.key];
  const named = shows[Number(event.key) - 1];
  if (event.key === "f") toggleFull();
  else if (by) step(by);
  else if (named) show(named);
  else return;
  event.preventDefault();
});
addEventListener("pointermove", speak);
addEventListener("resize", place);
document.addEventListener("visibilitychange", () => document.hidden || stayAwake());
$("target").addEventListener("load", place);

const wanted = new URLSearchParams(location.search).get("show");
show(shows.includes(wanted) ? wanted : "target");
place();
speak();
stayAwake();
