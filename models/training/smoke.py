"""Tries everything that makes a model, for a few steps on the processor, on pictures made here: minutes, not days.

    python3 models/training/smoke.py

Trains the smallest size, goes on with the rounding of int8 in the loop, exports, checks the two files as a release is
checked, reads a released model back, and lets every shape that `ablate.py` measures restore one frame.
"""
import os
import pathlib
import sys
import tempfile

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import torch
from PIL import Image

import ablate
import check
import data
import export
import psfs
import quantise
import train
from module import Module, Recipe

PICTURES = 26  # one of 25 is held out
FEW = ["--steps", "3", "--batch", "2", "--patch", "64"]


def pictures(folder):
    """Squares and grain."""
    rng = np.random.default_rng(0)
    (folder / "made").mkdir(parents=True)
    for number in range(PICTURES):
        squares = np.kron(rng.integers(40, 216, (10, 12)), np.ones((16, 16)))
        picture = squares + rng.normal(0, 8, squares.shape)
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / f"made/{number:02}.png")


def run(command, *arguments):
    print(f"{command.__name__}.py {' '.join(map(str, arguments))}", flush=True)
    sys.argv = [command.__name__, *map(str, arguments)]
    command.main()


def measured_shapes(bank):
    """One frame through every row of the ablation, and one crop with every fault."""
    for row, (shape, camera) in ablate.ROWS.items():
        module = Module(ablate.VariantRestorer(shape), Recipe(steps=1)).eval()
        sharp = torch.rand(1, 1, 96, 96)
        seen = camera.observe(sharp, bank[:1], torch.full((1,), 0.01))
        with torch.no_grad():
            restored, _ = module.restore(seen)
        assert restored.shape == sharp.shape and restored.isfinite().all(), row
    print(f"ablate.py: {len(ablate.ROWS)} shapes restore")


def main():
    data.PSFS = 64
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        pictures(folder / "pictures")
        common = ["--data", folder / "pictures", "--cache", folder / "cache", *FEW]
        run(train, "--size", "nano", "--out", folder, *common)
        run(quantise, folder, "--name", "smoke", *common)
        run(check, folder / "smoke.onnx")
        measured_shapes(torch.from_numpy(psfs.bank(1, np.random.default_rng(0))))
    released = data.ROOT / "models/nano.onnx"
    run(check, released)
    print(f"{released.name}: {export.read(released.parent, released.stem).shape}")


if __name__ == "__main__":
    main()
