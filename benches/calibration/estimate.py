#!/usr/bin/env python3
"""How right `deblurd estimate` is, on real photographs and on simulated blurs.

    python3 benches/calibration/estimate.py DEBLURD --data ../shared/data [levin] [families]

`levin`: the blurred photographs of Levin, Weiss, Durand, Freeman (CVPR 2009) in DATA/blind/levin. Each is restored by
`base` at sigma 2 with the PSF that was found and with the one that was measured; 15 samples are cut off at every
side, the restored picture is aligned to a fraction of a sample, and the ratio of the two squared errors is theirs.
`families`: disks and Gaussians over Kodak pictures of DATA/test/kodak, one picture a scene, twelve scenes pooled and
each alone; width found over width told.

Needs NumPy, SciPy and Pillow.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image
from scipy.ndimage import shift
from scipy.optimize import minimize

CUT, FARTHEST = 15, 12
FORMULAS = ["disk:2", "disk:3", "disk:4", "disk:5", "gaussian:1", "gaussian:1.6", "gaussian:2", "gaussian:2.5"]
SCENES = 12


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deblurd", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("tables", nargs="*", help="levin, families [default: both]")
    arguments = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments.deblurd.resolve(), arguments.data.resolve(), pathlib.Path(folder))
        tables = {"levin": bench.levin, "families": bench.families}
        for table in arguments.tables or tables:
            tables[table]()


class Bench:
    def __init__(self, program, data, folder):
        self.program, self.data, self.folder = program, data, folder

    def run(self, *arguments):
        """Runs deblurd; its standard output, or None where it says that it is not sure."""
        ended = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        if ended.returncode == 65 and "not sure" in ended.stderr:
            return None
        if ended.returncode:
            sys.exit(f"deblurd {' '.join(map(str, arguments))}: {ended.stderr}")
        return ended.stdout

    def levin(self):
        data = self.data / "blind" / "levin"
        pictures = sorted({path.name.split("_")[0] for path in data.glob("im*_sharp.png")})
        kernels = sorted(path.stem for path in data.glob("kernel*.txt"))
        true = {(p, k): self.error(data, p, k, data / f"{k}.txt") for p in pictures for k in kernels}
        print(f"Levin's photographs, {len(pictures)} pictures x {len(kernels)} kernels; `base`, sigma 2")
        report("the measured kernel", true.values(), true.values())
        pooled = {}
        for kernel in kernels:
            frames = [data / f"{picture}_{kernel}.png" for picture in pictures]
            found = self.found(frames)
            pooled |= {(p, kernel): self.error(data, p, kernel, found) for p in pictures}
        report(f"{len(pictures)} pictures pooled", pooled.values(), [true[key] for key in pooled])
        alone = {key: self.error(data, *key, self.found([data / f"{key[0]}_{key[1]}.png"])) for key in true}
        report("one picture alone", alone.values(), [true[key] for key in alone])

    def found(self, frames, *options):
        """The file of the PSF that is found; a narrower one where it is not sure."""
        path = self.folder / "found.npz"
        self.run("estimate", *frames, "-o", path, "--force", "--transfer", "none", *options)
        return path

    def error(self, data, picture, kernel, psf):
        """Mean square error of the restored photograph, aligned."""
        out = self.folder / "out.png"
        fixed = ["--model", "base", "--sigma", "2", "--transfer", "none", "-o", out]
        self.run("restore", data / f"{picture}_{kernel}.png", "--psf", psf, *fixed)
        return aligned_error(read(out), read(data / f"{picture}_sharp.png"))

    def families(self):
        pictures = sorted((self.data / "test" / "kodak").glob("*.png"))[:SCENES]
        print(f"\n{len(pictures)} Kodak pictures, sigma 2.55, circular; width found over width told")
        print("| blur | pooled | alone: mean deviation | worst | not sure |\n|---|---|---|---|---|")
        for formula in FORMULAS:
            frames = [self.folder / f"{picture.stem}.png" for picture in pictures]
            for picture, frame in zip(pictures, frames):
                self.run("simulate", picture, "--psf", formula, "--sigma", "2.55", "-o", frame)
            family = ["--family", formula.split(":")[0]]
            told = float(formula.split(":")[1])
            pooled = self.width(frames, family) / told
            ratios = [self.width([frame], family) for frame in frames]
            sure = np.array([ratio for ratio in ratios if ratio is not None]) / told
            apart = np.abs(sure - 1)
            print(
                f"| {formula} | {pooled:.3f} | {100 * apart.mean():.1f} % | {100 * apart.max():.1f} % "
                f"| {len(ratios) - len(sure)} |"
            )

    def width(self, frames, family):
        """Radius or deviation of the shape that is found."""
        said = self.run("estimate", *frames, "-o", self.folder / "found.npz", "--transfer", "none", *family)
        if said is None:
            return None
        line = next(line for line in said.splitlines() if line.startswith("blur"))
        return float(re.search(r"[0-9]+\.[0-9]+", line)[0])


def read(path):
    plane = np.asarray(Image.open(path)).astype(float)
    return plane / (65535 if plane.max() > 255 else 255)


def aligned_error(restored, sharp):
    """Mean square error at the shift where it is least."""
    moved = shifted(restored, best_shift(restored, sharp))
    return float(np.mean((moved - sharp)[CUT:-CUT, CUT:-CUT] ** 2))


def shifted(restored, by):
    return shift(restored, -by, order=3, mode="nearest")


def best_shift(restored, sharp):
    """Rows and columns by which `restored` lies away from `sharp`, to a fraction of a sample."""
    inner = sharp[CUT:-CUT, CUT:-CUT]

    def apart(moved):
        return float(np.mean((moved[CUT:-CUT, CUT:-CUT] - inner) ** 2))

    steps = range(-FARTHEST, FARTHEST + 1)
    padded = np.pad(restored, FARTHEST, mode="edge")
    h, w = restored.shape

    def whole(dy, dx):
        return apart(padded[FARTHEST + dy :, FARTHEST + dx :][:h, :w])

    start = min(((dy, dx) for dy in steps for dx in steps), key=lambda d: whole(*d))
    fine = minimize(
        lambda d: apart(shifted(restored, d)),
        start,
        method="Nelder-Mead",
        options={"xatol": 0.02, "initial_simplex": np.array(start) + [[0, 0], [0.4, 0], [0, 0.4]]},
    )
    return fine.x


def report(name, errors, true):
    errors, true = np.array(list(errors)), np.array(list(true))
    db, ratio = -10 * np.log10(errors), errors / true
    print(
        f"{name}: mean {db.mean():.2f} dB, worst {db.min():.2f}; "
        f"error ratio mean {ratio.mean():.2f}, worst {ratio.max():.2f}"
    )


if __name__ == "__main__":
    main()
