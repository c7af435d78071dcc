"""The `Module`: degraded frames in, restored frames and their loss out, and the optimisation of the networks between.

On CUDA the networks are compiled and run in half precision, and one whole step, crops and noise included, is captured
as a graph: they are so small that launching their kernels one by one would take most of the time.
"""
import dataclasses
import math
import time
from dataclasses import dataclass

import pytorch_lightning as lightning
import torch

import boundary
import quantisation
import wiener
from network import Told
from optimiser import Muon
from quantisation import Quantiser
from rectifier import loss_scale


@dataclass(frozen=True)
class Recipe:
    """How long and how fast a run learns."""

    steps: int
    seconds: float | None = None  # instead of steps: as many as this takes
    rate: float = 4e-3  # wide networks overflow half precision at twice that
    batch: int = 24
    patch: int = 192
    epoch: int = 1_000  # steps
    block: int = 100  # steps between two returns to the trainer
    warm_up: int = 500
    rounding: bool = False  # with the rounding of the int8 file in the loop
    float_share: float = 0.0  # of a run with rounding: its first part, which does without


class Module(lightning.LightningModule):
    """`history` has a row of figures for every epoch."""

    def __init__(self, restorer, recipe):
        super().__init__()
        self.automatic_optimization = False
        self.restorer, self.recipe = restorer, recipe
        self.done, self.progress, self.history = 0, 0.0, []
        self.past = []  # the runs before this one, in words
        self.graph = None

    def restore(self, seen):
        """Restored frames: the border extended where it is unknown, the mean set aside, all stages."""
        y = seen.observed
        if seen.faulty:
            margin = seen.psfs.shape[-1] // 2
            inner = y[: seen.faulty, :, margin:-margin, margin:-margin]
            extended = boundary.extend(inner, 2 * margin).roll((margin, margin), (2, 3))
            y = torch.cat((torch.where(seen.is_valid[: seen.faulty], extended, y[: seen.faulty]), y[seen.faulty :]))
        mean = y.mean(dim=(2, 3), keepdim=True)
        filters = wiener.filters(seen.psfs, seen.sigma, y.shape[-1], self.restorer.flat)
        restored = self.restorer(y - mean, filters, Told(seen.sigma, seen.trust), half=y.is_cuda)
        return restored + mean, wiener.apply(filters.inverse(), y - mean) + mean

    def errors(self, restored, seen):
        """Mean squared error [B] in [0, 1] units, where the frame is known."""
        margin = seen.psfs.shape[-1] // 2
        squares = (restored - seen.sharp).square()
        inner = squares[..., margin:-margin, margin:-margin].mean(dim=(1, 2, 3))
        return torch.where(seen.is_valid.flatten(), inner, squares.mean(dim=(1, 2, 3)))

    def configure_optimizers(self):
        self.rate = torch.zeros((), device=self.device)
        trained = {name: p for name, p in self.restorer.named_parameters() if p.requires_grad}
        weights = [p for p in trained.values() if p.dim() == 4]
        biases = [p for name, p in trained.items() if name.endswith("bias")]
        others = [p for name, p in trained.items() if p.dim() != 4 and not name.endswith("bias")]
        return Muon(weights, biases, others, self.rate)

    def on_fit_start(self):
        self.trainer.datamodule.place(self.device)
        self.sums = torch.zeros(1, device=self.device)
        quantisers = [m for m in self.modules() if isinstance(m, Quantiser)]
        if not self.recipe.rounding:
            for quantiser in quantisers:
                quantiser.reach.zero_()  # training in float moves what was watched before
        elif any(q.reach == 0 for q in quantisers):
            self.calibrate()
        quantisation.set_mode(self, Quantiser.ON if self.recipe.rounding else Quantiser.OFF)
        if self.recipe.rounding and not self.history:
            self.history.append(self.measure())
        self.is_float = self.progress < self.recipe.float_share
        if self.is_float:
            quantisation.set_mode(self, Quantiser.OFF)
        if self.device.type == "cuda":
            torch._dynamo.config.recompile_limit = 64  # all stages are one function to it
            for stage in self.restorer.stages:
                stage.compile()
        self.begun = time.monotonic() - self.progress * (self.recipe.seconds or 0)

    def training_step(self, _):
        """A block of steps."""
        for _ in range(self.recipe.block):
            if self.recipe.seconds:
                self.progress = (time.monotonic() - self.begun) / self.recipe.seconds
            else:
                self.progress = self.done / self.recipe.steps
            self.trainer.should_stop = self.progress >= 1
            if self.trainer.should_stop:
                return
            if self.is_float and self.progress >= self.recipe.float_share:
                self._begin_rounding()
            warm = min(1, (self.done + 1) / self.recipe.warm_up)
            rate = self.recipe.rate * warm * 0.5 * (1 + math.cos(math.pi * self.progress))
            if self.device.type == "cuda":
                self.graph = self.graph or self._capture()
                self.rate.fill_(rate)
                self.graph.replay()
            else:
                self.rate.fill_(rate)
                self._step()
            self.done += 1
        if self.recipe.seconds and self.device.type == "cuda":
            torch.cuda.synchronize()  # or the steps that are told but not made yet would not be reckoned with

    def on_train_end(self):
        if self.is_float:  # stopped early: what is exported has scales of its own all the same
            self._begin_rounding()

    def validation_step(self, _):
        with torch.compiler.set_stance("force_eager"):  # other batches would be compiled for anew
            self.history.append(self.measure())
        row = self.history[-1]
        self.log_dict({"loss": row["validation loss"], "psnr": row["validation psnr"]}, prog_bar=True, batch_size=1)

    @torch.no_grad()
    def measure(self):
        """Measures every probe: PSNR, gain over the Wiener filter, loss."""
        row = {"step": self.done, "training loss": self.sums.item() / self.recipe.epoch}
        self.sums.zero_()
        for name, seen in self.trainer.datamodule.probes():
            restored, estimate = self.restore(seen)
            error, wiener_error = self.errors(restored, seen), self.errors(estimate, seen)
            row[f"{name} loss"] = _loss(error).item()
            row[f"{name} psnr"] = -10 * error.log10().mean().item()
            row[f"{name} gain"] = 10 * (wiener_error / error).log10().mean().item()
        return row

    @torch.no_grad()
    def calibrate(self, batches=8):
        """Sets each quantiser's first scale from what passes through it in float."""
        quantisation.set_mode(self, Quantiser.WATCH)
        for quantiser in (m for m in self.modules() if isinstance(m, Quantiser)):
            quantiser.reach.zero_()
        for _ in range(batches):
            self.restore(self.trainer.datamodule.draw())

    def on_save_checkpoint(self, checkpoint):
        camera = dataclasses.asdict(self.trainer.datamodule.camera)
        checkpoint.update(done=self.done, past=self.past, progress=self.progress, history=self.history)
        checkpoint.update(shape=self.restorer.shape, camera=camera, lineage=self.lineage())

    def on_load_checkpoint(self, checkpoint):
        for key in ("done", "past", "progress", "history"):
            setattr(self, key, checkpoint[key])

    def lineage(self):
        """All runs that made these weights, in words."""
        rounded = f"{100 * (1 - self.recipe.float_share):.0f} % " if self.recipe.float_share else ""
        how = f"{rounded}with int8 in the loop" if self.recipe.rounding else "in float"
        return [*self.past, f"{self.done} steps {how}"]

    def _step(self):
        optimiser = self.optimizers().optimizer
        for group in optimiser.param_groups:
            group["lr"] = self.rate  # a resumed one brings its own
        seen = self.trainer.datamodule.draw()
        loss = _loss(self.errors(self.restore(seen)[0], seen))
        optimiser.zero_grad(set_to_none=True)
        scale = loss_scale(self.device)
        (loss * scale).backward()
        gradients = [p.grad for p in self.restorer.parameters() if p.grad is not None]
        for gradient in gradients:
            gradient.div_(scale).nan_to_num_(0, 0, 0)  # a gradient out of half precision's range is left out
        torch.nn.utils.clip_grad_norm_(self.restorer.parameters(), 1.0, foreach=True)
        optimiser.step()
        self.sums += loss.detach()

    def _begin_rounding(self):
        """Ends the part in float: new scales for what the networks make by now, and a new graph with the rounding."""
        with torch.compiler.set_stance("force_eager"):
            self.calibrate()
        quantisation.set_mode(self, Quantiser.ON)
        self.is_float, self.graph = False, None

    def _capture(self):
        """Records one step. The warm-up steps have rate 0: they only fill caches and optimiser state."""
        self.rate.zero_()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self._step()
        torch.cuda.current_stream().wait_stream(side)
        self.optimizers().optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        return graph


def _loss(error):
    """PSNR is a logarithm of each picture's error, and its mean is what counts; the constant keeps crops of plain sky,
    which are easy to restore beyond 40 dB, from taking over. A crop out of half precision's range is left out."""
    return torch.where(error.isfinite(), (error + 1e-4).log(), 0).mean()
