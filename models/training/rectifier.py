"""The rectifier between the convolutions, which lets no filter fall silent for good.

A filter whose result is negative everywhere gets no gradient through a plain rectifier and never comes back. Fast steps
silence many: a quarter of all filters of `base`, most of them where coarse branches go back up. So a filter that fires
almost nowhere in a batch is pulled up until it does, wherever it is below zero. It then learns from what it does there.

The pull ends where a filter fires. A gradient that always leaks through rectifiers does not: where an activation is 0
and ought to be less it pushes on, and activations ran away.
"""
import torch

RARE = 1e-3  # share of samples at which a filter may fire and still be pulled up
PULL = 1e-2  # gradient of the loss by a silent filter's bias


def loss_scale(device):
    """What the loss is multiplied by: it lifts gradients into the range of half precision."""
    return 1024 if device.type == "cuda" else 1


class _Rectifier(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        rectified = x.clamp(min=0)
        context.save_for_backward(rectified)
        return rectified

    @staticmethod
    def backward(context, gradient):
        (rectified,) = context.saved_tensors
        fires = rectified > 0
        share = fires.mean(dim=(0, 2, 3), keepdim=True, dtype=torch.float32)
        samples = rectified.numel() // rectified.shape[1]
        pull = PULL * loss_scale(rectified.device) / samples
        return torch.where(fires, gradient, torch.where(share < RARE, -pull, 0).to(gradient.dtype))


def rectified(x):
    """x [B, C, H, W] where it is positive, else 0."""
    return _Rectifier.apply(x)
