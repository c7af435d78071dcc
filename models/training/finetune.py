"""Makes a model for one PSF out of a general one, and says what that gained on photographs it was not trained on.

    python3 models/training/finetune.py --psf kernel.txt --model models/base.onnx --out DIR [--sigma 2.55]

Needs the float twin beside the model. Writes DIR/NAME.onnx and DIR/NAME-f32.onnx, NAME being the model's name and the
PSF's, unless told. With --sigma the model is for that noise level alone, and with --camera-share 0 for a camera without
faults; it then bears no wrong noise level. The first part of the run is in float, the rest with rounding; without a GPU
all of it is with rounding.
"""
import argparse
import pathlib

import numpy as np

import export
import train
from camera import Camera
from data import LEVELS, DataModule

STEPS, RATE, FLOAT_SHARE = 20_000, 8e-3, 0.65
ON_A_PROCESSOR = {"steps": 1_250, "epoch": 250, "rate": 2e-3, "float_share": 0.0}


def read_psf(path):
    """A PSF as deblurd's calibration writes it: a text matrix or a .npy file."""
    psf = np.load(path) if path.suffix == ".npy" else np.loadtxt(path, ndmin=2)
    if psf.ndim != 2 or psf.min() < 0 or not psf.sum() > 0:
        raise SystemExit(f"{path} is no PSF (expected a matrix without negative entries and a sum above 0)")
    return psf


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--psf", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--name")
    parser.add_argument("--sigma", type=float, help="the one noise level, in 8-bit gray levels, where it is known")
    parser.add_argument("--camera-share", type=float, default=Camera.share, help="of crops from a camera with faults")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    train.add_arguments(parser)
    args = parser.parse_args()
    train.settle(args.seed)
    name = args.name or f"{args.model.stem}-{args.psf.stem}"
    learning = {"steps": STEPS, "rate": RATE, "rounding": True, "float_share": FLOAT_SHARE}
    recipe = train.recipe(args, ON_A_PROCESSOR, **learning, epoch=500, warm_up=200)
    module = train.continued(args.model, recipe)
    levels = LEVELS if args.sigma is None else (args.sigma,)
    camera = Camera(share=args.camera_share, sigma=args.sigma)
    data = DataModule(recipe, camera, args.data, args.cache, read_psf(args.psf), levels)
    history = train.fit(module, data, args.out, name, args.resume)
    for level in levels:
        before, after = (row[f"sigma {level} psnr"] for row in (history[0], history[-1]))
        print(f"sigma {level}: {before:.2f} -> {after:.2f} dB ({after - before:+.2f}) on held-out photographs")
    noise = "" if args.sigma is None else f" and sigma {args.sigma}"
    module.past = [f"{args.model.stem} fine-tuned to {args.psf.name}{noise}"]
    export.write(module.restorer.cpu(), args.out, name, ", ".join(module.lineage()))


if __name__ == "__main__":
    main()
