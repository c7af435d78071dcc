// The live page. Two loops: one asks for the next frame as soon as the last is shown, the other
// asks for the statistics once a second. Both go on trying when the program is away.
"use strict";

const stage = $("stage"), picture = $("picture"), view = $("view"), divider = $("divider");
const ink = view.getContext("2d");
const narrow = matchMedia("(max-width: 700px)");

/** The newest frame: its bitmap holds the blurred picture above the restored one. */
let shot = null;
/** Whether the pair on the screen is kept while the world goes on. */
let frozen = false;
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
document.addEventListener("keydown", (event) => {
  if (event.key === "f" && !event.ctrlKey && !event.metaKey && !event.altKey) setFrozen(!frozen);
});

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
      else setConnection("live", "live");
    } catch (error) {
      if (frozen) continue;
      setConnection("lost", "connection lost, trying again");
      await pause(1000);
    }
  }
}

// ---------------------------------------------------------------- statistics

const number = (value) => value.toLocaleString("en", { maximumFractionDigits: 0 });
const ms = (value) => value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
const reasons = {
  overflow: "overtaken by a newer frame", unusable: "unusable", sink_failed: "output failed",
  sink_busy: "output was busy", deadline: "too late", shutdown: "at the end",
};

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

function bar(part) {
  const span = document.createElement("span");
  span.className = "bar";
  span.style.setProperty("--part", `${(part * 100).toFixed(1)}%`);
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
  const why = new Map();
  for (const [key, count] of here.flatMap(dropsOf)) why.set(key, (why.get(key) || 0) + count);
  $("dropped").value = number([...why.values()].reduce((sum, count) => sum + count, 0));
  const text = [...why].map(([key, count]) => `${number(count)} ${reasons[key] || key}`).join(", ");
  $("dropped-why").value = text || `of ${number(trunk.entered)} frames`;
}

const cameras = {
  starting: ["waiting", "Starting"], live: ["live", "Live"], silent: ["waiting", "Silent"],
  frozen: ["waiting", "Frozen"], absent: ["bad", "Absent"], failing: ["bad", "Failing"],
};
const efforts = { full: "Full", alternate: "Alternate", wiener: "Wiener only", passthrough: "None" };

function span(seconds) {
  const [unit, size] = seconds < 60 ? ["s", 1] : seconds < 3600 ? ["min", 60] : seconds < 86400 ? ["h", 3600] : ["days", 86400];
  return `${Math.floor(seconds / size)} ${unit}`;
}

function showCamera(source) {
  const [state, words] = cameras[source.state] || ["waiting", source.state];
  $("camera").textContent = words;
  $("camera").dataset.state = state;
  const counts = [["reopened", source.opened - 1], ["lost", source.gaps], ["damaged", source.errored]]
    .filter(([, count]) => count > 0).map(([what, count]) => `${what} ${number(count)}×`);
  $("camera-note").textContent = [source.problem, `for ${span(source.since_s)}`, ...counts].filter(Boolean).join(", ");
}

function showEffort(load) {
  $("effort").textContent = efforts[load.level] || load.level;
  $("effort").dataset.state = load.level === "full" ? "all" : "less";
  const heat = load.temperature_c === null ? [] : [`${load.temperature_c.toFixed(1)} °C`];
  const less = load.wiener + load.passthrough;
  $("effort-note").textContent = [...heat, less ? `${number(less)} frames with less` : "every frame in full"].join(", ");
}

/** Counts what restored frames; the picture of the PSF is asked for where it has changed. */
let restoration = 0;

function showRestoration(by, reload) {
  $("reload-note").hidden = !reload.problem;
  $("reload-note").textContent = reload.problem ? `last reload refused: ${reload.problem}` : "";
  if (!by) return;
  $("psf-name").textContent = by.is_tuned ? `${by.psf} (tuned)` : by.psf;
  const [columns, rows] = by.grid, grid = columns * rows > 1 ? `${columns} × ${rows} PSFs of ` : "";
  $("restoration-note").textContent = [
    `${grid}${by.extent.width} × ${by.extent.height}, width ${by.width.toFixed(2)}`, `noise ${by.sigma.toFixed(2)}${by.is_followed ? ", followed" : ""}`,
    `curve ${by.transfer}`, `model ${by.model}`, by.channels, ...(by.frames > 1 ? [`${by.frames} frames`] : []), by.backend,
  ].join(", ");
  const age = by.calibrated_at_s === null ? by.calibrated
    : `${span(Math.max(0, Date.now() / 1000 - by.calibrated_at_s))} ago`;
  const told = [by.trust, by.method && `by ${by.method}`, age].filter(Boolean).join(", ");
  const doubts = (by.doubts || []).map((doubt) => `; in doubt: ${doubt}`).join("");
  $("calibration-note").textContent = (told ? `calibration: ${told}` : "no calibration: as the configuration says") + doubts;
  if (by.number === restoration) return;
  restoration = by.number;
  $("psf").src = `psf.png?number=${by.number}`;
  $("psf").alt = `PSF ${by.psf}`;
  $("psf").hidden = false;
}

function showFusion(fusion) {
  $("fusion-note").hidden = !fusion;
  if (!fusion) return;
  $("fusion-note").textContent = `averaged over frames: ${(100 * fusion.at_rest).toFixed(0)} % of the frame rests, `
    + `noise ${fusion.noise_left.toFixed(2)} of a single frame's`;
}

const standings = {
  holds: "the calibration holds", watch: "the blur seems to change", stale: "the calibration is stale",
};

function showWatch(watch) {
  $("watch-note").hidden = !watch;
  if (!watch) return;
  $("watch-note").dataset.state = watch.standing;
  const percent = watch.scale === null ? null : 100 * (watch.scale - 1);
  const width = percent === null ? "" : `${percent < 0 ? "−" : "+"}${Math.abs(percent).toFixed(1)} % in width`;
  const seen = watch.told ? width || "not seen for long enough" : "nothing seen yet";
  $("watch-note").textContent = [standings[watch.standing] || watch.standing, watch.alarm, seen]
    .filter(Boolean).join(", ");
}

function showGuard(guard) {
  $("guard-note").hidden = !guard || !guard.held;
  if (!guard) return;
  $("guard-note").dataset.state = guard.newest > 0 ? "watch" : "holds";
  $("guard-note").textContent = `guard: ${(100 * guard.newest).toFixed(0)} % of the frame held back, `
    + `something of ${guard.held} of ${guard.looked} frames`;
}

function showFaults(faults) {
  $("faults-note").hidden = !faults || !(faults.frames || faults.striped);
  if (!faults) return;
  const told = [];
  if (faults.frames) told.push(`${faults.newest} hot or dead pixels mended`);
  if (faults.striped) {
    told.push(`stripes of ${faults.rows.toFixed(1)} (rows) and ${faults.columns.toFixed(1)} (columns) gray levels taken away`);
  }
  $("faults-note").textContent = told.join("; ");
}

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

// ---------------------------------------------------------------- latency plot

/** Seconds that are plotted. */
const PLOTTED = 120;
const hues = [200, 168, 45, 20, 330, 265, 100, 230, 0, 60];
const tint = (index) => `hsl(${hues[index % hues.length]} 62% 55%)`;

/** Mean time from capture to the end of each stage, second by second. */
const plotted = [];
let counted = new Map();

function plotLatency({ stages }, own, time) {
  const ends = stages.map(({ name, age }) => ({ name, ...age }));
  if (own) ends.push({ name: `to ${own.name}`, ...own.latency });
  if (plotted.length && time < plotted[plotted.length - 1].time) plotted.length = 0;
  const sums = new Map(ends.map(({ name, count, mean_ms }) => [name, { count, sum: count * mean_ms }]));
  const recent = ends.map(({ name }) => {
    const now = sums.get(name), before = counted.get(name);
    const frames = before ? now.count - before.count : 0;
    return frames > 0 ? (now.sum - before.sum) / frames : null;
  });
  if (counted.size) plotted.push({ time, names: ends.map(({ name }) => name), recent });
  counted = sums;
  while (plotted.length && plotted[0].time < time - PLOTTED) plotted.shift();
  drawPlot();
}

/** The greatest of 1, 2, 5, 10, … that is not less. */
function rounded(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-3)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= value);
}

function drawPlot() {
  const plot = $("plot"), last = plotted[plotted.length - 1];
  const scale = devicePixelRatio || 1, { width, height } = plot.getBoundingClientRect();
  plot.width = Math.round(width * scale);
  plot.height = Math.round(height * scale);
  const pen = plot.getContext("2d"), style = getComputedStyle(document.documentElement);
  pen.scale(scale, scale);
  const left = 44, bottom = height - 20, top = 8;
  const most = rounded(Math.max(1, ...plotted.flatMap(({ recent }) => recent.filter((ms) => ms !== null))));
  const shown = Math.ceil(Math.max(20, last ? last.time - plotted[0].time : 0));
  const x = (time) => width - (last ? last.time - time : 0) / shown * (width - left) - 1;
  const y = (value) => bottom - value / most * (bottom - top);
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  pen.fillStyle = style.getPropertyValue("--soft");
  pen.strokeStyle = style.getPropertyValue("--line");
  for (const part of [0, 0.5, 1]) {
    const at = Math.round(y(most * part)) + 0.5;
    pen.beginPath();
    pen.moveTo(left, at);
    pen.lineTo(width, at);
    pen.stroke();
    pen.textAlign = "right";
    pen.fillText(String(+(most * part).toPrecision(2)), left - 8, at + 4);
  }
  pen.textAlign = "left";
  pen.fillText(`${shown} s ago`, left, height - 4);
  pen.textAlign = "right";
  pen.fillText("now", width, height - 4);
  if (!last) return;
  // From the last stage to the first: each lies before what comes after it.
  for (let index = last.names.length - 1; index >= 0; index -= 1) {
    drawStage(pen, last.names[index], tint(index), x, y);
  }
  showLegend(last);
}

/** The area under a stage's line; broken where no frame came. */
function drawStage(pen, name, colour, x, y) {
  const panel = getComputedStyle(document.documentElement).getPropertyValue("--panel");
  const points = plotted.map(({ time, names, recent }) => ({ at: x(time), ms: recent[names.indexOf(name)] ?? null }));
  const runs = [[]];
  for (const point of points) {
    if (point.ms === null) runs.push([]);
    else runs[runs.length - 1].push(point);
  }
  for (const run of runs.filter(({ length }) => length)) {
    // A single second is a point, and seen as one.
    const line = run.length > 1 ? run : [{ at: run[0].at - 3, ms: run[0].ms }, run[0]];
    pen.beginPath();
    line.forEach(({ at, ms }) => pen.lineTo(at, y(ms)));
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    pen.stroke();
    pen.lineTo(line[line.length - 1].at, y(0));
    pen.lineTo(line[0].at, y(0));
    // What lies behind must not shine through.
    pen.fillStyle = panel;
    pen.fill();
    pen.fillStyle = colour.replace(")", " / .45)");
    pen.fill();
  }
  pen.lineWidth = 1;
}

function showLegend({ names, recent }) {
  const told = (value) => value === null ? "–" : `${ms(value)} ms`;
  $("legend").replaceChildren(...names.map((name, index) => {
    const item = document.createElement("li"), mark = document.createElement("i");
    mark.style.background = tint(index);
    item.append(mark, `${name} ${told(recent[index])}`);
    return item;
  }));
  const all = names.map((name, index) => `${name} ${told(recent[index])}`).join(", ");
  $("plot").setAttribute("aria-label", `Time from capture, second by second; now ${all}`);
}

addEventListener("resize", drawPlot);
matchMedia("(prefers-color-scheme: light)").addEventListener("change", drawPlot);
drawPlot();

// ---------------------------------------------------------------- tuning

const form = $("tune-form");

/** What is set, as the daemon takes it; what is as configured is left out. */
function wished() {
  const value = (name) => form.elements[name].value;
  const [family, size, angle] = ["family", "size", "angle"].map(value);
  const psf = family === "motion" ? `motion:${size},${angle}` : family && `${family}:${size}`;
  const wish = { psf, transfer: value("transfer"), model: value("model"), channels: value("channels") };
  const kept = Object.fromEntries(Object.entries(wish).filter(([, text]) => text));
  return value("sigma") === "" ? kept : { ...kept, sigma: Number(value("sigma")) };
}

function tellTuning(text, state = "") {
  $("tune-note").textContent = text;
  $("tune-note").dataset.state = state;
}

/** The models that the daemon has, once in the menu. */
function offerModels(models) {
  const menu = form.elements.model, known = new Set([...menu.options].map(({ value, text }) => value || text));
  for (const model of models) if (!known.has(model)) menu.add(new Option(model));
}

/** How sharp the restored picture is and how much it rings, as the daemon defines it. */
async function showFigures() {
  const answer = await ask("figures", 10);
  if (answer.status !== 200) return;
  const { sharpness, ringing } = await answer.json();
  $("sharpness").value = sharpness === null ? "–" : `${sharpness.toFixed(2)} times`;
  $("ringing").value = ringing === null ? "–" : `${(100 * ringing).toFixed(2)} %`;
}

async function watchFigures() {
  for (;;) {
    await visible();
    // What is not seen is not asked for, so that it is not computed.
    if ($("tune").open && !$("tune").hidden) await showFigures().catch(() => {});
    await pause(1000);
  }
}

/** Counts wishes: only what became of the newest is told. */
let wishes = 0;

async function tune(wish) {
  const own = ++wishes;
  $("tune-keep").disabled = true;
  tellTuning("it is tried");
  try {
    const metrics = await settled("tune", wish, () => own === wishes);
    if (!metrics) return;
    const { is_tuned: tuned } = metrics.restoration;
    $("tune-keep").disabled = !tuned;
    tellTuning(tuned ? "restored so for now" : "as the configuration has it");
    await showFigures();
  } catch (error) {
    if (own === wishes) tellTuning(error.message, "bad");
  }
}

/** The keys for whoever wants to keep them. */
function showLines(wish) {
  const lines = Object.entries(wish).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  $("tune-lines").hidden = !lines.length;
  $("tune-lines").textContent = lines.length ? `[restore]\n${lines.join("\n")}` : "";
}

let typed = 0;
form.addEventListener("input", () => {
  for (const name of ["size", "angle"]) form.elements[`${name}-told`].value = form.elements[name].value;
  clearTimeout(typed);
  typed = setTimeout(() => {
    const wish = wished();
    showLines(wish);
    tune(wish);
  }, 250);
});
form.addEventListener("submit", (event) => event.preventDefault());
$("tune-back").addEventListener("click", () => {
  form.reset();
  showLines({});
  tune({});
});
$("tune-keep").addEventListener("click", async () => {
  $("tune-keep").disabled = true;
  tellTuning("it is tried, and written");
  try {
    const answer = await post("tune/keep", wished());
    const text = (await answer.text()).trim();
    if (!answer.ok) return tellTuning(`${text}. To write by hand:`, "bad");
    // What is written is what serves: the wish is not needed any more.
    form.reset();
    showLines({});
    await tune({});
    tellTuning(text, "good");
  } catch (error) {
    tellTuning(`nothing is known of it: ${error.message}`, "bad");
  }
});

watchFrames();
watchState();
watchFigures();
