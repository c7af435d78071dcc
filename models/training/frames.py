"""What recorded frames tell of a camera: noise against brightness, noise of rows, and how its coder rounds.

Frames are blurred, so their finest detail is noise. The mask (1 -2 1) times its transpose (Immerkaer, Fast noise
variance estimation, 1996) makes nothing of planes and of edges along the axes, and 6 sigma of white noise; its median
over samples of like brightness is deaf to the little texture that is left. A line is fitted to the variance over
brightness: what it has at black is the sensor's, what it gains is the light's. Rows that share noise show in the
difference of two frames one behind the other, which most of a scene is gone from where it stands still.

A coder takes fine noise away, so of JPEG files the quality is read from their tables, and the noise is left to the
calibration.
"""
import pathlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

import jpeg

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
FRAMES = 300  # read at most, evenly over what there is
LEVELS = 12  # of brightness
FEWEST = 2_000  # samples that make a level
NORMAL = 1.4826  # standard deviation of a normal distribution whose median deviation is 1
CLEAR = 0.15  # of sigma: noise of rows less than that is none


@dataclass(frozen=True)
class Told:
    """What the frames tell; None where they do not."""

    count: int
    noise: float | None  # standard deviation at middle gray, 8-bit gray levels
    dark: float | None  # part of the variance at middle gray that black has
    rows: float | None  # noise that whole rows share, in units of `noise`
    quality: tuple | None  # lowest and highest of JPEG

    def __str__(self):
        noise = "noise not told" if self.noise is None else (
            f"noise {self.noise:.2f} gray levels at middle gray, {100 * self.dark:.0f} % of its variance at black, "
            f"rows share {self.rows:.2f} of it"
        )
        coder = "" if self.quality is None else f", JPEG quality {self.quality[0]} to {self.quality[1]}"
        return f"{self.count} frames: {noise}{coder}"


def read(folder):
    """What the pictures in `folder` tell."""
    paths = sorted(p for p in pathlib.Path(folder).iterdir() if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise SystemExit(f"no frames in {folder} (expected pictures: {', '.join(SUFFIXES)})")
    paths = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, FRAMES).round().astype(int))]
    qualities, planes = [], []
    for path in paths:
        try:
            with Image.open(path) as picture:
                if picture.format == "JPEG":
                    qualities.append(jpeg.quality(picture.quantization[0]))
                else:
                    planes.append(np.asarray(picture.convert("L"), np.float32))
        except OSError as error:
            raise SystemExit(f"{path} is no picture ({error})")
    quality = (min(qualities), max(qualities)) if qualities else None
    noise, dark, rows = of_planes(planes) if planes else (None, None, None)
    return Told(len(paths), noise, dark, rows, quality)


def of_planes(planes):
    """Noise at middle gray, the part of its variance that black has, and the noise of rows in its units."""
    levels, variances, counts = _variances(planes)
    if not counts.size:
        raise SystemExit(f"frames too small or all black or white to tell noise (expected {FEWEST} samples between)")
    line = np.polyfit(levels, variances, 1, w=np.sqrt(counts)) if len(levels) > 2 else (0, np.mean(variances))
    black, middle = max(np.polyval(line, 0), 0), np.polyval(line, 127.5)
    if middle <= 0 or line[0] < 0:  # no light makes less noise
        black = middle = np.average(variances, weights=counts)
    noise = float(np.sqrt(middle))
    return noise, float(min(black / middle, 1)), _rows(planes, noise)


def _variances(planes):
    """Brightness, variance of the noise and number of samples, for each level of brightness that has enough."""
    residues, means = [], []
    for y in planes:
        across = y[:, :-2] - 2 * y[:, 1:-1] + y[:, 2:]
        residues.append((across[:-2] - 2 * across[1:-1] + across[2:])[::2, ::2].ravel() / 6)
        sums = y[:, :-2] + y[:, 1:-1] + y[:, 2:]
        means.append((sums[:-2] + sums[1:-1] + sums[2:])[::2, ::2].ravel() / 9)
    residues, means = np.concatenate(residues), np.concatenate(means)
    found = []
    for low in np.linspace(8, 247, LEVELS, endpoint=False):  # beyond, noise is cut off
        here = (means >= low) & (means < low + 239 / LEVELS)
        if here.sum() >= FEWEST:
            found.append((means[here].mean(), (NORMAL * np.median(np.abs(residues[here]))) ** 2, here.sum()))
    return np.array(found).reshape(-1, 3).T


def _is_still(difference, noise):
    """Whether most of two frames' difference is noise."""
    return NORMAL * np.median(np.abs(difference)) < 2 * np.sqrt(2) * noise


def _rows(planes, noise):
    """Standard deviation of what rows share, in units of `noise`; 0 where there is none or one cannot tell."""
    shared = []
    for before, after in zip(planes, planes[1:]):
        if before.shape == after.shape and _is_still(after - before, noise):
            mean = np.median(after - before, axis=1)
            bend = mean[:-2] - 2 * mean[1:-1] + mean[2:]  # brightness that drifts has none
            variance = (NORMAL * np.median(np.abs(bend))) ** 2 / 6 / 2
            shared.append(variance - np.pi / 2 * noise**2 / before.shape[1])  # a median's own variance
    part = np.sqrt(max(np.median(shared), 0)) / noise if shared else 0.0
    return float(part) if part > CLEAR else 0.0
