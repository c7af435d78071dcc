"""Measures networks in PyTorch over Set12 and the kernels of Levin et al.: on a GPU that takes seconds.

    python3 models/training/benchmark.py models/base.onnx [...] [--data ../shared/data]

The frames are those of evaluate.py, which is the judge and shares nothing with the training. Here the float network and
the simulated int8 are told the right PSF, and then one of a wrong width, trusted and doubted.
"""
import argparse
import pathlib

import numpy as np
import torch
from PIL import Image

import calibration
import export
import faults
import psfs
import quantisation
import wiener
from data import LEVELS, ROOT
from evaluate import natural
from network import Told
from quantisation import Quantiser

WIDTHS = ((1.25, 0.0), (1.11, 0.5), (0.91, 0.5), (0.83, 0.0))  # of the PSF told, and the trust of one who knows it


class Bench:
    """Test frames of all noise levels, made once."""

    def __init__(self, folder, device, pictures=None):
        self.device = device
        kernels = [np.loadtxt(path) for path in sorted((folder / "psf/levin").glob("*.txt"), key=natural)]
        self.kernels = torch.from_numpy(np.stack([psfs.padded(k) for k in kernels])).to(device)
        self.frames = []
        for path in sorted((folder / "test/set12").glob("*.png"), key=natural)[:pictures]:
            x = np.asarray(Image.open(path).convert("L"), float) / 255
            self.frames.append((x, {level: _observed(path, x, kernels, level) for level in LEVELS}))

    @torch.no_grad()
    def measure(self, restorer, level, told=None, trust=1.0):
        """PSNR [frames, 2] of the Wiener filter and the network, with the PSFs `told` instead of the right ones."""
        told = self.kernels if told is None else told
        numbers = torch.ones(len(told), device=self.device)
        rows = []
        for x, observed in self.frames:
            truth, y = (torch.from_numpy(a).to(self.device).float() for a in (x, observed[level]))
            y = y[:, None]
            mean = y.mean(dim=(2, 3), keepdim=True)
            filters = wiener.filters(told, numbers * level / 255, y.shape[-1], restorer.flat)
            shown = restorer(y - mean, filters, Told(numbers * level / 255, numbers * trust))
            both = torch.stack((wiener.apply(filters.inverse(), y - mean), shown)) + mean
            rows.append(-10 * (both.clamp(0, 1) - truth).square().mean(dim=(2, 3, 4)).log10().T)
        return torch.cat(rows).cpu().numpy()

    def widened(self, width):
        """The kernels `width` times as wide as they are."""
        told = calibration.scaled(self.kernels, torch.full((len(self.kernels), 1, 1), 1 / width, device=self.device))
        return told / told.sum(dim=(1, 2), keepdim=True)


def report(name, bench, restorer):
    """Prints all figures of one network."""
    for kind, mode in (("float", Quantiser.OFF), ("int8", Quantiser.ON)):
        quantisation.set_mode(restorer, mode)
        rows = [bench.measure(restorer, level) for level in LEVELS]
        least = " / ".join(f"{(r[:, 1] - r[:, 0]).min():+.2f}" for r in rows)
        print(f"{name} {kind}: {' / '.join(f'{r[:, 1].mean():.3f}' for r in rows)} dB at {LEVELS}, least gain {least}")
    for width, doubt in WIDTHS:
        cells = [_cell(bench.measure(restorer, LEVELS[0], bench.widened(width), t), t) for t in (1.0, doubt)]
        print(f"{name} int8, PSF told {width} times as wide: {'; '.join(cells)}")
    for trust in (0.5, 0.0):
        print(f"{name} int8, exact PSF: {_cell(bench.measure(restorer, LEVELS[0], trust=trust), trust)}", flush=True)


def _cell(rows, trust):
    gain = rows[:, 1] - rows[:, 0]
    lost = f"lost {np.mean(gain < 0):.0%}, {gain.min():+.2f}"
    return f"trust {trust}: {rows[:, 1].mean():.2f} (Wiener {rows[:, 0].mean():.2f}, {lost})"


def _observed(path, x, kernels, level):
    """What evaluate.py measures of a picture: [kernels, H, W]."""
    made = []
    for j, kernel in enumerate(kernels):
        rng = np.random.default_rng(faults.seed(path.name, j))
        made.append(faults.none(x, kernel, level / 255, rng).observed)
    return np.stack(made).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--pictures", type=int, help="only the first of them")
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    bench = Bench(args.data, device, args.pictures)
    for path in args.models:
        report(path.stem, bench, export.read(path.parent, path.stem).to(device).eval())


if __name__ == "__main__":
    main()
