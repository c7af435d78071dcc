"""Makes a model for one camera out of a general one, and says what that gained on photographs it was not trained on.

    python3 models/training/finetune.py --psf kernel.txt --model models/base.onnx --out DIR [--sigma 2.55]
    python3 models/training/finetune.py --calibration camera.npz [--frames FOLDER] --model models/base.onnx --out DIR

The second form takes all PSFs of a calibration, and what it says of the noise and the coder; --frames takes noise,
noise of rows and the coder's quality from frames that the camera recorded (frames.py). Photographs are degraded as
that camera does it, so no sharp truth of its own is needed. Needs the float twin beside the model. Writes
DIR/NAME.onnx and DIR/NAME-f32.onnx, NAME being the model's name and the PSF's, unless told. With --sigma the model is
for that noise level alone, and with --camera-share 0 for a camera without faults; it then bears no wrong noise level.
The first part of the run is in float, the rest with rounding; without a GPU all of it is with rounding.
"""
import argparse
import dataclasses
import json
import pathlib

import numpy as np

import export
import frames
import train
from camera import SIGMA_MAX, Camera
from data import LEVELS, DataModule

STEPS, RATE, FLOAT_SHARE = 20_000, 4e-3, 0.65
OF_A_CAMERA = 0.5  # share of crops with the faults of the one camera
ON_A_PROCESSOR = {"steps": 1_250, "epoch": 250, "rate": 2e-3, "float_share": 0.0}


def read_psf(path):
    """A PSF as deblurd's calibration writes it: a text matrix or a .npy file."""
    psf = np.load(path) if path.suffix == ".npy" else np.loadtxt(path, ndmin=2)
    if psf.ndim != 2 or psf.min() < 0 or not psf.sum() > 0:
        raise SystemExit(f"{path} is no PSF (expected a matrix without negative entries and a sum above 0)")
    return psf


def read_calibration(path):
    """The PSFs [K, K] of a calibration, and the camera it describes."""
    try:
        with np.load(path) as file:
            psfs, noise, about = np.atleast_2d(file["psf"]), float(file["noise"][0]), json.loads(bytes(file["about"]))
            is_shot = "sensor" in file.files
    except (OSError, KeyError, ValueError) as error:
        raise SystemExit(f"{path} is no calibration ({error}; expected what deblurd calibrate writes)")
    if not 0 < noise <= SIGMA_MAX:
        raise SystemExit(f"{path}: noise {noise} (expected above 0, at most {SIGMA_MAX} gray levels)")
    is_jpeg = about.get("pixel_format") in ("MJPG", "JPEG")
    faults = {"linear": 0.0, "shot": 1.0 if is_shot else Camera.shot, "jpeg": 1.0 if is_jpeg else 0.0}
    return psfs.reshape(-1, *psfs.shape[-2:]), Camera(share=OF_A_CAMERA, sigma=noise, **faults)


def as_recorded(camera, told):
    """`camera` with what its frames have `told`."""
    if told.noise is not None:
        if not 0 < told.noise <= SIGMA_MAX:
            raise SystemExit(f"frames show noise {told.noise:.2f} (expected above 0, at most {SIGMA_MAX} gray levels)")
        rows = {"rows": float(told.rows > 0), "shared": told.rows}
        camera = dataclasses.replace(camera, sigma=round(told.noise, 2), shot=1.0, dark=told.dark, **rows)
    if told.quality is not None:
        return dataclasses.replace(camera, jpeg=1.0, quality=told.quality)
    return camera


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    blur = parser.add_mutually_exclusive_group(required=True)
    blur.add_argument("--psf", type=pathlib.Path)
    blur.add_argument("--calibration", type=pathlib.Path, help="of a camera, as deblurd calibrate writes it")
    parser.add_argument("--frames", type=pathlib.Path, help="folder of pictures as the camera gives them")
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--name")
    parser.add_argument("--sigma", type=float, help="the one noise level, in 8-bit gray levels, where it is known")
    parser.add_argument("--camera-share", type=float, help="of crops from a camera with faults")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    train.add_arguments(parser)
    args = parser.parse_args()
    train.settle(args.seed)
    blur = args.psf or args.calibration
    name = args.name or f"{args.model.stem}-{blur.stem}"
    psfs, camera = (read_psf(args.psf)[None], Camera()) if args.psf else read_calibration(args.calibration)
    if args.frames:
        recorded = frames.read(args.frames)
        print(recorded, flush=True)
        camera = as_recorded(camera, recorded)
    told = {"share": args.camera_share, "sigma": args.sigma}
    camera = dataclasses.replace(camera, **{key: value for key, value in told.items() if value is not None})
    learning = {"steps": STEPS, "rate": RATE, "rounding": True, "float_share": FLOAT_SHARE}
    recipe = train.recipe(args, ON_A_PROCESSOR, **learning, epoch=500, warm_up=200)
    module = train.continued(args.model, recipe)
    levels = LEVELS if camera.sigma is None else (camera.sigma,)
    data = DataModule(recipe, camera, args.data, args.cache, psfs, levels)
    history = train.fit(module, data, args.out, name, args.resume)
    for level in levels:
        before, after = (row[f"sigma {level} psnr"] for row in (history[0], history[-1]))
        print(f"sigma {level}: {before:.2f} -> {after:.2f} dB ({after - before:+.2f}) on held-out photographs")
    before, after = (row["validation psnr"] for row in (history[0], history[-1]))
    print(f"as this camera shows them: {before:.2f} -> {after:.2f} dB ({after - before:+.2f})")
    noise = "" if camera.sigma is None else f" and sigma {camera.sigma:g}"
    module.past = [f"{args.model.stem} fine-tuned to {blur.name}{noise}"]
    export.write(module.restorer.cpu(), args.out, name, ", ".join(module.lineage()))


if __name__ == "__main__":
    main()
