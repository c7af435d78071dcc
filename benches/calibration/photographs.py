#!/usr/bin/env python3
"""What models make of real photographs, beside the Wiener filter alone.

    python3 benches/calibration/photographs.py DEBLURD --data ../shared/data [--models nano,base]

The blurred photographs of Levin, Weiss, Durand, Freeman (CVPR 2009) in DATA/blind/levin with their measured kernels,
each restored at several noise levels; the best of them counts, for the filter as for each model. 15 samples are cut
off at every side, and the restored picture is aligned to a fraction of a sample. Beside PSNR stands how far the
spectrum is from that of the sharp picture: the mean over rings of frequencies of the difference of the logarithms of
the power, in dB, at the noise level that PSNR chose. Texture that was smoothed away makes it large.

Needs NumPy, SciPy and Pillow.
"""
import argparse
import pathlib
import tempfile

import numpy as np
from estimate import CUT, Bench, best_shift, read, shifted

SIGMAS = ("0.7", "1", "1.5", "2", "3", "4.5", "6.5")
RINGS = 24


def restored(bench, data, name, model, sigma):
    picture, kernel = name
    out = bench.folder / "out.png"
    told = ["--psf", data / f"{kernel}.txt", "--model", model, "--sigma", sigma, "--transfer", "none"]
    bench.run("restore", data / f"{picture}_{kernel}.png", *told, "-o", out)
    return read(out)


def powers(plane):
    """Mean power of each ring of frequencies below half the rate of sampling."""
    spectrum = np.abs(np.fft.rfft2((plane - plane.mean()) * np.outer(*map(np.hanning, plane.shape)))) ** 2
    v, u = np.fft.fftfreq(plane.shape[0])[:, None], np.fft.rfftfreq(plane.shape[1])
    ring = np.minimum((np.hypot(u, v) * 2 * RINGS).astype(int), RINGS)
    return np.array([spectrum[ring == r].mean() for r in range(RINGS)])


def measure(bench, data, name, model):
    """PSNR, distance of spectra in dB and noise level of the best restoration."""
    sharp, by, best = read(data / f"{name[0]}_sharp.png"), None, (-np.inf, 0, "")
    for sigma in SIGMAS:
        plane = restored(bench, data, name, model, sigma)
        by = best_shift(plane, sharp) if by is None else by
        moved, truth = (p[CUT:-CUT, CUT:-CUT] for p in (shifted(plane, by), sharp))
        psnr = -10 * np.log10(np.mean((moved - truth) ** 2))
        apart = np.mean(np.abs(10 * np.log10(powers(moved) / powers(truth))))
        best = max(best, (psnr, apart, sigma))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deblurd", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--models", default="nano,base")
    arguments = parser.parse_args()
    data = arguments.data.resolve() / "blind/levin"
    names = [tuple(path.stem.split("_")) for path in sorted(data.glob("im*_kernel*.png"))]
    print(f"{len(names)} photographs; PSNR at the best noise level, dB")
    print("| model | mean | gain over none: mean | worst | below none | spectrum, dB | noise levels |\n" + "|---" * 7 + "|")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments.deblurd.resolve(), arguments.data.resolve(), pathlib.Path(folder))
        alone = None
        for model in ["none", *arguments.models.split(",")]:
            rows = [measure(bench, data, name, model) for name in names]
            psnr, apart = (np.array([row[i] for row in rows]) for i in (0, 1))
            alone = psnr if alone is None else alone
            gain = psnr - alone
            levels = " ".join(f"{sigma}x{count}" for sigma in SIGMAS if (count := sum(row[2] == sigma for row in rows)))
            print(
                f"| {model} | {psnr.mean():.2f} | {gain.mean():+.2f} | {gain.min():+.2f} | {np.mean(gain < 0):.0%} "
                f"| {apart.mean():.2f} | {levels} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
