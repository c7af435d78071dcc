"""Training photographs, kept whole in memory, and the `DataModule` that draws degraded crops from them on the device.

A step sees crops no other step saw: random photograph, place, orientation, PSF and noise. The photographs are read
as gray (luma of gamma-encoded RGB), each also reduced, because the scale of detail varies more between cameras
than between photographs.
"""
import concurrent.futures
import pathlib

import numpy as np
import pytorch_lightning as lightning
import torch
from PIL import Image
from torch.utils.data import DataLoader

import psfs
from camera import Camera

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCALES = (1.0, 0.7, 0.5)
HELD_OUT = 25  # every 25th photograph is never trained on: it makes the validation set
PSFS = 20_000
LEVELS = (2.55, 7.65, 12.75)  # noise of the validation frames, 8-bit gray levels


class DataModule(lightning.LightningDataModule):
    """Photographs, PSFs and a camera. A loader's item is only a number: crops are drawn where they are used.

    An epoch is `epoch` steps, which the trainer makes `block` at a time: its own work between two items then costs
    nothing, however small the network is.
    """

    def __init__(self, recipe, camera=Camera(), photographs=None, cache=None, known=None, levels=LEVELS):
        """`known`: the PSFs [K, N, M] of the one camera, instead of random ones."""
        super().__init__()
        self.recipe, self.camera, self.known, self.levels = recipe, camera, known, levels
        self.folder = pathlib.Path(photographs or ROOT.parent / "shared/data/train")
        self.cache = pathlib.Path(cache or pathlib.Path.home() / ".cache/deblurd-training")

    def prepare_data(self):
        """Reads and reduces the photographs and makes the PSFs once for all runs."""
        if (self.cache / "psfs.npy").exists():
            return
        self.cache.mkdir(parents=True, exist_ok=True)
        training, held_out = _read(self.folder)
        np.savez(self.cache / "training.npz", *training)
        np.savez(self.cache / "held_out.npz", *held_out)
        np.save(self.cache / "psfs.npy", psfs.bank(PSFS, np.random.default_rng(0)))

    def place(self, device):
        """Puts everything on the device."""
        training, held_out = (_load(self.cache / name) for name in ("training.npz", "held_out.npz"))
        bank = np.load(self.cache / "psfs.npy")
        unseen = psfs.bank(96, np.random.default_rng(1))
        if self.known is not None:
            bank = unseen = np.stack([psfs.padded(psf) for psf in self.known])
        self.bank, self.unseen = (torch.from_numpy(b).to(device) for b in (bank, unseen))
        self.crops = Crops(training, self.recipe.patch, device)
        self.held_out = Crops(held_out, self.recipe.patch, device)

    def draw(self):
        """A batch of training."""
        return self._observe(self.crops, self.bank, self.recipe.batch)

    def probes(self):
        """(name, observation) of what is measured after each epoch, always the same.

        `training` and `validation` are degraded as in training; the others come from a faultless camera.
        """
        devices = [self.bank.device] if self.bank.is_cuda else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(1)
            yield "training", self._observe(self.crops, self.bank, 4 * self.recipe.batch)
            yield "validation", self._observe(self.held_out, self.unseen, 4 * self.recipe.batch)
            for level in self.levels:
                sharp = self.held_out.draw(2 * self.recipe.batch)
                sigma = torch.full((len(sharp),), level / 255, device=sharp.device)
                yield f"sigma {level}", Camera(share=0).observe(sharp, self._psfs(self.unseen, len(sharp)), sigma)

    def train_dataloader(self):
        return DataLoader(range(self.recipe.epoch // self.recipe.block), batch_size=None)

    def val_dataloader(self):
        return DataLoader(range(1), batch_size=None)

    def _observe(self, crops, bank, count):
        return self.camera.observe(crops.draw(count), self._psfs(bank, count))

    @staticmethod
    def _psfs(bank, count):
        return bank[torch.randint(len(bank), (count,), device=bank.device)]


class Crops:
    """Random square crops in all eight orientations, gathered on the device from one flat tensor."""

    def __init__(self, pictures, size, device):
        pictures = [p for p in pictures if min(p.shape) >= size]
        lengths = np.array([p.size for p in pictures])
        self.size = size
        self.pixels = torch.from_numpy(np.concatenate([p.ravel() for p in pictures])).to(device)
        self.first = torch.from_numpy(np.cumsum(lengths) - lengths).to(device)
        self.extent = torch.tensor([p.shape for p in pictures], device=device)

    def draw(self, count):
        """Float crops [count, 1, size, size] in [0, 1]."""
        device, size = self.pixels.device, self.size
        chosen = torch.randint(len(self.first), (count,), device=device)
        height, width = self.extent[chosen].unbind(1)
        row = (torch.rand(count, device=device) * (height - size + 1)).long()
        column = (torch.rand(count, device=device) * (width - size + 1)).long()
        flips = torch.randint(2, (3, count), device=device)
        step_row, step_column = width * (1 - 2 * flips[0]), 1 - 2 * flips[1]
        start = self.first[chosen] + (row + flips[0] * (size - 1)) * width + column + flips[1] * (size - 1)
        steps = torch.stack((step_row, step_column))
        step_i, step_j = torch.where(flips[2].bool(), steps.flip(0), steps)
        n = torch.arange(size, device=device)
        rows, columns = n[:, None] * step_i[:, None, None], n * step_j[:, None, None]
        index = start[:, None, None] + rows + columns
        return self.pixels[index].float()[:, None] / 255


def _read(folder):
    """(training, validation) lists of gray uint8 arrays from the pictures under `folder`."""
    paths = sorted(path for path in folder.glob("*/*") if path.suffix in (".png", ".webp", ".jpg"))
    if not paths:
        raise SystemExit(f"no photographs in {folder}/*/*.png")
    with concurrent.futures.ThreadPoolExecutor() as pool:  # Pillow works outside Python's lock
        scaled = list(pool.map(_scaled, paths))
    training = [picture for i, scales in enumerate(scaled) for picture in scales if i % HELD_OUT]
    return training, [scales[0] for scales in scaled[::HELD_OUT]]


def _scaled(path):
    """One photograph at all scales."""
    p = Image.open(path).convert("L")
    sizes = [[round(n * scale) for n in p.size] for scale in SCALES]
    return [np.asarray(p if size == [*p.size] else p.resize(size, Image.Resampling.LANCZOS)) for size in sizes]


def _load(path):
    with np.load(path) as file:
        return [file[name] for name in file.files]
