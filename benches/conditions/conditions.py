#!/usr/bin/env python3
"""What restoration makes of frames as cameras give them: a table over conditions that break its terms.

    python3 benches/conditions/conditions.py DEBLURD --data ../shared/data [--models none,nano,base] [--only NAME,...]
        [--pictures N] [--keep FOLDER]

Each condition blurs Kodak pictures (DATA/test/kodak, the middle 384x256 of a larger blurred part, so that the
borders are unknown as a camera's are), breaks the frames in one way, and restores them through the program. Printed
for each model, in dB of gray, no border cut: mean, the worst gain over the blurred frame, and the shares of frames
below the blurred one and below the Wiener filter alone (model `none`). Unless said otherwise sigma is 2.55 and told,
and the blur acts on the samples as they are; lamps, highlights and over-exposure are made in linear light under the
curve of sRGB.

Needs NumPy, SciPy and Pillow.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image
from scipy.signal import fftconvolve

WIDTH, HEIGHT, MARGIN = 384, 256, 32


def disk(radius, wider=1.0):
    return f"disk:{radius * wider:g}"


class Condition:
    """Frames that a camera gives, and how the program is told about them."""

    def __init__(self, name, blurs, *, sigma=2.55, told=None, break_it=None, light=None, options=(), suffix=".png"):
        self.name, self.blurs, self.sigma, self.suffix = name, blurs, sigma, suffix
        self.told, self.break_it, self.light, self.options = told, break_it, light, list(options)


def hot_pixels(frame, random):
    places = random.random(frame.shape) < 2e-4
    return np.where(places, random.choice([0.0, 255.0], frame.shape), frame)


def row_noise(frame, random):
    return frame + random.normal(0, 2, (frame.shape[0], 1))


def lamps(light, random):
    h, w = light.shape
    rows, columns = np.mgrid[:h, :w]
    for _ in range(12):
        radius, y, x = random.uniform(1, 5), random.uniform(25, h - 25), random.uniform(25, w - 25)
        strength = np.exp(random.uniform(np.log(3), np.log(40)))
        inside = np.clip(radius - np.hypot(rows - y, columns - x) + 0.5, 0, 1)
        light = light * (1 - inside) + inside * strength
    return light


def night(light, random):
    return lamps(0.15 * light, random)


def windows(light, random):
    """White regions wider than what is looked at in one piece, some of them cut off by the border."""
    h, w = light.shape
    light = 0.3 * light
    for _ in range(4):
        down, across = random.integers(15, 110, 2)
        y, x, strength = random.integers(0, h), random.integers(0, w), np.exp(random.uniform(np.log(1.5), np.log(20)))
        light[max(0, y - down // 2) : y + down // 2, max(0, x - across // 2) : x + across // 2] = strength
    return light


def highlights(light, _):
    knee = np.percentile(light, 97)
    return np.where(light > knee, knee + 25 * (light - knee), light) * min(1.0, 0.95 / max(knee, 1e-6))


def dark(light, _):
    """Most samples are a few gray levels, and noise puts many of them at black, where it is cut off."""
    return 0.01 * light


def over_exposed(share):
    return lambda light, _: light / np.percentile(light, 100 * (1 - share))


MOST = ["disk:2", "disk:3", "gaussian:1.6", "motion:11,30"]
SRGB = ["--transfer", "srgb"]


def wrong(name, told, blurs=("disk:2", "disk:3", "gaussian:1.6")):
    return Condition(name, list(blurs), told=told)


def by_width(factor):
    def told(formula):
        family, numbers = formula.split(":")
        first, *rest = numbers.split(",")
        return f"{family}:" + ",".join([f"{factor * float(first):g}", *rest])

    return told


def other_family(formula):
    """Of the same second moment: a disk of radius r has that of a Gaussian of r / 2."""
    family, numbers = formula.split(":")
    value = float(numbers.split(",")[0])
    return f"gaussian:{value / 2:g}" if family == "disk" else f"disk:{2 * value:g}"


CONDITIONS = [
    Condition("as told", MOST),
    Condition("night lamps", MOST, sigma=2, light=night, options=SRGB),
    Condition("windows", MOST, sigma=2, light=windows, options=SRGB),
    Condition("highlights", MOST, sigma=2, light=highlights, options=SRGB),
    Condition("5 % over-exposed", MOST, sigma=2, light=over_exposed(0.05), options=SRGB),
    Condition("20 % over-exposed", MOST, sigma=2, light=over_exposed(0.2), options=SRGB),
    Condition("dark, cut off at black", MOST, sigma=4, light=dark, options=SRGB),
    Condition("JPEG 75, sigma not told", MOST, options=["--sigma", "omitted"], suffix=".jpg"),
    Condition("borders, sigma 0.5", [*MOST, "motion:31,20", "disk:5"], sigma=0.5),
    Condition("hot and dead pixels, 0.02 %", MOST, break_it=hot_pixels),
    Condition("row noise of 2", MOST, break_it=row_noise),
    wrong("told 1.2 times as wide", by_width(1.2)),
    wrong("told 0.8 times as wide", by_width(0.8)),
    wrong("told the other family", other_family),
    Condition("told a quarter of sigma", MOST, options=["--sigma", "0.64"]),
    Condition("told four times sigma", MOST, options=["--sigma", "10.2"]),
]


def to_linear(values):
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def to_gamma(light):
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def middle(plane):
    return plane[MARGIN:-MARGIN, MARGIN:-MARGIN]


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a - b) ** 2))


class Bench:
    def __init__(self, program, pictures, folder):
        self.program, self.pictures, self.folder = program, pictures, folder

    def run(self, *arguments):
        ended = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        if ended.returncode:
            sys.exit(f"deblurd {' '.join(map(str, arguments))}: {ended.stderr}")

    def psf(self, formula):
        path = self.folder / "psf.txt"
        self.run("psf", formula, "-o", path)
        return np.loadtxt(path, ndmin=2)

    def frames(self, condition, formula, folder):
        """Writes the frames of a condition; the sharp ones, by name."""
        kernel, random, sharp = self.psf(formula), np.random.default_rng(1), {}
        for path in self.pictures:
            truth = cut(path)
            if condition.light:
                light = condition.light(to_linear(truth / 255), random)
                blurred = 255 * to_gamma(np.clip(fftconvolve(light, kernel, mode="same"), 0, 1))
                truth = 255 * to_gamma(np.clip(light, 0, 1))
            else:
                blurred = fftconvolve(truth, kernel, mode="same")
            frame = middle(blurred) + random.normal(0, condition.sigma, (HEIGHT, WIDTH))
            frame = condition.break_it(frame, random) if condition.break_it else frame
            picture = Image.fromarray(np.clip(np.rint(frame), 0, 255).astype(np.uint8))
            picture.save(folder / (path.stem + condition.suffix), **({"quality": 75} if condition.suffix == ".jpg" else {}))
            sharp[path.stem] = np.rint(middle(truth))
        return sharp

    def measure(self, condition, models):
        """PSNR of the blurred frames, and of each model's, one for each blur and picture."""
        blurred, restored = [], {model: [] for model in models}
        for formula in condition.blurs:
            place = self.folder / condition.name.replace(" ", "-") / formula.replace(":", "-")
            (place / "blurred").mkdir(parents=True, exist_ok=True)
            sharp = self.frames(condition, formula, place / "blurred")
            blurred += [psnr(load(place / "blurred" / (name + condition.suffix)), truth) for name, truth in sharp.items()]
            options = list(condition.options)
            if "--sigma" not in options:
                options += ["--sigma", f"{condition.sigma:g}"]
            if "omitted" in options:
                at = options.index("--sigma")
                del options[at : at + 2]
            told = condition.told(formula) if condition.told else formula
            for model in models:
                out = place / model
                out.mkdir(exist_ok=True)
                self.run("restore", place / "blurred", "--psf", told, "--model", model, "-o", out, *options)
                for name, truth in sharp.items():
                    restored[model].append(psnr(load(next(out.glob(f"{name}.*"))), truth))
        return np.array(blurred), {model: np.array(values) for model, values in restored.items()}


def cut(path):
    """The middle of a picture in gray, with a margin that the camera does not see."""
    plane = np.asarray(Image.open(path).convert("L")).astype(float)
    if plane.shape[0] > plane.shape[1]:
        plane = plane.T
    top, left = (plane.shape[0] - HEIGHT) // 2 - MARGIN, (plane.shape[1] - WIDTH) // 2 - MARGIN
    return plane[top:, left:][: HEIGHT + 2 * MARGIN, : WIDTH + 2 * MARGIN]


def load(path):
    return np.asarray(Image.open(path).convert("L")).astype(float)


def row(name, model, blurred, values, wiener):
    gain = values - blurred
    below_wiener = f"{100 * np.mean(values < wiener - 0.01):.0f} %" if wiener is not None and model != "none" else ""
    print(
        f"| {name} | {model} | {blurred.mean():.2f} | {values.mean():.2f} | {gain.min():+.2f} "
        f"| {100 * np.mean(gain < 0):.0f} % | {below_wiener} |",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deblurd", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--models", default="none,nano,small,base,large")
    parser.add_argument("--only", help="conditions whose names begin so, with commas between")
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--keep", type=pathlib.Path, help="folder that keeps the frames, to look at them")
    arguments = parser.parse_args()
    pictures = sorted((arguments.data / "test" / "kodak").glob("*.png"))
    pictures = pictures[:: max(1, len(pictures) // arguments.pictures)][: arguments.pictures]
    wanted = tuple((arguments.only or "").split(","))
    with tempfile.TemporaryDirectory() as folder:
        folder = arguments.keep or pathlib.Path(folder)
        folder.mkdir(exist_ok=True, parents=True)
        bench = Bench(arguments.deblurd.resolve(), pictures, folder)
        print("| condition | model | blurred | restored | worst gain | below blurred | below Wiener |")
        print("|---|---|---|---|---|---|---|")
        for condition in CONDITIONS:
            if condition.name.startswith(wanted):
                blurred, restored = bench.measure(condition, arguments.models.split(","))
                for model, values in restored.items():
                    row(condition.name, model, blurred, values, restored.get("none"))


if __name__ == "__main__":
    main()
