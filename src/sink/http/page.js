// The live page. Two loops: one asks for the next frame as soon as the last is shown, the other
// asks for the statistics once a second. Both go on trying when the program is away.
"use strict";

const $ = (id) => document.getElementById(id);
const stage = $("stage"), picture = $("picture"), view = $("view"), divider = $("divider");
const ink = view.getContext("2d");
const narrow = matchMedia("(max-width: 700px)");

/** The newest frame: its bitmap holds the blurred picture above the restored one. */
let shot = null;
/** Part of the width that shows the blurred picture. */
let split = 0.5;
let mode = "divider";

// ---------------------------------------------------------------- pictures

function draw() {
  if (!shot) return;
  const { bitmap, width, height, step } = shot;
  const side = mode === "side", stacked = side && narrow.matches;
  const columns = side && !stacked ? 2 : 1, rows = stacked ? 2 : 1;
  if (view.width !== width * columns || view.height !== height * rows) {
    view.width = width * columns;
    view.height = height * rows;
  }
  stage.toggleAttribute("data-stacked", stacked);
  const part = (top, from, until, x, y) =>
    until > from && ink.drawImage(bitmap, from, top, until - from, height, x, y, until - from, height);
  if (side) {
    part(0, 0, width, 0, 0);
    part(step, 0, width, stacked ? 0 : width, stacked ? height : 0);
  } else {
    const edge = Math.round(width * split);
    part(0, 0, edge, 0, 0);
    part(step, edge, width, edge, 0);
  }
}

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
narrow.addEventListener("change", draw);

const follow = (event) => {
  const box = picture.getBoundingClientRect();
  moveDivider((event.clientX - box.left) / box.width);
};
picture.addEventListener("pointerdown", (event) => {
  if (mode !== "divider" || event.button !== 0) return;
  picture.setPointerCapture(event.pointerId);
  follow(event);
});
picture.addEventListener("pointermove", (event) => {
  if (picture.hasPointerCapture(event.pointerId)) follow(event);
});
divider.addEventListener("keydown", (event) => {
  const stride = event.shiftKey ? 0.1 : 0.02;
  const to = {
    ArrowLeft: split - stride, ArrowDown: split - stride,
    ArrowRight: split + stride, ArrowUp: split + stride,
    PageDown: split - 0.1, PageUp: split + 0.1, Home: 0, End: 1,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  moveDivider(to);
});

// ---------------------------------------------------------------- frames

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const decibels = (value) => `${value.toFixed(2)} dB`;
const ask = (path, seconds) => fetch(path, { cache: "no-store", signal: AbortSignal.timeout(seconds * 1000) });

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
  const answer = await ask(`/frame?after=${shot ? shot.number : 0}`, 15);
  if (!answer.ok) throw new Error(`the frame was answered with ${answer.status}`);
  if (answer.status === 204) return;
  const header = (name) => answer.headers.get(`x-deblurd-${name}`);
  const bitmap = await createImageBitmap(await answer.blob());
  const [width, height] = header("extent").split("x").map(Number);
  if (shot) shot.bitmap.close();
  shot = { bitmap, width, height, step: Number(header("step")), number: Number(header("number")) };
  countShown();
  draw();
  showPsnr(header("psnr"));
  $("empty").hidden = true;
}

function showPsnr(header) {
  const [before, after] = header ? header.split(" ").map(Number) : [];
  $("psnr-before").value = header ? decibels(before) : "";
  $("psnr-after").value = header ? decibels(after) : "";
  $("psnr-gain").value = header ? signed(after - before) : "–";
}
const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);

function setConnection(state, text) {
  const pill = $("connection");
  if (pill.dataset.state === state && pill.textContent === text) return;
  pill.dataset.state = stage.dataset.state = state;
  pill.textContent = text;
}

// A hidden page asks for nothing, so that nothing is encoded for it.
const visible = () => document.hidden
  ? new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }))
  : Promise.resolve();

async function watchFrames() {
  for (;;) {
    await visible();
    try {
      await takeFrame();
      setConnection(shot ? "live" : "waiting", shot ? "live" : "waiting for frames");
    } catch (error) {
      setConnection("lost", "connection lost, trying again");
      await pause(1000);
    }
  }
}

// ---------------------------------------------------------------- statistics

const number = (value) => value.toLocaleString("en", { maximumFractionDigits: 0 });
const ms = (value) => value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
const reasons = { overflow: "overtaken by a newer frame", unusable: "unusable", sink_failed: "output failed", sink_busy: "output busy", shutdown: "at the end" };

function dropsOf(books) {
  return Object.entries(books)
    .filter(([key, count]) => key.startsWith("dropped_") && count > 0)
    .map(([key, count]) => [key.slice("dropped_".length), count]);
}
const dropped = (books) => dropsOf(books).reduce((sum, [, count]) => sum + count, 0);

/** Delivered frames and times of the last few seconds. */
const delivered = [];
function perSecond(count, time) {
  if (delivered.length && (count < delivered[0].count || time < delivered[0].time)) delivered.length = 0;
  delivered.push({ count, time });
  if (delivered.length > 4) delivered.shift();
  const first = delivered[0];
  return time > first.time ? (count - first.count) / (time - first.time) : null;
}

function row(...cells) {
  const tr = document.createElement("tr");
  for (const cell of cells) {
    const td = tr.appendChild(document.createElement("td"));
    if (cell instanceof Node) td.append(cell);
    else td.textContent = cell;
  }
  return tr;
}

function bar(share) {
  const span = document.createElement("span");
  span.className = "bar";
  span.style.setProperty("--share", `${(share * 100).toFixed(1)}%`);
  return span;
}

function showStages(stages) {
  const longest = Math.max(1e-6, ...stages.map((stage) => stage.busy.p50_ms));
  $("stages").replaceChildren(...stages.map(({ name, busy }) => busy.count
    ? row(name, bar(busy.p50_ms / longest), `${ms(busy.p50_ms)} ms`, `${ms(busy.p99_ms)} ms`)
    : row(name, bar(0), "–", "–")));
}

function showBooks({ trunk, sinks }) {
  const line = (name, books) => {
    const tr = row(name, ...[books.entered, books.delivered, dropped(books), books.in_flight].map(number));
    tr.children[3].className = dropped(books) ? "bad" : "";
    tr.children[3].title = dropsOf(books).map(([key, count]) => `${number(count)} ${reasons[key] || key}`).join(", ");
    return tr;
  };
  $("books").replaceChildren(line("restoration", trunk), ...sinks.map((sink) => line(`to ${sink.name}`, sink.books)));
}

function showDrops({ trunk, sinks }, own) {
  const here = own ? [trunk, own.books] : [trunk];
  const why = here.flatMap(dropsOf);
  $("dropped").value = number(why.reduce((sum, [, count]) => sum + count, 0));
  const text = why.map(([key, count]) => `${number(count)} ${reasons[key] || key}`).join(", ");
  $("dropped-why").value = text || `of ${number(trunk.entered)} frames`;
}

async function takeState() {
  const state = await (await ask("/state", 5)).json();
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
    : "needs a known truth";
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
