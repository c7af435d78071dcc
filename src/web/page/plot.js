// The plot of latency: mean times from capture to the end of groups of steps, second by second.
"use strict";

/** Seconds that are plotted. */
const PLOTTED = 120;
/** Groups of steps, in the order in which a frame meets them, and what belongs to each. */
const groups = [
  { name: "decode", hue: 200, has: (step) => step === "decode" },
  { name: "Wiener filter", hue: 168, has: (step) => step === "wiener" },
  { name: "networks", hue: 45, has: (step) => /^(residual|projection|network)/.test(step) },
  { name: "colour, encode", hue: 330, has: () => true },
  { name: "to viewers", hue: 265, has: () => false },
];
const tint = (name) => `hsl(${groups.find((group) => group.name === name).hue} 62% 55%)`;

/** Where the last step of each group ends. */
function groupEnds(stages, own) {
  const ends = new Map();
  for (const { name, age } of stages) ends.set(groups.find(({ has }) => has(name)).name, age);
  if (own) ends.set("to viewers", own.latency);
  return groups.filter(({ name }) => ends.has(name)).map(({ name }) => ({ name, ...ends.get(name) }));
}

/** Mean time from capture to the end of each group, second by second. */
const plotted = [];
let counted = new Map();

function plotLatency({ stages }, own, time) {
  const ends = groupEnds(stages, own);
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
  // From the last group to the first: each lies before what comes after it.
  for (let index = last.names.length - 1; index >= 0; index -= 1) {
    drawGroup(pen, last.names[index], tint(last.names[index]), x, y);
  }
  showLegend(last);
}

/** The area under a group's line; broken where no frame came. */
function drawGroup(pen, name, colour, x, y) {
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
    mark.style.background = tint(name);
    item.append(mark, `${name} ${told(recent[index])}`);
    return item;
  }));
  const all = names.map((name, index) => `${name} ${told(recent[index])}`).join(", ");
  $("plot").setAttribute("aria-label", `Time from capture, second by second; now ${all}`);
}

addEventListener("resize", drawPlot);
matchMedia("(prefers-color-scheme: light)").addEventListener("change", drawPlot);
drawPlot();
