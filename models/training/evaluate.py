"""Measures model files over test pictures blurred by the eight kernels of Levin et al., in NumPy and ONNX Runtime.

    python3 models/training/evaluate.py models/base.onnx [models/base-f32.onnx ...] [--sigma 2.55 5.1 ...]
        [--pictures ../shared/data/test/set12] [--per-kernel]

The field's protocol: circular blur, Gaussian noise of `sigma` gray levels, y rounded to 8 bits, PSNR of the clipped
result, mean over all pairs. Nothing is shared with the training code, so that it cannot hide a mistake made there.
"""
import argparse
import pathlib
import re

import numpy as np
import onnx
import onnxruntime
from onnx.utils import Extractor
from PIL import Image
from scipy import fft

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEST_DATA = ROOT.parent / "shared/data"

# Mean power spectrum of natural images, S = exp(C) * G**-P.
C, P = -3.92, 1.753


class Model:
    """The stages of one file, each cut out as a model of its own: ONNX Runtime would ask for every input at once."""

    def __init__(self, path):
        whole = onnx.load(path)
        extractor = Extractor(whole)
        stages = int({p.key: p.value for p in whole.metadata_props}["deblurd.stages"])
        suffixes = [""] + [str(k) for k in range(2, stages + 1)]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self.stages = [
            onnxruntime.InferenceSession(
                extractor.extract_model(["z" + s], ["f" + s]).SerializeToString(), options, ["CPUExecutionProvider"]
            )
            for s in suffixes
        ]

    def restore(self, y, transfer, regulariser):
        """g_k = x_w + P (g_(k-1) - x_w + f_k(x_w, y, g_(k-1))), the frame mean set aside."""
        mean = y.mean()
        centred = y - mean
        estimate = wiener(centred, transfer, regulariser)
        projection = regulariser / (np.abs(transfer) ** 2 + regulariser)
        projection[0, 0] = 0
        restored = estimate
        for k, session in enumerate(self.stages):
            planes = [estimate, centred] if k == 0 else [estimate, centred, restored]
            z = np.stack(planes)[None].astype(np.float32)
            (f,) = session.run(None, {session.get_inputs()[0].name: z})
            correction = fft.rfft2(restored - estimate + f[0, 0].astype(float)) * projection
            restored = estimate + fft.irfft2(correction, s=y.shape)
        return restored + mean


def otf(psf, shape):
    """Half spectrum of `psf` on an extent `shape`; its centre is (h // 2, w // 2)."""
    plane = np.zeros(shape)
    plane[: psf.shape[0], : psf.shape[1]] = psf
    return fft.rfft2(np.roll(plane, (-(psf.shape[0] // 2), -(psf.shape[1] // 2)), (0, 1)))


def spectral_regulariser(shape, sigma):
    """R = sigma^2 / S with sigma in [0, 1] units."""
    v, u = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None, :]
    laplacian = 4 * np.sin(np.pi * v) ** 2 + 4 * np.sin(np.pi * u) ** 2
    return sigma**2 / (np.exp(C) * np.maximum(laplacian, 1e-6) ** -P)


def wiener(centred, transfer, regulariser):
    """The Wiener estimate of a mean-free frame."""
    spectrum = fft.rfft2(centred) * np.conj(transfer) / (np.abs(transfer) ** 2 + regulariser)
    return fft.irfft2(spectrum, s=centred.shape)


def psnr(restored, truth):
    return -10 * np.log10(np.mean((np.clip(restored, 0, 1) - truth) ** 2))


def measure(models, pictures, psfs, level):
    """PSNR [pictures, PSFs, 1 + models]: the Wiener filter alone, then each model, for noise of `level` gray levels."""
    sigma, rng = level / 255, np.random.default_rng(0)
    table = np.zeros((len(pictures), len(psfs), 1 + len(models)))
    for i, x in enumerate(pictures):
        for j, psf in enumerate(psfs):
            transfer, regulariser = otf(psf, x.shape), spectral_regulariser(x.shape, sigma)
            blurred = fft.irfft2(fft.rfft2(x) * transfer, s=x.shape)
            y = np.clip(np.round((blurred + rng.normal(0, sigma, x.shape)) * 255), 0, 255) / 255
            restored = [wiener(y - y.mean(), transfer, regulariser) + y.mean()]
            restored += [model.restore(y, transfer, regulariser) for model in models]
            table[i, j] = [psnr(g, x) for g in restored]
    return table


def natural(path):
    """Sort key that puts 10.png behind 2.png."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--sigma", nargs="+", type=float, default=[2.55, 5.1, 7.65, 12.75], help="8-bit gray levels")
    parser.add_argument("--pictures", type=pathlib.Path, default=TEST_DATA / "test/set12")
    parser.add_argument("--kernels", type=pathlib.Path, default=TEST_DATA / "psf/levin")
    parser.add_argument("--per-kernel", action="store_true")
    args = parser.parse_args()

    models = [Model(path) for path in args.models]
    paths = sorted(args.pictures.glob("*.png"))
    pictures = [np.asarray(Image.open(path).convert("L"), float) / 255 for path in paths]
    psfs = [np.loadtxt(path) for path in sorted(args.kernels.glob("*.txt"), key=natural)]
    print(f"{len(pictures)} pictures x {len(psfs)} kernels, mean PSNR in dB")
    print(" ".join(["sigma  kernel", f"{'wiener':>14}", *(f"{path.stem:>14}" for path in args.models)]))
    for level in args.sigma:
        table = measure(models, pictures, psfs, level)
        rows = [("mean", table.mean(axis=(0, 1)))]
        if args.per_kernel:
            rows += [(str(j + 1), table[:, j].mean(axis=0)) for j in range(len(psfs))]
        for label, values in rows:
            print(" ".join([f"{level:5.2f}  {label:>6}", *(f"{v:14.3f}" for v in values)]))


if __name__ == "__main__":
    main()
