"""Measures model files over test pictures blurred by the eight kernels of Levin et al., in NumPy and ONNX Runtime.

    python3 models/training/evaluate.py models/base.onnx [models/base-f32.onnx ...] [--sigma 2.55 7.65 ...]
        [--pictures ../shared/data/test/set12] [--per-kernel] [--faults] [--jobs 2]

The field's protocol: circular blur, Gaussian noise of `sigma` gray levels, y rounded to 8 bits, PSNR of the clipped
result, mean over all pairs. `--faults` adds what a camera and its calibration do wrong (faults.py). Nothing is shared
with the training code, so that it cannot hide a mistake made there.
"""
import argparse
import concurrent.futures
import pathlib
import re

import numpy as np
import onnx
import onnxruntime
from onnx.utils import Extractor
from PIL import Image
from scipy import fft

import faults

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEST_DATA = ROOT.parent / "shared/data"

WEAK = 0.1  # part of the regulariser that the estimate `weak` has

# Mean power spectrum of natural images, S = exp(C) * G**-P.
C, P = -3.92, 1.753


class Model:
    """The stages of one file, each cut out as a model of its own: ONNX Runtime would ask for every input at once."""

    def __init__(self, path, threads=1):
        whole = onnx.load(path)
        extractor = Extractor(whole)
        properties = {p.key: p.value for p in whole.metadata_props}
        stages = int(properties["deblurd.stages"])
        suffixes = [""] + [str(k) for k in range(2, stages + 1)]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Processors without VNNI would add products of bytes in 16 bits, which overflow.
        options.add_session_config_entry("session.x64quantprecision", "1")
        self.inputs = properties["deblurd.inputs"].split()
        self.strengths = [float(c) for c in properties["deblurd.consistency"].split()]
        self.stages = [
            onnxruntime.InferenceSession(
                extractor.extract_model(["z" + s], ["f" + s]).SerializeToString(), options, ["CPUExecutionProvider"]
            )
            for s in suffixes
        ]

    def planes(self, centred, transfer, regulariser, sigma, trust):
        """What all stages see, by its names in the file."""
        known = {
            "estimate": wiener(centred, transfer, regulariser),
            "blurred": centred,
            "weak": wiener(centred, transfer, WEAK * regulariser),
            "sigma": np.full(centred.shape, 10 * sigma),
            "trust": np.full(centred.shape, trust),
        }
        return [known[name] for name in self.inputs], known["estimate"]

    def restore(self, y, transfer, regulariser, sigma, trust=1.0):
        """g_k = x_w + P_c (g_(k-1) - (1 - 1/c) x_w + f_k), the frame mean set aside; sigma in [0, 1] units."""
        mean = y.mean()
        planes, estimate = self.planes(y - mean, transfer, regulariser, sigma, trust)
        restored = estimate
        for k, (session, strength) in enumerate(zip(self.stages, self.strengths)):
            z = np.stack(planes if k == 0 else [*planes, restored])[None].astype(np.float32)
            (f,) = session.run(None, {session.get_inputs()[0].name: z})
            projection = strength * regulariser / (np.abs(transfer) ** 2 + strength * regulariser)
            projection[0, 0] = 0
            bracket = restored - (1 - 1 / strength) * estimate + f[0, 0].astype(float)
            restored = estimate + fft.irfft2(fft.rfft2(bracket) * projection, s=y.shape)
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


def measure(paths, picture, kernels, level, fault):
    """PSNR [PSFs, 2 + models] of one picture: blurred, the Wiener filter alone, then each model."""
    models = [Model(path) for path in paths]
    x = np.asarray(Image.open(picture).convert("L"), float) / 255
    table = np.zeros((len(kernels), 2 + len(models)))
    for j, kernel in enumerate(kernels):
        rng = np.random.default_rng(faults.seed(picture.name, j))
        frame = faults.FAULTS[fault](x, np.loadtxt(kernel), level / 255, rng)
        transfer = otf(frame.psf, frame.observed.shape)
        regulariser = spectral_regulariser(frame.observed.shape, frame.sigma)
        mean = frame.observed.mean()
        restored = [frame.observed, wiener(frame.observed - mean, transfer, regulariser) + mean]
        restored += [model.restore(frame.observed, transfer, regulariser, frame.sigma, frame.trust) for model in models]
        table[j] = [psnr(frame.shown(g), frame.truth) for g in restored]
    return table


def natural(path):
    """Sort key that puts 10.png behind 2.png."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--sigma", nargs="+", type=float, default=[2.55, 7.65, 12.75], help="8-bit gray levels")
    parser.add_argument("--pictures", type=pathlib.Path, default=TEST_DATA / "test/set12")
    parser.add_argument("--kernels", type=pathlib.Path, default=TEST_DATA / "psf/levin")
    parser.add_argument("--only", type=int, help="number of the one kernel to use")
    parser.add_argument("--per-kernel", action="store_true")
    parser.add_argument("--faults", action="store_true", help="also every fault of faults.py")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    args = parser.parse_args()

    pictures = sorted(args.pictures.glob("*.png"), key=natural)
    kernels = sorted(args.kernels.glob("*.txt"), key=natural)
    kernels = kernels if args.only is None else kernels[args.only - 1 : args.only]
    print(f"{len(pictures)} pictures x {len(kernels)} kernels, mean PSNR in dB")
    print("in brackets: the share of frames on which the model loses to the Wiener filter, and its smallest gain")
    names = ["blurred", "wiener", *(path.stem for path in args.models)]
    print(" ".join([f"{'sigma  fault or kernel':30}", *(f"{name:>22}" for name in names)]))
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        for level in args.sigma:
            for fault in faults.FAULTS if args.faults else ["none"]:
                jobs = [pool.submit(measure, args.models, p, kernels, level, fault) for p in pictures]
                table = np.stack([job.result() for job in jobs])
                report(f"{level:5.2f}  {fault}", table.reshape(-1, table.shape[2]))
                for j in range(len(kernels) if args.per_kernel else 0):
                    report(f"{level:5.2f}  kernel {args.only or j + 1}", table[:, j])


def report(label, rows):
    cells = [f"{value:22.3f}" for value in rows[:, :2].mean(axis=0)]
    for column in rows.T[2:]:
        gain = column - rows[:, 1]
        cells.append(f"{column.mean():7.3f} ({np.mean(gain < 0):4.0%}, {gain.min():+5.2f})")
    print(f"{label:30} " + " ".join(f"{cell:>22}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
