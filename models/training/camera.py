"""The degradation of photographs, as a camera makes it and a restorer leaves it after its own remedies.

Every crop is blurred, gets noise and is rounded to 8 bits. A part of the crops, `share`, come from a camera with
faults besides: each fault befalls such a crop with its own probability, and 0 switches it off. Nearly as many again
have one fault alone, a noise level told wrong: left to the first part, where something else mostly is wrong as well,
the networks trusted the told level more than what they see.
"""
import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch.nn import functional

import calibration
import jpeg
import wiener

SIGMA_MIN, SIGMA_MAX = 0.5, 12.75  # 8-bit gray levels
SIGMA_TYPICAL, SIGMA_SPREAD = 2.55, 0.3  # median and log standard deviation of the part drawn near the usual noise
GAMMA = 2.2
BRIGHT, RESIDUE = 0.9, 0.1  # from where on light was beyond white, and how wrong the restorer found it at most
FUSED = 8  # frames that temporal fusion averages at most
SPIKES = 1e-3  # share of samples that were mended because they were hot or dead


class Observation(NamedTuple):
    """Sharp crops, what the camera shows of them, and what the restorer is told."""

    sharp: torch.Tensor
    observed: torch.Tensor
    psfs: torch.Tensor
    sigma: torch.Tensor
    trust: torch.Tensor  # in the PSFs, 0 guessed to 1 measured
    is_valid: torch.Tensor  # [B, 1, 1, 1]: the crop's border is unknown, as a real frame's is
    faulty: int  # only the first crops may be valid ones


@dataclass(frozen=True)
class Camera:
    share: float = 0.125  # of crops with faults
    valid: float = 0.5  # borders unknown, as every real frame's
    linear: float = 0.3  # blurred in linear light, seen through a transfer curve
    highlights: float = 0.2  # light beyond white was set aside, not quite rightly
    shot: float = 0.4  # noise that grows with the signal
    dark: float = 0.25  # part of that noise's variance at middle gray that black has
    correlated: float = 0.3  # noise of neighbours is alike, as after demosaicing
    fused: float = 0.2  # less noise where nothing moved, as temporal fusion leaves it
    rows: float = 0.15  # whole rows share some noise
    shared: float = 0.5  # of it, in units of sigma
    despiked: float = 0.15  # single samples made of their neighbours
    jpeg: float = 0.4
    quality: tuple = (70, 95)  # lowest and highest of JPEG
    wrong_psf: float = 0.5  # the PSF told is wrong, and the trust in it told with errors
    effective: float = 0.6  # the noise told covers some or all of what else is wrong
    misjudged: float = 0.3  # the noise told is wrong by up to a factor of two
    doubtful: float = 0.8  # times `share`: crops with that fault alone
    sigma: float | None = None  # the one noise level in gray levels, where it is known
    usual: float = 0.35  # share of crops with a noise near the usual one; the others are log-uniform

    def observe(self, sharp, psfs, sigma=None):
        """An `Observation` of crops [B, 1, N, N] through `psfs` [B, K, K], with random noise unless `sigma` is told."""
        count = len(sharp)
        faulty = round(self.share * count)
        sigma = self._sigmas(count, sharp.device) if sigma is None else sigma
        transfer = wiener.otf(psfs, sharp.shape[-1])
        light, noise = wiener.apply(transfer, sharp), torch.randn_like(sharp)
        observed, told, trust = light + _wide(sigma) * noise, sigma, torch.ones_like(sigma)
        is_valid = torch.zeros(count, 1, 1, 1, dtype=torch.bool, device=sharp.device)
        if faulty:
            head, rest = slice(faulty), slice(faulty, None)
            seen = self._light(sharp[head], light[head], transfer[head])
            seen = self._coded(seen + _wide(sigma[head]) * self._noise(noise[head], seen))
            wrong, severity = calibration.spoiled(psfs[head])
            is_wrong = self._is(self.wrong_psf, seen)
            wrong = torch.where(is_wrong[:, 0], wrong, psfs[head])
            severity = torch.where(is_wrong.flatten(), severity, 0)
            level = calibration.effective(sharp[head], seen, wrong, sigma[head])
            level = torch.where(self._is(self.effective, seen).flatten(), level, sigma[head])
            told = torch.cat((level, sigma[rest]))
            trust = torch.cat((calibration.trusted(severity), trust[rest]))
            psfs, observed = torch.cat((wrong, psfs[rest])), torch.cat((seen, observed[rest]))
            is_valid = torch.cat((self._is(self.valid, seen), is_valid[rest]))
            told = self._misjudged(told, faulty)
        return Observation(sharp, _to_8_bits(observed), psfs, told, trust, is_valid, faulty)

    def _light(self, sharp, light, transfer):
        """What falls on the sensor: blurred in linear light, or less highlights that were found not quite rightly."""
        linear = wiener.apply(transfer, sharp**GAMMA).clamp(1e-5, 1) ** (1 / GAMMA)
        error = RESIDUE * (2 * torch.rand(len(sharp), 1, 1, 1, device=sharp.device) - 1)
        wrong = wiener.apply(transfer, error * (sharp > BRIGHT * sharp.amax(dim=(2, 3), keepdim=True)))
        light = torch.where(self._is(self.linear, sharp), linear, light)
        return torch.where(self._is(self.highlights, sharp), light + wrong, light)

    def _noise(self, noise, light):
        """Noise of standard deviation 1 made less simple than white noise is."""
        noise = torch.where(self._is(self.correlated, noise), _correlated(noise), noise)
        growth = (self.dark + 2 * (1 - self.dark) * light.clamp(0, 1)).sqrt()
        noise = torch.where(self._is(self.shot, noise), growth * noise, noise)
        frames = 1 + (FUSED - 1) * torch.rand(len(noise), 1, 1, 1, device=noise.device)
        coarse = torch.randn(len(noise), 1, 5, 5, device=noise.device)
        rests = functional.interpolate(coarse, noise.shape[-2:], mode="bilinear") < 0
        noise = torch.where(self._is(self.fused, noise) & rests, noise * frames.rsqrt(), noise)
        rows = self.shared * torch.randn_like(noise[..., :1])
        return torch.where(self._is(self.rows, noise), noise + rows, noise)

    def _coded(self, frames):
        """Frames in 8 bits, as mended and compressed."""
        frames = _to_8_bits(frames)
        mended = (frames.roll(1, 3) + frames.roll(-1, 3)) / 2
        is_mended = self._is(self.despiked, frames) & (torch.rand_like(frames) < SPIKES)
        frames = torch.where(is_mended, mended, frames)
        low, high = self.quality
        quality = low + (high - low) * torch.rand(len(frames), device=frames.device)
        return torch.where(self._is(self.jpeg, frames), jpeg.compress(frames, quality.round()), frames)

    def _misjudged(self, sigma, faulty):
        """Noise levels of which some of the first crops', and all of the next ones', are wrong."""
        is_wrong = torch.rand_like(sigma) < self.misjudged
        is_wrong &= torch.arange(len(sigma), device=sigma.device) < faulty
        told = torch.where(is_wrong | self._is_doubtful(len(sigma), sigma.device), calibration.misjudged(sigma), sigma)
        return told.clamp(max=calibration.MISJUDGED * SIGMA_MAX / 255)

    def _is_doubtful(self, count, device):
        """The crops, right behind those with faults, of which only the noise level told is wrong."""
        place, first = torch.arange(count, device=device), round(self.share * count)
        return (place >= first) & (place < first + round(self.doubtful * self.share * count))

    def _sigmas(self, count, device):
        """Noise levels as a share of the full range."""
        if self.sigma is not None:
            return torch.full((count,), self.sigma / 255, device=device)
        low, high = math.log(SIGMA_MIN), math.log(SIGMA_MAX)
        uniform = low + (high - low) * torch.rand(count, device=device)
        usual = math.log(SIGMA_TYPICAL) + SIGMA_SPREAD * torch.randn(count, device=device)
        level = torch.where(torch.rand(count, device=device) < self.usual, usual, uniform).clamp(low, high).exp()
        # A wrong level harms most where there is much noise.
        strong = (SIGMA_MAX * torch.rand(count, device=device)).clamp(min=SIGMA_MIN)
        return torch.where(self._is_doubtful(count, device), strong, level) / 255

    def _is(self, probability, like):
        return torch.rand(len(like), 1, 1, 1, device=like.device) < probability


def _correlated(noise):
    """White noise through random filters of 3x3, as loud as before."""
    count = len(noise)
    kernels = 0.4 * torch.randn(count, 1, 3, 3, device=noise.device)
    kernels[:, :, 1, 1] = 1
    kernels = kernels / kernels.square().sum(dim=(2, 3), keepdim=True).sqrt()
    padded = functional.pad(noise, (1, 1, 1, 1), mode="circular").transpose(0, 1)
    return functional.conv2d(padded, kernels, groups=count).transpose(0, 1)


def _wide(sigma):
    return sigma[:, None, None, None]


def _to_8_bits(frames):
    return (frames * 255).round().clamp(0, 255) / 255
