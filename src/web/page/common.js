// What the pages have in common: asking the daemon, and waiting.
"use strict";

const $ = (id) => document.getElementById(id);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const ask = (path, seconds) => fetch(path, { cache: "no-store", signal: AbortSignal.timeout(seconds * 1000) });
const post = (path, wish) => fetch(path, {
  method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(wish),
  signal: AbortSignal.timeout(75000),
});

// A hidden page asks for nothing, so that nothing is encoded for it.
const visible = () => document.hidden
  ? new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }))
  : Promise.resolve();

/**
 * The next frame after one of that number, of the station under that path: its bitmap holds the blurred
 * picture above the restored one.
 */
async function nextFrame(after, path = "") {
  const answer = await ask(`${path}frame?after=${after}`, 15);
  if (!answer.ok) throw new Error(`the frame was answered with ${answer.status}`);
  if (answer.status === 204) return null;
  const header = (name) => answer.headers.get(`x-deblurd-${name}`);
  const bitmap = await createImageBitmap(await answer.blob());
  const [width, height] = header("extent").split("x").map(Number);
  return {
    bitmap, width, height, step: Number(header("step")), number: Number(header("number")),
    sequence: header("sequence"), taken: Number(answer.headers.get("x-timestamp")),
    standIn: header("placeholder") === "true", isDegraded: header("degraded") === "true", effort: header("effort"), psnr: header("psnr"),
  };
}

/** How long what was wished for may take: the daemon gives a reload a minute. */
const SETTLING = 75000;

/**
 * Posts what changes the restoration, and waits until that is done or refused. `goesOn` says whether
 * anybody still wants to know. Gives the metrics then; throws where it is refused, or never said.
 */
async function settled(path, wish, goesOn = () => true) {
  const told = async () => (await (await ask("state", 5)).json()).metrics;
  const before = (await told()).reload, until = performance.now() + SETTLING;
  const answer = await post(path, wish);
  if (!answer.ok) throw new Error((await answer.text()).trim());
  while (goesOn()) {
    const metrics = await told();
    if (metrics.reload.refused > before.refused) throw new Error(`refused: ${metrics.reload.problem}`);
    if (metrics.reload.done > before.done) return metrics;
    if (performance.now() > until) throw new Error(`nothing came of it in ${SETTLING / 1000} s`);
    await pause(150);
  }
  return null;
}

// The token was good for a cookie, and needs not to stay in sight.
const parameters = new URLSearchParams(location.search);
if (parameters.has("token")) {
  parameters.delete("token");
  history.replaceState(null, "", location.pathname + (parameters.size ? `?${parameters}` : ""));
}
