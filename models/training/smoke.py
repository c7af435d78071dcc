"""Tries everything that makes a model, for a few steps on the processor, on pictures made here: minutes, not days.

    python3 models/training/smoke.py

Trains the smallest size, goes on with the rounding of int8 in the loop, exports, checks the two files as a release is
checked, reads a released model back, and lets every shape that `ablate.py` measures restore one frame.
"""
import json
import os
import pathlib
import sys
import tempfile

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

import ablate
import check
import data
import export
import finetune
import frames
import psfs
import quantise
import rectifier
import train
from module import Module, Recipe
from network import Restorer
from sizes import SIZES

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


def check_frames(folder):
    """Frames that are made with known noise, noise of rows and JPEG tell of it; fine-tuning takes what they tell."""
    folder.mkdir()
    rng, x = np.random.default_rng(0), np.array(Image.open(next((folder.parent / "pictures/made").iterdir())), float)
    x = ndimage.gaussian_filter(x, 2)
    for number in range(6):
        noise = rng.normal(size=x.shape) * np.sqrt(0.4 + 1.2 * x / 255) + 0.5 * rng.normal(size=(len(x), 1))
        Image.fromarray(np.clip(np.rint(x + 4 * noise), 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    told = frames.read(folder)
    assert abs(told.noise - 4) < 0.2 and abs(told.dark - 0.4) < 0.15 and abs(told.rows - 0.5) < 0.2, told
    Image.fromarray(x.astype(np.uint8)).save(folder / "6.jpg", quality=80)
    assert frames.read(folder).quality == (80, 80)
    print(f"frames.py: {told}")


def calibration(path):
    """A calibration file of one PSF, as deblurd writes it."""
    about = np.frombuffer(json.dumps({"version": 1, "transfer": "none"}).encode(), np.uint8)
    np.savez(path, psf=psfs.bank(1, np.random.default_rng(0))[0], noise=np.float64([2, 0]), about=about)
    return path


def check_rectifier():
    """Filters that fire are left as plain rectifiers leave them; silent ones come back, and then are let alone."""
    x = torch.randn(2, 4, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(rectifier.rectified(x).square().sum(), x)
    assert torch.equal(gradient, 2 * x.detach().clamp(min=0)), "a filter that fires was pulled"
    bias = torch.full((4,), -3.0, requires_grad=True)
    optimiser = torch.optim.Adam([bias], lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        rectifier.rectified(torch.rand(2, 4, 16, 16) + bias[:, None, None]).mul(0).sum().backward()
        optimiser.step()
    assert (-1 < bias).all() and (bias < 0).all(), bias
    print(f"rectifier.py: silent filters came back to {[round(b, 2) for b in bias.tolist()]}")


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
        run(train, "--model", folder / "smoke.onnx", "--out", folder / "again", *common)
        check_rectifier()
        check_frames(folder / "frames")
        own = ["--calibration", calibration(folder / "own.npz"), "--frames", folder / "frames", "--out", folder]
        run(finetune, "--model", folder / "smoke.onnx", *own, *common)
        run(check, folder / "smoke-own.onnx")
        measured_shapes(torch.from_numpy(psfs.bank(1, np.random.default_rng(0))))
    released = data.ROOT / "models/nano.onnx"
    run(check, released)
    print(f"{released.name}: {export.read(released.parent, released.stem).shape}")


if __name__ == "__main__":
    main()
