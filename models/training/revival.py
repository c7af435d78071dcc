"""Brings back filters that never fire.

A filter whose result is negative everywhere gets no gradient and stays silent for good. Fast steps leave many such: two
fifths of all filters of the files of contract 3, most of them where coarse branches go back up. They get new weights,
so small that the network makes nearly the same of its frames as before, and learn from there.

A gradient that leaks through the rectifiers instead does not do: where an activation is 0 and ought to be less it
pushes on for ever, and after 500 steps activations ran away (`base`, leak of 0.1, rate 3e-3).
"""
import torch

from quantisation import Convolution

RARE = 1e-4  # share of samples at which a filter that is called silent may fire
SCALE = 0.02  # of the new weights against those of a network from scratch


@torch.no_grad()
def revive(restorer, run, batches=3):
    """Renews the silent filters of `restorer`, judged by `batches` calls of `run`; how many there were, of how many."""
    shares = _firing(restorer, run, batches)
    for convolution, share in shares.items():
        _renew(convolution, share < RARE)
    return sum(int((share < RARE).sum()) for share in shares.values()), sum(map(len, shares.values()))


def _firing(restorer, run, batches):
    """For every convolution that is rectified: the share of samples at which each of its filters fires."""
    shares, hooks = {}, []

    def watch(convolution, _, result):
        fires = (result > 0).float().mean(dim=(0, 2, 3)) / batches
        shares[convolution] = shares.get(convolution, 0) + fires

    for stage in restorer.stages:
        rectified = (m for m in stage.modules() if isinstance(m, Convolution) and m is not stage.tail)
        hooks += [convolution.register_forward_hook(watch) for convolution in rectified]
    for _ in range(batches):
        run()
    for hook in hooks:
        hook.remove()
    return shares


def _renew(convolution, silent):
    """Gives the filters that are `silent` small weights and no bias."""
    outputs, inputs = convolution.weight.shape[:2]
    fresh = Convolution(inputs, outputs, convolution.kernel_size).weight.to(convolution.weight)
    convolution.weight[silent] = SCALE * fresh[silent]
    convolution.bias[silent] = 0
