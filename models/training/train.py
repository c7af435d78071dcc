"""Trains a model in float.

    python3 models/training/train.py --size base --out DIR [--data ../shared/data/train] [--resume]
    python3 models/training/train.py --size small --grow smaller.ckpt --out DIR
    python3 models/training/train.py --model models/base.onnx --out DIR

The second form starts from the weights of a smaller network (growth.py), the third trains a released model on, from its
float twin. Writes DIR/float.ckpt after every epoch, which
quantise.py makes the model files of, and DIR/float.json, .csv and .png, the configuration and the curves. Without a
GPU it makes fewer and smaller steps.
"""
import argparse
import dataclasses
import json
import pathlib
import sys

import pytorch_lightning as lightning
import torch

import curves
import export
import growth
from camera import Camera
from data import DataModule
from module import Module, Recipe
from network import Restorer
from sizes import RATES, SIZES

STEPS = 60_000
ON_A_PROCESSOR = {"steps": 2_600, "batch": 8, "patch": 128, "epoch": 200, "block": 10}
PATIENCE = 20  # epochs without a better validation loss


def fit(module, data, out, name, resume=False):
    """Runs a training to its end and leaves its checkpoint `name`.ckpt, configuration and curves in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    recipe, checkpoint = module.recipe, out / f"{name}.ckpt"
    settings = {"shape": module.restorer.shape, "recipe": recipe, "camera": data.camera}
    (out / f"{name}.json").write_text(
        json.dumps({key: dataclasses.asdict(value) for key, value in settings.items()}, indent=2) + "\n"
    )
    callbacks = [Keeper(checkpoint)]
    if not module.past:  # what goes on from trained weights gets worse first, while the rate is high
        callbacks.append(lightning.callbacks.EarlyStopping("loss", patience=PATIENCE))
    trainer = lightning.Trainer(
        max_epochs=-1 if recipe.seconds else -(-recipe.steps // recipe.epoch),
        accelerator="auto",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
        num_sanity_val_steps=0,
        callbacks=callbacks,
    )
    resumed = checkpoint if resume and checkpoint.exists() else None
    trainer.fit(module, datamodule=data, ckpt_path=resumed, weights_only=False)
    return module.history


class Keeper(lightning.Callback):
    """Writes checkpoint and curves after every epoch, so that an interrupted run can go on."""

    def __init__(self, path):
        self.path = path

    def on_train_epoch_end(self, trainer, module):
        trainer.save_checkpoint(self.path)
        curves.write(module.history, self.path.with_suffix(""))
        row = module.history[-1]
        levels = ", ".join(f"{key[:-5]} {row[key]:.3f} dB" for key in row if key.startswith("sigma") and "psnr" in key)
        print(
            f"step {row['step']}: training loss {row['training loss']:.4f}, validation loss "
            f"{row['validation loss']:.4f}, {row['validation psnr']:.3f} dB; gain over Wiener "
            f"{row['training gain']:.3f} dB, held out {row['validation gain']:.3f} dB; {levels}",
            flush=True,
        )


def settle(seed):
    """Seeds, and the fast paths that keep float's precision where it counts."""
    lightning.seed_everything(seed, verbose=False)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")


def continued(path, recipe):
    """A module with the weights and scales of a model file and its float twin."""
    restorer, lineage = export.read(path.parent, path.stem), export.lineage(path)
    module = Module(restorer, recipe)
    module.past = [lineage]
    return module


def begun(shape, recipe, small):
    """A module from scratch, or with the weights of the network in the file `small`."""
    if not small:
        return Module(Restorer(shape), recipe)
    module = Module(growth.grown(growth.read(small), shape), recipe)
    module.past = [f"grown from {small.stem}"]
    return module


def recipe(args, on_a_processor, **defaults):
    """The recipe for this machine, changed as the command line says."""
    chosen = defaults | ({} if torch.cuda.is_available() else ON_A_PROCESSOR | on_a_processor)
    told = {name: getattr(args, name) for name in ("steps", "seconds", "rate", "batch", "patch") if getattr(args, name)}
    return Recipe(**(chosen | told))


def add_arguments(parser):
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--cache", type=pathlib.Path, help="where photographs and PSFs are kept ready")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seconds", type=float, help="instead of steps: as many as fit, no two runs alike")
    parser.add_argument("--rate", type=float, help="of learning, at its peak")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--patch", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument("--size", choices=SIZES)
    start.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--grow", type=pathlib.Path, help="with --size: a smaller network to start from")
    parser.add_argument("--camera-share", type=float, default=Camera.share, help="of crops from a camera with faults")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    add_arguments(parser)
    args = parser.parse_args()
    if args.grow and not args.size:
        parser.error("--grow needs --size, what to grow to")
    settle(args.seed)
    chosen = recipe(args, {}, steps=STEPS, rate=RATES.get(args.size or args.model.stem, Recipe.rate))
    data = DataModule(chosen, Camera(share=args.camera_share), args.data, args.cache)
    module = continued(args.model, chosen) if args.model else begun(SIZES[args.size], chosen, args.grow)
    fit(module, data, args.out, "float", args.resume)


if __name__ == "__main__":
    main()
