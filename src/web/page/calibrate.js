// The page of the calibration. One loop shows frames, the other asks how far it is; whoever asks
// counts as looking, so that the daemon looks for the target while this page is open.
"use strict";

const view = $("view"), overlay = $("overlay");
/** Milliseconds between two questions how far it is. */
const EVERY = 250;
const colours = { full: "#35c48d", part: "#f0b35a", none: "#f07a72" };

/** What the daemon told last, and the number of what was found of which the pictures are shown. */
let told = null, shown = 0, frame = 0;

// ---------------------------------------------------------------- the picture

async function watchFrames() {
  for (;;) {
    await visible();
    try {
      const next = await nextFrame(frame);
      if (!next) continue;
      const { bitmap, width, height, number } = next;
      frame = number;
      if (view.width !== width || view.height !== height) [view.width, view.height] = [width, height];
      view.getContext("2d").drawImage(bitmap, 0, 0, width, height, 0, 0, width, height);
      bitmap.close();
      $("empty").hidden = true;
    } catch (error) {
      await pause(1000);
    }
  }
}

/** What is seen of a part of the frame, as a traffic light. */
function light(index) {
  const covered = told.covered[index] || 0, seen = told.seen[index] || 0;
  if (covered >= 1) return "full";
  return covered >= 0.25 || seen >= 0.25 ? "part" : "none";
}

/** Corners, outline and lights, in pixels of the screen whatever the frame's. */
function drawOverlay() {
  const scale = devicePixelRatio || 1, { width, height } = overlay.getBoundingClientRect();
  overlay.width = Math.round(width * scale);
  overlay.height = Math.round(height * scale);
  if (!told || !told.extent) return;
  const pen = overlay.getContext("2d"), good = !told.hints.length;
  const x = (at) => (at + 0.5) / told.extent.width * overlay.width;
  const y = (at) => (at + 0.5) / told.extent.height * overlay.height;
  pen.lineWidth = 2 * scale;
  pen.strokeStyle = good ? colours.full : colours.part;
  if (told.outline.length === 4) {
    pen.beginPath();
    told.outline.forEach(([left, top]) => pen.lineTo(x(left), y(top)));
    pen.closePath();
    pen.stroke();
  }
  pen.fillStyle = pen.strokeStyle;
  for (const [left, top] of told.corners) {
    pen.beginPath();
    pen.arc(x(left), y(top), 3 * scale, 0, 2 * Math.PI);
    pen.fill();
  }
  drawLights(pen, scale);
}

function drawLights(pen, scale) {
  const [columns, rows] = told.lights;
  for (let index = 0; index < columns * rows; index += 1) {
    const column = index % columns, row = Math.floor(index / columns);
    const [left, top] = [column / columns * overlay.width, row / rows * overlay.height];
    pen.lineWidth = scale;
    pen.strokeStyle = "rgb(255 255 255 / .35)";
    pen.strokeRect(left, top, overlay.width / columns, overlay.height / rows);
    pen.beginPath();
    pen.arc(left + 14 * scale, top + 14 * scale, 7 * scale, 0, 2 * Math.PI);
    pen.fillStyle = colours[light(index)];
    pen.fill();
    pen.lineWidth = 1.5 * scale;
    pen.strokeStyle = "rgb(0 0 0 / .6)";
    pen.stroke();
  }
}

// ---------------------------------------------------------------- how far it is

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function showProgress() {
  const { phase, frames, frames_max: most, hints, covered } = told;
  const gathering = phase === "gathering", estimating = phase === "estimating";
  const busy = gathering || estimating;
  $("start").hidden = $("grid").disabled = busy;
  $("cancel").hidden = !busy;
  $("enough").hidden = !gathering || !frames;
  const bar = $("progress");
  bar.hidden = !busy;
  bar.max = most || 16;
  if (gathering) bar.value = frames;
  else bar.removeAttribute("value");
  const full = covered.filter((share) => share >= 1).length;
  $("told").value = estimating ? "finding the blur; the stream goes on"
    : gathering ? `${frames} of ${most} frames, ${full} of ${covered.length} parts covered` : "";
  const found = told.outline.length === 4;
  const words = estimating ? ["finding the blur"] : hints.length ? hints
    : [!found ? "looking for the target" : gathering ? "hold still" : "the target is seen well: press Start"];
  $("hints").textContent = sentence(words.join("; "));
  $("hints").dataset.state = estimating || (found && !hints.length) ? "good" : "waiting";
  $("problem").hidden = !told.problem;
  $("problem").textContent = sentence(told.problem);
}

function showFound() {
  const { found, file, saved, phase } = told;
  $("found").hidden = !found;
  if (!found) return;
  const busy = phase === "gathering" || phase === "estimating";
  $("use").disabled = busy;
  $("save").disabled = busy || !file;
  $("file").textContent = saved ? sentence(saved) : file ? `Save writes ${file}`
    : "Nowhere to save: the configuration names no file ([calibrate] file = \"camera.npz\").";
  if (found.number === shown) return;
  shown = found.number;
  const grid = found.grid[0] * found.grid[1] > 1 ? `${found.grid[0]} × ${found.grid[1]} of ` : "";
  $("width").value = found.width.toFixed(2);
  const rows = {
    "as wide as": `a disk of radius ${found.disk_radius.toFixed(2)}`,
    "PSF": `${grid}${found.extent.width} × ${found.extent.height}`,
    "noise": `${found.sigma.toFixed(2)} gray levels`,
    "transfer curve": found.transfer,
    "left unexplained": `${found.residual.toFixed(2)} times the noise (1 is best)`,
    "two halves differ by": `${(100 * found.repeatability).toFixed(1)} %`,
    "expected gain": found.gain_db === null ? "–" : `${found.gain_db.toFixed(1)} dB`,
    "from": `${found.frames} frames, ${found.positions} ${found.positions === 1 ? "position" : "positions"}`,
  };
  $("figures").replaceChildren(...Object.entries(rows).flatMap(([name, value]) => {
    const [term, is] = [document.createElement("dt"), document.createElement("dd")];
    [term.textContent, is.textContent] = [name, value];
    return [term, is];
  }));
  $("notes").replaceChildren(...found.notes.map((note) => {
    const item = document.createElement("li");
    item.textContent = sentence(note);
    return item;
  }));
  for (const which of ["psf", "before", "after"]) $(which).src = `calibrate/${which}.png?number=${found.number}`;
  $("psf").alt = `The PSF, ${found.width.toFixed(2)} pixels wide`;
  tell("");
}

function setConnection(state, text) {
  $("connection").dataset.state = $("stage").dataset.state = state;
  $("connection").textContent = text;
}

async function watchState() {
  for (;;) {
    // What was begun goes on while another page is looked at.
    if (!told || !["gathering", "estimating"].includes(told.phase)) await visible();
    try {
      const answer = await ask("calibrate/state", 5);
      if (!answer.ok) throw new Error(await answer.text());
      told = await answer.json();
      showProgress();
      showFound();
      drawOverlay();
      setConnection("live", told.phase === "idle" ? "waiting for the camera" : told.phase);
    } catch (error) {
      setConnection("lost", "connection lost, trying again");
      await pause(1000);
    }
    await pause(EVERY);
  }
}

// ---------------------------------------------------------------- what is wanted

function tell(text, state = "") {
  $("became").value = text;
  $("became").dataset.state = state;
}

function refuse(text) {
  $("refusal").hidden = !text;
  $("refusal").textContent = sentence(text);
}

async function order(wish) {
  refuse("");
  try {
    const answer = await post("calibrate", wish);
    if (!answer.ok) refuse((await answer.text()).trim());
  } catch (error) {
    refuse(`not done: ${error.message}`);
  }
}

/** Changes what restores frames, and says what came of it. */
async function change(path, wish, words) {
  tell("it is tried with a golden frame");
  try {
    await settled(path, wish);
    tell(words, "good");
  } catch (error) {
    tell(sentence(error.message), "bad");
  }
}

$("start").addEventListener("click", () => {
  const side = Number($("grid").value);
  order({ do: "start", grid: [side, side] });
});
$("enough").addEventListener("click", () => order({ do: "enough" }));
$("cancel").addEventListener("click", () => order({ do: "cancel" }));
$("save").addEventListener("click", () => order({ do: "save" }));
$("use").addEventListener("click", () => change("calibrate", { do: "use" }, "Frames are restored by it, until the next reload"));
$("back").addEventListener("click", () => change("tune", {}, "As the configuration has it"));
addEventListener("resize", drawOverlay);

watchFrames();
watchState();
