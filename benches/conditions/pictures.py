#!/usr/bin/env python3
"""The pictures of `docs/real-frames.md`: what the camera gave and what became of it.

    python3 benches/conditions/pictures.py DEBLURD FOLDER

Blurs the program's own scene, breaks it in one way, restores it, and writes FOLDER/real-NAME.jpg for each of four conditions:
the camera's frame on the left, the restored one on the right. Needs NumPy, SciPy and Pillow.
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image
from scipy.signal import fftconvolve

from conditions import lamps, row_noise, hot_pixels, to_gamma, to_linear

SCENE = """
[source]
kind = "scene"
extent = "1280x720"
frames = 1
live = false
[restore]
psf = "gaussian:0.1"
sigma = 0.1
model = "none"
[temporal]
frames = 0
[[sink]]
kind = "png"
folder = "{folder}"
"""


def run(program, *arguments):
    ended = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if ended.returncode:
        sys.exit(f"deblurd {' '.join(map(str, arguments))}: {ended.stderr}")


def scene(program, folder):
    """The scene, sharp: a blur of nothing is undone."""
    (folder / "scene.toml").write_text(SCENE.format(folder=folder / "scene"))
    run(program, "run", "--config", folder / "scene.toml")
    return np.asarray(Image.open(next((folder / "scene").glob("*.png")))).astype(float)


def blurred(planes, program, formula, folder):
    run(program, "psf", formula, "-o", folder / "psf.txt")
    kernel = np.loadtxt(folder / "psf.txt", ndmin=2)
    margin = np.pad(planes, ((32, 32), (32, 32), (0, 0)), mode="symmetric")
    return np.stack([fftconvolve(margin[..., i], kernel, mode="same") for i in range(3)], -1)[32:-32, 32:-32]


def night(sharp, blur):
    light = 0.25 * to_linear(sharp / 255)
    # Lamps are white, so each colour gets the same.
    more = lamps(np.zeros(light.shape[:2]), np.random.default_rng(4))[..., None]
    return 255 * to_gamma(np.clip(blur(np.where(more > 0, more, light)), 0, 1))


def faults(sharp, blur):
    random = np.random.default_rng(2)
    frame = blur(sharp)
    faulty = hot_pixels(row_noise(np.zeros(frame.shape[:2]) + 128, random), random) - 128
    return frame + faulty[..., None]


# Name, blur, what is done, what is told, suffix, corner of what is shown.
PICTURES = [
    ("lamps", "disk:3", night, ["--psf", "disk:3", "--sigma", "2", "--transfer", "srgb"], ".png", (40, 20)),
    ("jpeg", "gaussian:1.6", lambda sharp, blur: blur(sharp), ["--psf", "gaussian:1.6"], ".jpg", (30, 180)),
    ("faults", "motion:11,30", faults, ["--psf", "motion:11,30", "--sigma", "2.55"], ".png", (860, 20)),
    ("wrong-psf", "disk:3", lambda sharp, blur: blur(sharp), ["--psf", "disk:3.6", "--sigma", "2.55"], ".png", (440, 40)),
]
SHOWN = (400, 300)


def main(program, folder):
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        sharp = scene(program, place)
        for name, formula, broken, told, suffix, (left, top) in PICTURES:
            frame = broken(sharp, lambda planes: blurred(planes, program, formula, place))
            frame += np.random.default_rng(1).normal(0, 2.0, frame.shape)
            before, after = place / (name + suffix), place / (name + "-restored.png")
            Image.fromarray(np.clip(np.rint(frame), 0, 255).astype(np.uint8)).save(before, **({"quality": 75} if suffix == ".jpg" else {}))
            run(program, "restore", before, *told, "-o", after)
            both = Image.new("RGB", (2 * SHOWN[0] + 8, SHOWN[1]), "white")
            for at, path in enumerate([before, after]):
                part = Image.open(path).convert("RGB").crop((left, top, left + SHOWN[0], top + SHOWN[1]))
                both.paste(part, (at * (SHOWN[0] + 8), 0))
            both.save(folder / f"real-{name}.jpg", quality=88)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
