"""Trains on with the rounding of the int8 file in the loop, and writes the model files.

    python3 models/training/quantise.py DIR --name base [--models models]

Starts from DIR/float.ckpt as train.py left it (or, with --again, from where the last run of this ended), ends with
DIR/int8.ckpt, its curves, and the files NAME.onnx and NAME-f32.onnx.
"""
import argparse
import pathlib

import torch

import export
import train
from camera import Camera
from data import DataModule
from module import Module

STEPS, RATE = 20_000, 1e-3
ON_A_PROCESSOR = {"steps": 2_000}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--models", type=pathlib.Path, help="where the files go; DIR unless told")
    parser.add_argument("--again", action="store_true", help="adds a run to the last one")
    parser.add_argument("--camera-share", type=float, default=Camera.share, help="of crops from a camera with faults")
    train.add_arguments(parser)
    args = parser.parse_args()
    train.settle(args.seed)
    in_float, before = (
        torch.load(args.out / name, map_location="cpu", weights_only=False)
        for name in ("float.ckpt", "int8.ckpt" if args.again else "float.ckpt")
    )
    recipe = train.recipe(args, ON_A_PROCESSOR, steps=STEPS, rate=RATE, rounding=True)
    module = Module(before["shape"], recipe)
    module.load_state_dict(before["state_dict"])
    module.earlier = before["earlier"] + before["done"] if args.again else 0
    data = DataModule(recipe, Camera(share=args.camera_share), args.data, args.cache)
    train.fit(module, data, args.out, "int8", args.resume)
    rounded = module.earlier + module.done
    note = (
        f"{in_float['done']} steps in float and {rounded} with int8 in the loop, {recipe.batch} crops of "
        f"{recipe.patch} px a step, CID22 and CLIC 2025 photographs, random PSFs"
    )
    export.write(module.restorer.cpu(), args.models or args.out, args.name, note)


if __name__ == "__main__":
    main()
