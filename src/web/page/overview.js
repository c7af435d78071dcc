// All cameras on one page. One loop asks for the states once a second; a few others take the cameras
// in turn and ask for a picture of each. A browser has few connections to one server, so that no camera
// keeps one for itself, and one that gives no pictures keeps none.
"use strict";

/** Loops that ask for pictures, and the shortest time between two pictures of a camera. */
const LOOPS = 3, EVERY = 250;

/** What is known of each camera, by its name, in the order of the page. */
const cameras = new Map();

function setConnection(state, text) {
  const pill = $("connection");
  pill.dataset.state = state;
  pill.textContent = text;
  $("cameras").dataset.state = state;
}

// ---------------------------------------------------------------- states

function made(name) {
  const card = $("camera").content.firstElementChild.cloneNode(true);
  for (const link of card.querySelectorAll("a")) link.href = `${name}/`;
  card.querySelector(".name").textContent = name;
  card.querySelector("canvas").setAttribute("aria-label", `The restored picture of ${name}`);
  card.id = `camera-${name}`;
  return { card, number: 0, dueAt: 0, isBusy: false, isReady: false, seen: null };
}

const count = (value) => value.toLocaleString("en", { maximumFractionDigits: 0 });

/** Frames a second between two looks. */
function rate(camera, state) {
  const frames = state.metrics.load.full + state.metrics.load.wiener + state.metrics.load.passthrough;
  const before = camera.seen;
  camera.seen = { frames, at: state.uptime_s };
  if (!before || frames < before.frames || state.uptime_s <= before.at) return null;
  return (frames - before.frames) / (state.uptime_s - before.at);
}

function show(name, state) {
  const camera = cameras.get(name), { card } = camera;
  const tell = (css, text) => { card.querySelector(css).textContent = text; };
  const { source, trunk, reload } = state.metrics;
  camera.isReady = state.ready;
  const perSecond = rate(camera, state);
  const waits = source.state === "starting" && !state.ended;
  card.dataset.state = state.ready ? "live" : waits ? "waiting" : "bad";
  const told = perSecond === null ? "live" : `${perSecond.toFixed(1)} frames a second`;
  const refused = reload.problem ? `; the last reload was refused: ${reload.problem}` : "";
  tell(".empty", state.ended ? "No picture" : "Waiting for the first frame");
  tell(".state", (state.ready ? told : state.unready_because) + refused);
  const dropped = Object.entries(trunk).filter(([key]) => key.startsWith("dropped_"));
  const lost = dropped.reduce((sum, [, frames]) => sum + frames, 0);
  tell(".frames", `${count(trunk.entered)} captured, ${count(trunk.delivered)} delivered, ${count(lost)} dropped`);
}

/** Has a card for each camera, in their order. */
function arrange(names) {
  for (const [name, { card }] of cameras) {
    if (names.includes(name)) continue;
    card.remove();
    cameras.delete(name);
  }
  for (const [at, name] of names.entries()) {
    if (!cameras.has(name)) cameras.set(name, made(name));
    const { card } = cameras.get(name);
    if ($("cameras").children[at] !== card) $("cameras").insertBefore(card, $("cameras").children[at] ?? null);
  }
}

async function watchStates() {
  for (;;) {
    await visible();
    try {
      const answer = await ask("state", 5);
      if (!answer.ok) throw new Error(`the state was answered with ${answer.status}`);
      const states = (await answer.json()).cameras;
      arrange(states.map(({ name }) => name));
      for (const { name, state } of states) show(name, state);
      const ready = states.filter(({ state }) => state.ready).length;
      const all = ready === states.length;
      setConnection(all ? "live" : "waiting", all ? "all live" : `${ready} of ${states.length} live`);
      $("told").textContent = `${states.length} cameras`;
      $("version").value = states.length ? `deblurd ${states[0].state.version}` : "";
    } catch (error) {
      setConnection("lost", "connection lost, trying again");
    }
    await pause(1000);
  }
}

// ---------------------------------------------------------------- pictures

async function takePicture(name, camera) {
  const shot = await nextFrame(camera.number, `${name}/`);
  if (!shot) return;
  const { bitmap, width, height, step } = shot;
  const canvas = camera.card.querySelector("canvas");
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").drawImage(bitmap, 0, step, width, height, 0, 0, width, height);
  bitmap.close();
  camera.number = shot.number;
  camera.card.querySelector(".empty").hidden = true;
  camera.card.dataset.shown = Number(camera.card.dataset.shown ?? 0) + 1;
}

/** The camera whose picture is longest due. */
function due() {
  const now = performance.now();
  const waiting = [...cameras].filter(([, camera]) => camera.isReady && !camera.isBusy && camera.dueAt <= now);
  return waiting.sort(([, a], [, b]) => a.dueAt - b.dueAt)[0];
}

async function watchPictures() {
  for (;;) {
    await visible();
    const next = due();
    if (!next) {
      await pause(50);
      continue;
    }
    const [name, camera] = next;
    camera.isBusy = true;
    try {
      await takePicture(name, camera);
      camera.dueAt = performance.now() + EVERY;
    } catch (error) {
      // A station that was started afresh counts anew.
      camera.number = 0;
      camera.dueAt = performance.now() + 1000;
    } finally {
      camera.isBusy = false;
    }
  }
}

watchStates();
for (let loop = 0; loop < LOOPS; loop += 1) watchPictures();
