"""Trains on with the rounding of the int8 file in the loop, and writes the model files.

    python3 models/training/quantise.py DIR --name base [--models models]

Starts from DIR/float.ckpt as train.py left it (or, with --again, from where the last run of this ended, or, with
--model, from a released model and its float twin), ends with DIR/int8.ckpt, its curves, and the files NAME.onnx and
NAME-f32.onnx.
"""
import argparse
import pathlib

import torch

import export
import train
from camera import Camera
from data import DataModule
from module import Module
from network import Restorer

STEPS, RATE = 20_000, 3e-3
ON_A_PROCESSOR = {"steps": 600}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--models", type=pathlib.Path, help="where the files go; DIR unless told")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--again", action="store_true", help="adds a run to the last one")
    start.add_argument("--model", type=pathlib.Path, help="a model file to train on")
    parser.add_argument("--float-share", type=float, default=0.0, help="of the run, at its begin, without rounding")
    parser.add_argument("--camera-share", type=float, default=Camera.share, help="of crops from a camera with faults")
    train.add_arguments(parser)
    args = parser.parse_args()
    train.settle(args.seed)
    recipe = train.recipe(args, ON_A_PROCESSOR, steps=STEPS, rate=RATE, rounding=True, float_share=args.float_share)
    if args.model:
        module = train.continued(args.model, recipe)
    else:
        module = advanced(args.out / ("int8.ckpt" if args.again else "float.ckpt"), recipe)
    data = DataModule(recipe, Camera(share=args.camera_share), args.data, args.cache)
    train.fit(module, data, args.out, "int8", args.resume)
    note = (
        f"{', '.join(module.lineage())}; {recipe.batch} crops of {recipe.patch} px a step, CID22 and CLIC 2025 "
        "photographs, random PSFs"
    )
    export.write(module.restorer.cpu(), args.models or args.out, args.name, note)


def advanced(path, recipe):
    """A module that goes on where the checkpoint's run ended."""
    before = torch.load(path, map_location="cpu", weights_only=False)
    module = Module(Restorer(before["shape"]), recipe)
    module.load_state_dict(before["state_dict"])
    module.past = before["lineage"]
    return module


if __name__ == "__main__":
    main()
