// Tuning: what is set is posted, tried by the daemon, and told.
"use strict";

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
