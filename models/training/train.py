"""Trains the general model: in float first, then with the rounding of the int8 file in the loop.

    python3 models/training/train.py --out DIR [--data ../shared/data/train]

Writes DIR/checkpoint.pt, which export.py turns into the model files, and the curves DIR/curves.csv and curves.png.
The defaults are the recipe of the shipped model: minutes on a data-centre GPU; a CPU wants fewer --steps. On CUDA
the stages are compiled (it fuses the rounding) and one whole step, crops and noise included, is captured as a graph:
the networks are so small that launching their kernels one by one would take most of the time.
"""
import argparse
import csv
import math
import pathlib
import time

import numpy as np
import torch
from matplotlib import pyplot

import data
import psfs
import wiener
from network import Quantiser, Restorer

PSFS = 20_000
LEARNING_RATE, QUANTISED_LEARNING_RATE = 3e-3, 1e-3
WARM_UP = 500
VALIDATION_PATCH, VALIDATION_SIGMA = 256, 2.55
REPORT_EVERY = 1_000


class Trainer:
    """One optimisation step over static tensors, so that it runs eagerly and as a CUDA graph alike."""

    def __init__(self, model, crops, bank, batch):
        self.model, self.crops, self.bank, self.batch = model, crops, bank, batch
        self.device = bank.device
        self.graph = None

    def start(self, rate, steps):
        """Begins a phase: a fresh optimiser and a rate that rises once and falls as a cosine to 0."""
        self.peak, self.steps, self.done = rate, steps, 0
        self.rate = torch.zeros((), device=self.device)
        on_gpu = self.device.type == "cuda"
        self.optimiser = torch.optim.Adam(
            self.model.parameters(), lr=self.rate, betas=(0.9, 0.99), fused=True, capturable=on_gpu
        )
        self.loss_sum = torch.zeros((), device=self.device)
        self.graph = self._capture() if on_gpu else None

    def run(self, count):
        """Makes `count` steps and returns their mean loss."""
        self.loss_sum.zero_()
        for _ in range(count):
            warm = min(1, (self.done + 1) / min(WARM_UP, self.steps / 10))
            self.rate.fill_(self.peak * warm * 0.5 * (1 + math.cos(math.pi * self.done / self.steps)))
            if self.graph:
                self.graph.replay()
            else:
                self._step()
            self.done += 1
        return self.loss_sum.item() / count

    def _step(self):
        sharp = self.crops.draw(self.batch)
        chosen = torch.randint(len(self.bank), (self.batch,), device=self.device)
        sigma = data.draw_sigmas(self.batch, self.device)
        error = restoration_error(self.model, sharp, self.bank[chosen], sigma)
        # PSNR is a logarithm of each picture's error, and its mean is what counts; the constant keeps crops of plain
        # sky, which are easy to restore beyond 40 dB, from taking over.
        loss = (error + 1e-4).log().mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.loss_sum += loss.detach()

    def _capture(self):
        """Records one step. The warm-up steps have rate 0: they only fill caches and optimiser state."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self._step()
        torch.cuda.current_stream().wait_stream(side)
        self.optimiser.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        return graph


def restoration_error(model, sharp, chosen_psfs, sigma):
    """Mean squared error [B] of the restored frames, in [0, 1] units."""
    transfer = wiener.otf(chosen_psfs, sharp.shape[-1])
    blurred = data.degrade(sharp, transfer, sigma)
    mean = blurred.mean(dim=(2, 3), keepdim=True)
    inverse, projection = wiener.filters(transfer, wiener.spectral_regulariser(sigma, sharp.shape[-1]))
    restored = model(blurred - mean, inverse, projection) + mean
    return (restored - sharp).square().mean(dim=(1, 2, 3))


class Validation:
    """Mean PSNR over held-out photographs and PSFs of the same families, always the same ones and the same noise."""

    def __init__(self, photographs, device):
        size = VALIDATION_PATCH
        middles = [p[(p.shape[0] - size) // 2 :, (p.shape[1] - size) // 2 :][:size, :size] for p in photographs]
        self.sharp = torch.from_numpy(np.stack(middles)).to(device).float()[:, None].repeat(4, 1, 1, 1) / 255
        bank = psfs.bank(len(self.sharp), np.random.default_rng(1))
        self.psfs = torch.from_numpy(bank).to(device)
        self.sigma = torch.full((len(self.sharp),), VALIDATION_SIGMA / 255, device=device)

    @torch.compiler.set_stance("force_eager")  # another shape: not worth compiling for
    @torch.no_grad()
    def psnr(self, model):
        devices = [self.sharp.device] if self.sharp.is_cuda else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(0)
            error = restoration_error(model, self.sharp, self.psfs, self.sigma)
        return -10 * error.log10().mean().item()


def run_phase(name, trainer, validation, rate, steps, rows):
    """Trains one phase, printing and recording a row every REPORT_EVERY steps."""
    trainer.start(rate, steps)
    started = time.monotonic()
    while trainer.done < steps:
        loss = trainer.run(min(REPORT_EVERY, steps - trainer.done))
        seconds = time.monotonic() - started
        rows.append((name, trainer.done, loss, validation.psnr(trainer.model), seconds))
        print("%-5s step %6d  loss %.4f  validation %.3f dB  %5.0f s" % rows[-1], flush=True)


@torch.compiler.set_stance("force_eager")
@torch.no_grad()
def calibrate(trainer, batches=8):
    """Sets each quantiser's first scale from what passes through it in float, and switches the rounding on."""
    trainer.model.quantise(Quantiser.WATCH)
    for _ in range(batches):
        chosen = torch.randint(len(trainer.bank), (trainer.batch,), device=trainer.device)
        sigma = data.draw_sigmas(trainer.batch, trainer.device)
        restoration_error(trainer.model, trainer.crops.draw(trainer.batch), trainer.bank[chosen], sigma)
    trainer.model.quantise(Quantiser.ON)


def write_curves(rows, out):
    with open(out / "curves.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("phase", "step", "loss", "validation_psnr", "seconds"))
        writer.writerows(rows)
    figure, axes = pyplot.subplots(figsize=(7, 3.5), layout="constrained")
    first = 0
    for phase, label in (("float", "float"), ("int8", "int8 in the loop")):
        points = [(first + row[1], row[3]) for row in rows if row[0] == phase]
        if not points:
            continue
        axes.plot(*zip(*points), label=label)
        first = points[-1][0]
    axes.set(xlabel="step", ylabel=f"held-out PSNR, dB (sigma {VALIDATION_SIGMA})")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(out / "curves.png", dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, default=root.parent / "shared/data/train")
    parser.add_argument("--steps", type=int, default=46_000, help="in float")
    parser.add_argument("--quantised-steps", type=int, default=20_000, help="with the int8 rounding in the loop")
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--patch", type=int, default=192)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(args.seed)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    device = torch.device(args.device)

    started = time.monotonic()
    training, held_out = data.read(args.data)
    bank = torch.from_numpy(psfs.bank(PSFS, np.random.default_rng(args.seed))).to(device)
    model = Restorer().to(device)
    if device.type == "cuda":
        for stage in model.stages:
            stage.compile()
    trainer = Trainer(model, data.Crops(training, args.patch, device), bank, args.batch)
    validation = Validation(held_out, device)
    print(f"{len(training)} pictures, {len(held_out)} held out, {time.monotonic() - started:.0f} s to load", flush=True)

    rows = []
    run_phase("float", trainer, validation, LEARNING_RATE, args.steps, rows)
    calibrate(trainer)
    run_phase("int8", trainer, validation, QUANTISED_LEARNING_RATE, args.quantised_steps, rows)
    note = (
        f"{args.steps} steps in float and {args.quantised_steps} with int8 in the loop, {args.batch} crops of "
        f"{args.patch} px a step, CID22 and CLIC 2025 photographs, random PSFs"
    )
    weights = {name: value.cpu() for name, value in model.state_dict().items()}
    noise = (data.SIGMA_MIN, data.SIGMA_MAX)
    torch.save({"model": weights, "training": note, "noise": noise}, args.out / "checkpoint.pt")
    write_curves(rows, args.out)


if __name__ == "__main__":
    main()
