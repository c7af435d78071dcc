"""What a calibration tells the restorer, right or wrong: the PSF, how far to trust it, the noise level.

The noise level that is told stands for everything in a frame that the PSF does not explain: the sensor's noise, what a
coder and a demosaicing left, and the error of the PSF itself. Restorers estimate it with mixed success, so what is told
lies somewhere between the sensor's part and the whole.
"""
import math

import torch
from torch.nn import functional

import wiener

WIDTH, NOISE, FAMILY = 0.2, 0.2, 0.5  # largest errors of a PSF: of its width; in L2; towards a Gaussian
MISJUDGED = 2.2  # largest factor of a noise level told wrong
DOUBT = 0.15  # standard deviation of what is told of a PSF's trust


def spoiled(psfs):
    """PSFs told wrong, and how wrong [B], 0 to 1: a quarter noisy, half too wide or narrow, a quarter too smooth."""
    count = len(psfs)
    part, lot = torch.rand(2, count, 1, 1, device=psfs.device)
    error = torch.randn_like(psfs) * (psfs > 0)
    error *= NOISE * part * psfs.norm(dim=(1, 2), keepdim=True) / error.norm(dim=(1, 2), keepdim=True).clamp(min=1e-9)
    side = torch.where(torch.rand_like(part) < 0.5, -1, 1)
    wrong = torch.where(lot < 0.25, (psfs + error).clamp(min=0), scaled(psfs, 1 + WIDTH * side * part))
    wrong = torch.where(lot > 0.75, torch.lerp(psfs, gaussians(psfs), FAMILY * part), wrong)
    return wrong / wrong.sum(dim=(1, 2), keepdim=True), part.flatten()


def scaled(psfs, width):
    """PSFs `width` times narrower; their sum is for the caller to mend."""
    count, support = len(psfs), psfs.shape[-1]
    grid = functional.affine_grid(torch.eye(2, 3, device=psfs.device) * width, (count, 1, support, support), False)
    return functional.grid_sample(psfs[:, None], grid, align_corners=False)[:, 0]


def gaussians(psfs):
    """The Gaussians with the centres and second moments of `psfs`: what a calibration by formula makes of any blur."""
    n = torch.arange(psfs.shape[-1], device=psfs.device, dtype=psfs.dtype)
    rows, columns = n[:, None] + 0 * n, n + 0 * n[:, None]

    def mean(values):
        return (psfs * values).sum(dim=(1, 2), keepdim=True)

    y, x = rows - mean(rows), columns - mean(columns)
    yy, xx, xy = mean(y * y) + 0.1, mean(x * x) + 0.1, mean(x * y)
    made = torch.exp(-0.5 * (xx * y * y - 2 * xy * x * y + yy * x * x) / (xx * yy - xy * xy).clamp(min=1e-3))
    return made / made.sum(dim=(1, 2), keepdim=True)


def trusted(severity):
    """The trust told in PSFs that are wrong by `severity`: about 1 less that, told with errors.

    One in eight is called measured however wrong; one in eight is doubted for nothing, or more than it deserves. So
    trust is worth believing, but not blindly.
    """
    lot = torch.rand_like(severity)
    told = (1 - severity + DOUBT * torch.randn_like(severity)).clamp(0, 1)
    told = torch.where(severity == 0, 1, told)
    told = torch.where(lot < 0.125, 1, told)
    return torch.where(lot > 0.875, told * torch.rand_like(severity), told)


def effective(sharp, observed, psfs, sigma):
    """Noise levels between the sensor's [B] and the root mean square of what `psfs` leave unexplained."""
    explained = wiener.apply(wiener.otf(psfs, sharp.shape[-1]), sharp)
    whole = (observed - explained).square().mean(dim=(1, 2, 3)).sqrt().maximum(sigma)
    return torch.exp(torch.lerp(sigma.log(), whole.log(), torch.rand_like(sigma)))


def misjudged(sigma):
    """Noise levels wrong by up to a factor of `MISJUDGED`, most of them near that, where it harms."""
    size = torch.cos(math.pi / 2 * torch.rand_like(sigma))
    is_low = torch.rand_like(sigma) < 0.5
    return sigma * torch.exp(torch.where(is_low, -size, size) * math.log(MISJUDGED))
