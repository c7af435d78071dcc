// The live page. Two loops: one asks for the next frame as soon as the last is shown, the other
// asks for the statistics once a second. Both go on trying when the program is away.
"use strict";

/** Whether the pair on the screen is kept while the world goes on. */
let frozen = false;

// ---------------------------------------------------------------- frames

const decibels = (value) => `${value.toFixed(2)} dB`;

const shownAt = [];
function countShown() {
  const now = performance.now();
  shownAt.push(now);
  while (shownAt[0] < now - 2000) shownAt.shift();
}
function shownPerSecond() {
  const recent = shownAt.filter((at) => at > performance.now() - 2000);
  const time = recent.length > 1 ? recent[recent.length - 1] - recent[0] : 0;
  return time > 0 ? (recent.length - 1) * 1000 / time : 0;
}

async function takeFrame() {
  const next = await nextFrame(shot ? shot.number : 0);
  // What was asked for before the picture was held comes too late.
  if (!next) return;
  if (frozen) return next.bitmap.close();
  if (shot) shot.bitmap.close();
  shot = next;
  countShown();
  draw();
  showPsnr(shot.psnr);
  markPicture(shot);
  showTaken();
  $("empty").hidden = true;
  for (const side of ["before", "after"]) $(`save-${side}`).disabled = false;
}

function showTaken() {
  const time = new Date(shot.taken * 1000).toLocaleTimeString();
  const what = shot.standIn ? "stand-in" : `frame ${shot.sequence}`;
  $("shown").value = `${what}, taken at ${time}${frozen ? ", frozen" : ""}`;
}

function showPsnr(header) {
  const [before, after] = header ? header.split(" ").map(Number) : [];
  $("psnr-before").value = header ? decibels(before) : "";
  $("psnr-after").value = header ? decibels(after) : "";
  $("psnr-gain").value = header ? signed(after - before) : "–";
  for (const id of ["psnr-after", "psnr-gain"]) $(id).dataset.state = header && after < before ? "worse" : "";
}
const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);

/** What is done less to frames now, and before the newest state nothing is known of. */
let overload = "";

/** Marks a picture that is not what it should be, on itself. */
function markPicture({ standIn, effort, isDegraded }) {
  const lesser = { wiener: "Wiener filter alone", passthrough: "as captured" }[effort];
  const text = standIn ? "stand-in: no picture comes from the camera" : isDegraded ? "a step failed" : lesser || "";
  $("mark").hidden = !text;
  $("mark").textContent = text;
}

function setConnection(state, text) {
  const pill = $("connection");
  if (pill.dataset.state === state && pill.textContent === text) return;
  pill.dataset.state = stage.dataset.state = state;
  pill.textContent = text;
}

/** Resolved when the picture is let go again. */
let resume = () => {};

function setFrozen(to) {
  if (to && !shot) return;
  frozen = to;
  $("freeze").setAttribute("aria-pressed", to);
  $("freeze").textContent = to ? "Resume" : "Freeze";
  if (shot) showTaken();
  if (to) setConnection("frozen", "frozen");
  else resume();
}
$("freeze").addEventListener("click", () => setFrozen(!frozen));

/** Saves one picture of the pair on the screen, which is held so that the other is of the same frame. */
async function save(side) {
  setFrozen(true);
  const { bitmap, width, height, step, sequence } = shot;
  const copy = new OffscreenCanvas(width, height);
  copy.getContext("2d").drawImage(bitmap, 0, side === "before" ? 0 : step, width, height, 0, 0, width, height);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await copy.convertToBlob({ type: "image/png" }));
  link.download = `deblurd-${sequence}-${side}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
for (const side of ["before", "after"]) $(`save-${side}`).addEventListener("click", () => save(side));

// While the picture is held nothing is asked for, so that nothing is encoded for it.
const released = () => frozen ? new Promise((done) => { resume = done; }) : Promise.resolve();

async function watchFrames() {
  for (;;) {
    await visible();
    await released();
    try {
      await takeFrame();
      if (frozen) continue;
      if (!shot) setConnection("waiting", "waiting for frames");
      else if (shot.standIn) setConnection("waiting", "waiting for the camera");
      else setConnection("live", overload ? `live, overloaded: ${overload}` : "live");
      $("connection").toggleAttribute("data-less", overload !== "");
    } catch (error) {
      if (frozen) continue;
      setConnection("lost", "connection lost, trying again");
      await pause(1000);
    }
  }
}

// ---------------------------------------------------------------- keys

const PAN_STEP = 60;
/** What keys do; the list of them on the page is held to this by a test. */
const keys = {
  " ": () => setFrozen(!frozen),
  f: toggleFull,
  d: () => setMode(mode === "side" ? "divider" : "side"),
  0: fitIn,
  1: () => zoom(1),
  "+": () => zoomBy(ZOOM_STEP),
  "-": () => zoomBy(1 / ZOOM_STEP),
  ArrowLeft: () => pan(PAN_STEP, 0),
  ArrowRight: () => pan(-PAN_STEP, 0),
  ArrowUp: () => pan(0, PAN_STEP),
  ArrowDown: () => pan(0, -PAN_STEP),
  s: () => shot && save("after"),
  l: () => $("lossless-after").click(),
  "?": () => $("keys").showModal(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTaken = event.target.closest("input, select, textarea, dialog")
    || (event.key === " " && event.target.closest("button, summary, a"))
    || (event.key.startsWith("Arrow") && !sight.scale);
  const action = isTaken ? undefined : keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
$("show-keys").addEventListener("click", () => $("keys").showModal());
$("hide-keys").addEventListener("click", () => $("keys").close());

// ---------------------------------------------------------------- statistics

async function takeState() {
  const state = await (await ask("state", 5)).json();
  const { metrics, stream } = state;
  const own = metrics.sinks.find((sink) => sink.name === state.sink);
  const rate = perSecond(metrics.trunk.delivered, state.uptime_s);
  $("fps").value = rate === null ? "–" : rate.toFixed(1);
  $("fps-shown").value = shownPerSecond().toFixed(1);
  $("latency-p50").value = own && own.latency.count ? ms(own.latency.p50_ms) : "–";
  $("latency-p99").value = own && own.latency.count ? ms(own.latency.p99_ms) : "–";
  const mean = metrics.psnr_db;
  $("psnr-note").textContent = mean
    ? `mean ${mean.blurred.toFixed(2)} to ${mean.restored.toFixed(2)} dB PSNR`
    : "known only where the blur is simulated";
  showCamera(metrics.source);
  showEffort(metrics.load);
  overload = lessened[metrics.load.level] || "";
  showRestoration(metrics.restoration, metrics.reload);
  showFusion(metrics.fusion);
  showFaults(metrics.faults);
  showGuard(metrics.guard);
  showWatch(metrics.watch);
  $("tune").hidden = !state.tunable;
  offerModels(state.models);
  plotLatency(metrics, own, state.uptime_s);
  showDrops(metrics, own);
  showStages(metrics.stages);
  showBooks(metrics);
  $("stream").value = stream
    ? `${stream.extent.width} × ${stream.extent.height}, ${+stream.frames_per_second.toFixed(2)} frames a second offered`
    : "–";
  $("version").value = `${state.program} ${state.version}`;
}

async function watchState() {
  for (;;) {
    await visible();
    // The frame loop tells when the connection is lost.
    await takeState().catch(() => {});
    await pause(1000);
  }
}

watchFrames();
watchState();
watchFigures();
