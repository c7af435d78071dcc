"""The degradation of photographs, as a camera makes it.

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

import jpeg
import wiener

SIGMA_MIN, SIGMA_MAX = 0.5, 12.75  # 8-bit gray levels
SIGMA_TYPICAL, SIGMA_SPREAD = 2.55, 0.3  # median and log standard deviation of the part drawn near the usual noise
GAMMA = 2.2


class Observation(NamedTuple):
    """Sharp crops, what the camera shows of them, and what the restorer is told."""

    sharp: torch.Tensor
    observed: torch.Tensor
    psfs: torch.Tensor
    sigma: torch.Tensor
    is_valid: torch.Tensor  # [B, 1, 1, 1]: the crop's border is unknown, as a real frame's is
    faulty: int  # only the first crops may be valid ones


@dataclass(frozen=True)
class Camera:
    share: float = 0.125  # of crops with faults
    valid: float = 0.5  # borders unknown, as every real frame's
    linear: float = 0.3  # blurred in linear light, seen through a transfer curve
    shot: float = 0.4  # noise that grows with the signal
    jpeg: float = 0.4  # quality 70 to 95
    wrong_psf: float = 0.5  # the PSF told is wrong by up to 10 % (L2), or its width by up to 5 %
    misjudged: float = 0.4  # the noise told is wrong by up to a factor of two
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
        is_valid = torch.zeros(count, 1, 1, 1, dtype=torch.bool, device=sharp.device)
        if not faulty:
            return Observation(sharp, _to_8_bits(light + _wide(sigma) * noise), psfs, sigma, is_valid, 0)

        head = slice(faulty)
        linear = wiener.apply(transfer[head], sharp[head] ** GAMMA).clamp(1e-5, 1) ** (1 / GAMMA)
        seen = torch.where(self._is(self.linear, sharp[head]), linear, light[head])
        growth = torch.where(self._is(self.shot, seen), (0.25 + 1.5 * seen.clamp(0, 1)).sqrt(), torch.ones_like(seen))
        light = torch.cat((seen, light[faulty:]))
        noise = torch.cat((noise[head] * growth, noise[faulty:]))
        observed = _to_8_bits(light + _wide(sigma) * noise)

        quality = 70 + 25 * torch.rand(faulty, device=sharp.device)
        shown = torch.where(self._is(self.jpeg, seen), jpeg.compress(observed[head], quality.round()), observed[head])
        told = torch.where(self._is(self.wrong_psf, seen)[:, 0], spoiled(psfs[head]), psfs[head])
        return Observation(
            sharp,
            torch.cat((shown, observed[faulty:])),
            torch.cat((told, psfs[faulty:])),
            self._told(sigma, faulty),
            torch.cat((self._is(self.valid, seen), is_valid[faulty:])),
            faulty,
        )

    def _told(self, sigma, faulty):
        """The noise levels that the restorer is told: some of the first crops', and all of the next ones', wrong.

        Wrong by a factor of 2.2 at most, most of them near that, where it harms.
        """
        size = torch.cos(math.pi / 2 * torch.rand_like(sigma))
        is_low = torch.rand_like(sigma) < 0.5
        wrong = sigma * torch.exp(torch.where(is_low, -size, size) * math.log(2.2))
        is_wrong = torch.rand_like(sigma) < self.misjudged
        is_wrong &= torch.arange(len(sigma), device=sigma.device) < faulty
        return torch.where(is_wrong | self._is_doubtful(len(sigma), sigma.device), wrong, sigma)

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


def spoiled(psfs):
    """PSFs wrong as a calibration errs: half of them by up to 10 % of their L2 norm, half too wide or narrow by 5 %."""
    count, support = len(psfs), psfs.shape[-1]
    error = torch.randn_like(psfs) * (psfs > 0)
    part = 0.1 * torch.rand(count, 1, 1, device=psfs.device)
    error *= part * psfs.norm(dim=(1, 2), keepdim=True) / error.norm(dim=(1, 2), keepdim=True).clamp(min=1e-9)
    width = 1 + 0.05 * (2 * torch.rand(count, 1, 1, device=psfs.device) - 1)
    grid = functional.affine_grid(torch.eye(2, 3, device=psfs.device) * width, (count, 1, support, support), False)
    scaled = functional.grid_sample(psfs[:, None], grid, align_corners=False)[:, 0]
    wrong = torch.where(torch.rand(count, 1, 1, device=psfs.device) < 0.5, (psfs + error).clamp(min=0), scaled)
    return wrong / wrong.sum(dim=(1, 2), keepdim=True)


def _wide(sigma):
    return sigma[:, None, None, None]


def _to_8_bits(frames):
    return (frames * 255).round().clamp(0, 255) / 255
