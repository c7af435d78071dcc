"""The pictures that a model helps least, to be looked at: blurred, Wiener, restored and truth side by side.

    python3 models/training/gallery.py [--model models/base.onnx] [--sigma 2.55] [--out models/gallery]

Of every picture of Set12 the one of the eight Levin kernels with the smallest gain over the Wiener filter (circular
blur, 8 bits), and of these the five smallest. Test pictures may not be passed on, so git ignores the folder.
"""
import argparse
import concurrent.futures
import pathlib

import numpy as np
from PIL import Image, ImageDraw

import evaluate
import faults
from evaluate import ROOT, TEST_DATA

COUNT, CAPTION = 5, 18  # pictures; height of a caption in px


def frame(picture, kernel, index, level):
    """What evaluate.py measures for this pair."""
    x = np.asarray(Image.open(picture).convert("L"), float) / 255
    rng = np.random.default_rng(faults.seed(picture.name, index))
    return faults.none(x, np.loadtxt(kernel), level / 255, rng)


def panels(model, frame):
    """Blurred, Wiener, restored, truth."""
    transfer = evaluate.otf(frame.psf, frame.observed.shape)
    regulariser = evaluate.spectral_regulariser(frame.observed.shape, frame.sigma)
    mean = frame.observed.mean()
    estimate = evaluate.wiener(frame.observed - mean, transfer, regulariser) + mean
    shown = model.restore(frame.observed, transfer, regulariser, frame.sigma)
    return [frame.observed, estimate, shown, frame.truth]


def worst(path, picture, kernels, level):
    """(gain, picture, number of the kernel) where the model gains least on the picture."""
    gains = []
    for index, kernel in enumerate(kernels):
        seen = frame(picture, kernel, index, level)
        _, estimate, restored, truth = panels(evaluate.Model(path), seen)
        gains.append(evaluate.psnr(restored, truth) - evaluate.psnr(estimate, truth))
    return min(gains), picture, int(np.argmin(gains))


def strip(model, picture, kernels, index, level):
    """The four panels with captions, as one picture."""
    shown = panels(model, frame(picture, kernels[index], index, level))
    height, width = shown[-1].shape
    sheet = Image.new("L", (4 * width, height + CAPTION), 255)
    for place, (name, panel) in enumerate(zip(("blurred", "Wiener", "restored", "truth"), shown)):
        gray = np.rint(np.clip(panel, 0, 1) * 255).astype(np.uint8)
        sheet.paste(Image.fromarray(gray), (place * width, CAPTION))
        told = f"{picture.stem}, kernel {index + 1}" if name == "truth" else f"{evaluate.psnr(panel, shown[-1]):.2f} dB"
        ImageDraw.Draw(sheet).text((place * width + 4, 3), f"{name}, {told}", fill=0)
    return sheet


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models/base.onnx")
    parser.add_argument("--sigma", type=float, default=2.55, help="8-bit gray levels")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "models/gallery")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    kernels = sorted((TEST_DATA / "psf/levin").glob("*.txt"), key=evaluate.natural)
    pictures = sorted((TEST_DATA / "test/set12").glob("*.png"), key=evaluate.natural)
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        found = [pool.submit(worst, args.model, picture, kernels, args.sigma) for picture in pictures]
        ranked = sorted(future.result() for future in found)[:COUNT]
    model = evaluate.Model(args.model)
    for rank, (gain, picture, index) in enumerate(ranked, start=1):
        path = args.out / f"{rank}-{picture.stem}-kernel{index + 1}.png"
        strip(model, picture, kernels, index, args.sigma).save(path)
        print(f"{path}: {gain:+.2f} dB over the Wiener filter")


if __name__ == "__main__":
    main()
