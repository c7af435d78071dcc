// The figures below the picture, as the state tells them.
"use strict";

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
/** What is done less to frames at the levels of the ladder. */
const lessened = {
  alternate: "networks on every second frame", wiener: "Wiener filter alone", passthrough: "frames as captured",
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
