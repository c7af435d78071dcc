"""What a camera and its calibration do wrong: each fault makes a frame, and says what the restorer is told of it."""
import io
import zlib
from dataclasses import dataclass
from typing import Callable

import numpy as np
from PIL import Image
from scipy import fft, ndimage

GAMMA = 2.2
ALIGNMENT = 4  # that every network does with


@dataclass
class Frame:
    """A frame as it is given to the restorer, what it is told, and how its result is compared with the truth."""

    truth: np.ndarray
    observed: np.ndarray
    psf: np.ndarray
    sigma: float
    trust: float = 1.0  # in the PSF
    shown: Callable = lambda restored: restored


def seed(*what):
    """A seed that depends on what is measured and not on the order of measuring."""
    return zlib.crc32(repr(what).encode())


def none(x, psf, sigma, rng):
    return Frame(x, _to_8_bits(_blurred(x, psf) + rng.normal(0, sigma, x.shape)), psf, sigma)


def _wrong_psf(part):
    def make(x, psf, sigma, rng):
        frame = none(x, psf, sigma, rng)
        error = rng.normal(size=psf.shape) * (psf > 0)
        error *= part * np.linalg.norm(psf) / np.linalg.norm(error)
        frame.psf = _normalised(psf + error)
        return frame

    return make


def _wrong_width(factor, trust=1.0):
    def make(x, psf, sigma, rng):
        frame = none(x, psf, sigma, rng)
        frame.trust = trust
        middle = np.array(psf.shape) // 2
        frame.psf = _normalised(ndimage.affine_transform(psf, [1 / factor] * 2, middle - middle / factor, order=1))
        return frame

    return make


def _misjudged(factor):
    def make(x, psf, sigma, rng):
        frame = none(x, psf, sigma, rng)
        frame.sigma *= factor
        return frame

    return make


def _jpeg(quality):
    def make(x, psf, sigma, rng):
        frame = none(x, psf, sigma, rng)
        file = io.BytesIO()
        Image.fromarray(np.rint(frame.observed * 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
        frame.observed = np.asarray(Image.open(file), float) / 255
        return frame

    return make


def _shot(x, psf, sigma, rng):
    """Noise whose variance grows with the signal: sigma is that of middle gray."""
    seen = _blurred(x, psf)
    noise = rng.normal(0, sigma, x.shape) * np.sqrt(0.25 + 1.5 * np.clip(seen, 0, 1))
    return Frame(x, _to_8_bits(seen + noise), psf, sigma)


def _valid(x, psf, sigma, rng):
    """Borders unknown; extended after Liu and Jia."""
    margin = max(psf.shape) // 2
    inner = (slice(margin, -margin),) * 2
    y = none(x, psf, sigma, rng).observed[inner]
    shape = [fft.next_fast_len(n + 2 * max(psf.shape) + n % 2, real=True) for n in y.shape]
    shape = [n + -n % ALIGNMENT for n in shape]
    return Frame(x[inner], _extended(y, shape), psf, sigma, shown=lambda g: g[: y.shape[0], : y.shape[1]])


def _linear(in_linear_light):
    def make(x, psf, sigma, rng):
        light = np.clip(_blurred(x**GAMMA, psf), 0, 1)
        encoded = _to_8_bits(light ** (1 / GAMMA) + rng.normal(0, sigma, x.shape))
        if not in_linear_light:
            return Frame(x, encoded, psf, sigma)
        # The curve's slope makes of the encoded noise its mean power in linear light.
        slope = GAMMA * encoded ** (GAMMA - 1)
        return Frame(
            x,
            encoded**GAMMA,
            psf,
            sigma * np.sqrt(np.mean(slope**2)),
            shown=lambda g: np.clip(g, 0, 1) ** (1 / GAMMA),
        )

    return make


FAULTS = {
    "none": none,
    "valid, extended": _valid,
    "PSF wrong by 5 %": _wrong_psf(0.05),
    "PSF wrong by 10 %": _wrong_psf(0.10),
    "PSF 5 % too wide": _wrong_width(1.05),
    "PSF 5 % too narrow": _wrong_width(0.95),
    "PSF 20 % too wide": _wrong_width(1.2),
    "PSF 20 % too wide, doubted": _wrong_width(1.2, 0.2),
    "PSF 20 % too narrow": _wrong_width(0.8),
    "PSF 20 % too narrow, doubted": _wrong_width(0.8, 0.2),
    "sigma told twice": _misjudged(2),
    "sigma told half": _misjudged(0.5),
    "JPEG 90": _jpeg(90),
    "JPEG 75": _jpeg(75),
    "noise grows with signal": _shot,
    "linear light, as if gamma": _linear(False),
    "linear light, undone": _linear(True),
}


def _blurred(x, psf):
    plane = np.zeros(x.shape)
    plane[: psf.shape[0], : psf.shape[1]] = psf
    plane = np.roll(plane, (-(psf.shape[0] // 2), -(psf.shape[1] // 2)), (0, 1))
    return fft.irfft2(fft.rfft2(x) * fft.rfft2(plane), s=x.shape)


def _normalised(psf):
    psf = np.clip(psf, 0, None)
    return psf / psf.sum()


def _to_8_bits(frame):
    return np.clip(np.round(frame * 255), 0, 255) / 255


def _extended(y, shape):
    """`y` in the first corner of a periodic plane whose margin is harmonic."""
    h, w = y.shape
    below = _bridge(y[-1], y[0], shape[0] - h)
    right = _bridge(y[:, -1], y[:, 0], shape[1] - w).T
    ring = np.zeros((shape[0] - h + 2, shape[1] - w + 2))
    ring[0], ring[-1], ring[:, 0], ring[:, -1] = right[-1], right[0], below[:, -1], below[:, 0]
    return np.block([[y, right[:, 1:-1]], [below[1:-1], _harmonic(ring)[1:-1, 1:-1]]])


def _bridge(first, last, rows):
    t = np.linspace(0, 1, rows + 2)[:, None]
    band = (1 - t) * first + t * last
    return _harmonic(band)


def _harmonic(ring):
    """Fills the interior so that each sample is the mean of its four neighbours."""
    known = ring.copy()
    known[1:-1, 1:-1] = 0
    load = known[1:-1, 2:] + known[1:-1, :-2] + known[:-2, 1:-1] + known[2:, 1:-1]
    i, j = (np.arange(1, n - 1) for n in ring.shape)
    power = 4 - 2 * np.cos(np.pi * i / (ring.shape[0] - 1))[:, None] - 2 * np.cos(np.pi * j / (ring.shape[1] - 1))
    known[1:-1, 1:-1] = fft.idstn(fft.dstn(load, type=1) / power, type=1)
    return known
