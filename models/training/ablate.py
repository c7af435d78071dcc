"""Trains many shapes alike, for a short time, and prints what each is worth.

    python3 models/training/ablate.py --out DIR [--steps 8000] [--jobs 6] [--rows base,nano]

Every row sees the same recipe, photographs, PSFs and seed; only what its name says differs. With --seconds no row is
begun later than that. Figures are mean PSNR over Set12 and the eight kernels of Levin et al. (circular, Gaussian
noise, 8 bits) in float: for comparison among themselves, not to be quoted beside trained models.
"""
import argparse
import concurrent.futures
import json
import logging
import multiprocessing
import pathlib
import time
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional

import train
import wiener
from benchmark import Bench
from camera import Camera
from data import LEVELS, ROOT, DataModule
from module import Module, Recipe
from network import Restorer, Shape, Stage
from rectifier import rectified


@dataclass(frozen=True)
class Variant(Shape):
    """A shape with parts that are measured only: no file holds them."""

    consistency: str = "learned"  # or "fixed" (c = 1 and g_(k-1) - x_w + f_k), or "none" (g_k = g_(k-1) + f_k)
    flat: float | None = None  # a flat regulariser instead of the spectral one
    carry: bool = False  # whether a stage starts from the last one's activations, too
    dynamic: int = 0  # side of the filters that the last stage makes for each pixel of the result; 0: none

    def macs_per_pixel(self):
        return super().macs_per_pixel() + (self.channels + 1) * self.dynamic**2


class OpenStage(Stage):
    """A stage that takes activations and gives its own."""

    def forward(self, z, carried=None):
        a = self.head(self.input_range(z), self.input_range)
        a, source = self.through(self.head_range(rectified(a if carried is None else a + carried)))
        return self.answer(a, source), a


class DynamicFilter(nn.Module):
    """Makes of each restored pixel a sum of its neighbours, with weights that a 1x1 convolution predicts for it."""

    def __init__(self, shape):
        super().__init__()
        self.side, self.shuffle = shape.dynamic, shape.shuffle
        self.predict = nn.Conv2d(shape.channels, (self.side * self.shuffle) ** 2, 1)
        nn.init.zeros_(self.predict.weight)
        nn.init.zeros_(self.predict.bias)

    def forward(self, restored, activations):
        weights = functional.pixel_shuffle(self.predict(activations.float()), self.shuffle)
        margin = (self.side // 2,) * 4
        neighbours = functional.unfold(functional.pad(restored, margin, mode="circular"), self.side)
        return restored + (weights * neighbours.view_as(weights)).sum(dim=1, keepdim=True)


class VariantRestorer(Restorer):
    """A restorer of a `Variant`."""

    def __init__(self, shape):
        super().__init__(shape, OpenStage)
        self.flat = shape.flat
        self.dynamic = DynamicFilter(shape) if shape.dynamic else None
        self.log_strength.requires_grad_(shape.consistency == "learned")

    def strengths(self):
        return super().strengths() if self.shape.consistency == "learned" else torch.ones_like(self.log_strength)

    def forward(self, blurred, filters, told, half=False):
        estimate = wiener.apply(filters.inverse(), blurred)
        planes, restored, carried = self.planes(estimate, blurred, filters, told), estimate, None
        for k, stage in enumerate(self.stages):
            f, activations = self.run(stage, planes if k == 0 else [*planes, restored], half, carried)
            carried = activations if self.shape.carry else None
            restored = self.consistent(k, estimate, restored, f.float(), filters)
        return self.dynamic(restored, activations) if self.dynamic else restored

    def consistent(self, stage, estimate, restored, f, filters):
        if self.shape.consistency == "none":
            return restored + f
        if self.shape.consistency == "fixed":
            return estimate + wiener.apply(filters.projection(self.strengths()[stage]), restored - estimate + f)
        return super().consistent(stage, estimate, restored, f, filters)


BASE = Variant(bodies=(2, 3), reach=3)
CLEAN = Camera(share=0)
WEAKER = ("estimate", "weak")
KNOWING = ("estimate", "weak", "sigma")
TRUSTING = (*KNOWING, "trust")


def shape(*bodies, reach=3, **other):
    return Variant(bodies=bodies, reach=reach, **other)


# Name: shape, camera. In the order they are trained in.
ROWS = {
    "base: two stages, c learned": (BASE, CLEAN),
    "base: c = 1, f beside g - x_w": (replace(BASE, consistency="fixed"), CLEAN),
    "base: three stages, small heads": (shape(1, 2, 2, reach=2), CLEAN),
    "base: coarse branches": (shape(1, 2, coarse=(3, 3)), CLEAN),
    "nano: one stage of 8 channels": (shape(5, channels=8), CLEAN),
    "large: three stages": (shape(3, 4, 4), CLEAN),
    "small: two stages, small heads": (shape(1, 1, reach=2), CLEAN),
    "base: noise as an input": (replace(BASE, inputs=("estimate", "blurred", "sigma")), CLEAN),
    "base: second, weaker estimate as an input": (replace(BASE, inputs=("estimate", "blurred", "weak")), CLEAN),
    "base: activations carried on": (replace(BASE, carry=True), CLEAN),
    "large: four stages, small heads": (shape(2, 3, 3, 3, reach=2), CLEAN),
    "nano: two stages of 8 channels": (shape(1, 2, channels=8), CLEAN),
    "nano: three stages of 8 channels, small heads": (shape(1, 1, 1, channels=8, reach=2), CLEAN),
    "base: four stages, small heads": (shape(1, 1, 1, 1, reach=2), CLEAN),
    "base: a quarter of the crops from cameras with faults": (BASE, Camera(share=0.25)),
    "large: four stages, small heads, coarse": (shape(2, 2, 2, 2, coarse=(2, 2, 2, 2), reach=2), CLEAN),
    "small: two stages, coarse": (shape(0, 1, coarse=(2, 1), reach=2), CLEAN),
    "small: three stages of 12 channels, small heads": (shape(1, 1, 1, channels=12, reach=2), CLEAN),
    "nano: coarse branch, 16 channels": (shape(0, coarse=(4,), reach=2), CLEAN),
    "nano: two stages of 8 channels, small heads": (shape(2, 2, channels=8, reach=2), CLEAN),
    "base: four stages": (shape(0, 1, 1, 1), CLEAN),
    "base: three stages": (shape(1, 1, 2), CLEAN),
    "base: one stage": (shape(6), CLEAN),
    "base: no projection": (replace(BASE, consistency="none"), CLEAN),
    "base: without y": (replace(BASE, inputs=("estimate",)), CLEAN),
    "base: flat regulariser 0.01": (replace(BASE, flat=0.01), CLEAN),
    "base: unshuffle 4, 32 channels": (shape(1, 2, channels=32, shuffle=4), CLEAN),
    "base: 12 channels, deeper": (shape(4, 6, channels=12), CLEAN),
    "base: 24 channels, flatter": (shape(1, 1, channels=24), CLEAN),
    "base: coarse branch in the second stage": (shape(2, 2, coarse=(0, 3)), CLEAN),
    "large: five stages, small heads": (shape(2, 2, 2, 2, 3, reach=2), CLEAN),
    "large: three stages, small heads": (shape(4, 4, 4, reach=2), CLEAN),
    "large: six stages, small heads": (shape(1, 2, 2, 2, 2, 1, reach=2), CLEAN),
    "base: four stages, small heads, weaker estimate for y": (shape(1, 1, 1, 1, reach=2, inputs=WEAKER), CLEAN),
    "base: four stages, small heads, without y": (shape(1, 1, 1, 1, reach=2, inputs=("estimate",)), CLEAN),
    "base: five stages, small heads": (shape(0, 1, 1, 1, 1, reach=2), CLEAN),
    "base: five stages, small heads, weaker estimate for y": (shape(1, 1, 1, 1, 0, reach=2, inputs=WEAKER), CLEAN),
    "small: three stages, small heads": (shape(0, 0, 1, reach=2), CLEAN),
    "small: three stages, small heads, without y": (shape(0, 1, 1, reach=2, inputs=("estimate",)), CLEAN),
    "nano: four stages of 8 channels, small heads": (shape(0, 0, 1, 1, channels=8, reach=2), CLEAN),
    "base: four stages, dynamic 3x3 filters": (shape(1, 1, 1, 1, reach=2, dynamic=3), CLEAN),
    "base: four stages, dynamic 5x5 filters": (shape(1, 1, 1, 1, reach=2, dynamic=5), CLEAN),
    "base: three stages, coarse, knowing": (shape(0, 0, 0, coarse=(5,) * 3, reach=2, inputs=KNOWING), CLEAN),
    "base: the same, faults": (shape(0, 0, 0, coarse=(5,) * 3, reach=2, inputs=KNOWING), Camera()),
    "base: the same, faults, trusting": (shape(0, 0, 0, coarse=(5,) * 3, reach=2, inputs=TRUSTING), Camera()),
    "large: five stages, coarse, knowing": (shape(*(1,) * 5, coarse=(3,) * 5, reach=2, inputs=KNOWING), CLEAN),
    "large: the same, faults": (shape(*(1,) * 5, coarse=(3,) * 5, reach=2, inputs=KNOWING), Camera()),
    "large: the same, faults, trusting": (shape(*(1,) * 5, coarse=(3,) * 5, reach=2, inputs=TRUSTING), Camera()),
    "nano: two stages, coarse, 2x2 heads": (shape(0, 0, coarse=(1, 1), reach=1, inputs=KNOWING), CLEAN),
    "nano: one stage, coarse": (shape(0, coarse=(3,), reach=2, inputs=KNOWING), CLEAN),
}


def measure(row, args):
    """Trains one row and returns its figures."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    if time.time() > args.end:
        return None
    started = time.time()
    shape, camera = ROWS[row]
    train.settle(0)
    recipe = Recipe(steps=args.steps, batch=args.batch, patch=args.patch, epoch=args.steps // 4)
    module = Module(VariantRestorer(shape), recipe)
    folder = args.out / row.replace(":", "").replace(",", "").replace(" ", "-").replace("=", "-")
    train.fit(module, DataModule(recipe, camera, args.data, args.cache), folder, "float")
    module = module.eval().to("cuda" if torch.cuda.is_available() else "cpu")
    bench = Bench(args.test, module.device)
    figures = {level: float(bench.measure(module.restorer, level)[:, 1].mean()) for level in LEVELS}
    found = {
        "row": row,
        "macs": shape.macs_per_pixel(),
        "parameters": sum(p.numel() for p in module.restorer.parameters() if p.dim()),
        "psnr": figures,
        "held out": {level: module.history[-1][f"sigma {level} psnr"] for level in LEVELS},
        "strengths": module.restorer.strengths().tolist(),
        "seconds": time.time() - started,
    }
    (folder / "figures.json").write_text(json.dumps(found) + "\n")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    train.add_arguments(parser)
    parser.add_argument("--test", type=pathlib.Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--rows", default="", help="parts of the names of rows, by commas; all unless told")
    parser.add_argument("--jobs", type=int, default=1, help="rows trained side by side")
    args = parser.parse_args()
    args.steps, args.batch, args.patch = args.steps or 8_000, args.batch or 16, args.patch or 160
    args.end = time.time() + (args.seconds or 1e9)
    wanted = [row for row in ROWS if any(part in row for part in args.rows.split(","))]
    DataModule(None, CLEAN, args.data, args.cache).prepare_data()
    with concurrent.futures.ProcessPoolExecutor(args.jobs, multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(measure, row, args) for row in wanted]
        for future in concurrent.futures.as_completed(futures):
            if found := future.result():
                test, held_out = found["psnr"], found["held out"]
                figures = "  ".join(f"{test[level]:6.3f} ({held_out[level]:6.3f})" for level in LEVELS)
                print(
                    f"{found['row']:55s} {found['macs']:6.0f} MAC/px  {figures}  "
                    f"c {' '.join(f'{c:.2f}' for c in found['strengths'])}  {found['seconds']:.0f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
