#!/usr/bin/env python3
"""What machines read of blurred codes and pages, before and after restoration.

    python3 benches/conditions/reading.py DEBLURD [--models none,nano,base] [--keep FOLDER]

Sixteen QR codes of four samples a module and six pages of text in letters of 22 samples, made here, are blurred in six
ways, get noise of two levels, and are restored with PSF and noise told. zxing-cpp reads the codes: the share that
is read right. Tesseract reads the pages: the share of characters that is right (1 less the edit distance over the
length, from 0).

Needs NumPy, SciPy, Pillow (with its own font), zxing-cpp, and tesseract on the path.
"""
import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFont
from scipy.signal import fftconvolve

BLURS = ["disk:3", "disk:4", "gaussian:2", "gaussian:2.6", "motion:11,30", "motion:15,0"]
SIGMAS = [2.55, 7.65]
MODULE, LETTER = 4, 22
WORDS = (
    "camera frame light lens focus motion blur sharp picture noise sensor pixel window street letter number plate "
    "machine belt box label parcel bottle water green north river paper table yellow stone house garden bridge"
).split()


def codes(source):
    """Pictures and what they say."""
    for index in range(16):
        text = "".join(source.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=8 + 2 * index))
        code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
        small = np.array(zxingcpp.write_barcode_to_image(code, add_quiet_zones=False))
        modules = np.kron(small > 127, np.ones((MODULE, MODULE)))
        yield 30 + 190 * np.pad(modules, 4 * MODULE, constant_values=1), text


def pages(source):
    font = ImageFont.load_default(LETTER)
    for _ in range(6):
        lines = [" ".join(source.choices(WORDS, k=6)) for _ in range(8)]
        page = Image.new("L", (620, 40 + 8 * (LETTER + 14)), 225)
        draw = ImageDraw.Draw(page)
        for number, line in enumerate(lines):
            draw.text((24, 20 + number * (LETTER + 14)), line, fill=30, font=font)
        yield np.asarray(page).astype(float), " ".join(lines)


def read_code(picture, text):
    found = zxingcpp.read_barcodes(np.ascontiguousarray(picture), formats=zxingcpp.BarcodeFormat.QRCode)
    return float(any(code.text == text for code in found))


def read_page(picture, text):
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        Image.fromarray(picture).save(file.name)
        # On pages as small as these its threads wait for each other most of the time.
        alone = os.environ | {"OMP_THREAD_LIMIT": "1"}
        command = ["tesseract", file.name, "-", "--psm", "6"]
        ended = subprocess.run(command, capture_output=True, text=True, env=alone)
    if ended.returncode:
        sys.exit(f"tesseract: {ended.stderr}")
    return max(0.0, 1 - distance(" ".join(ended.stdout.split()), text) / len(text))


def distance(a, b):
    """The edit distance of two texts."""
    row = np.arange(len(b) + 1)
    letters = np.array(list(b))
    for number, letter in enumerate(a, start=1):
        changed = row[:-1] + (letters != letter)
        least = np.minimum(changed, row[1:] + 1)
        row = np.concatenate([[number], least])
        row = np.minimum.accumulate(row - np.arange(len(row))) + np.arange(len(row))
    return int(row[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deblurd", type=pathlib.Path)
    parser.add_argument("--models", default="none,nano,base")
    parser.add_argument("--keep", type=pathlib.Path, help="folder that keeps the pictures, to look at them")
    arguments = parser.parse_args()
    models, source, noise = arguments.models.split(","), random.Random(1), np.random.default_rng(1)
    kinds = {
        "codes read": (list(codes(source)), read_code),
        "characters read": (list(pages(source)), read_page),
    }
    with tempfile.TemporaryDirectory() as folder:
        folder = arguments.keep or pathlib.Path(folder)
        print(f"| | sigma | blur | sharp | blurred | {' | '.join(models)} |")
        print("|---" * (5 + len(models)) + "|")
        for kind, (pictures, read) in kinds.items():
            sharp = np.mean([read(picture.astype(np.uint8), text) for picture, text in pictures])
            for sigma in SIGMAS:
                rows = []
                for blur in BLURS:
                    place = folder / kind.split()[0] / f"{sigma}-{blur.replace(':', '-')}"
                    rows.append(measure(arguments.deblurd, pictures, read, (blur, sigma), models, place, noise))
                    line(kind, sigma, blur, sharp, rows[-1])
                line(kind, sigma, "all", sharp, np.mean(rows, axis=0))


def measure(deblurd, pictures, read, camera, models, place, noise):
    """What is read of blurred pictures and of each model's: shares."""
    blur, sigma = camera
    (place / "blurred").mkdir(parents=True, exist_ok=True)
    run(deblurd, "psf", blur, "-o", place / "psf.txt")
    kernel = np.loadtxt(place / "psf.txt", ndmin=2)
    for index, (picture, _) in enumerate(pictures):
        frame = fftconvolve(np.pad(picture, 24, mode="edge"), kernel, mode="same")[24:-24, 24:-24]
        frame = np.clip(np.rint(frame + noise.normal(0, sigma, frame.shape)), 0, 255).astype(np.uint8)
        Image.fromarray(frame).save(place / "blurred" / f"{index:02}.png")
    shares = [share(place / "blurred", pictures, read)]
    for model in models:
        (place / model).mkdir(exist_ok=True)
        options = ["--psf", blur, "--sigma", sigma, "--model", model]
        run(deblurd, "restore", place / "blurred", *options, "-o", place / model)
        shares.append(share(place / model, pictures, read))
    return shares


def share(folder, pictures, read):
    names = sorted(folder.glob("*.png"))
    return np.mean([read(np.asarray(Image.open(name)), text) for name, (_, text) in zip(names, pictures, strict=True)])


def run(program, *arguments):
    ended = subprocess.run([program.resolve(), *map(str, arguments)], capture_output=True, text=True)
    if ended.returncode:
        sys.exit(f"deblurd {' '.join(map(str, arguments))}: {ended.stderr}")


def line(kind, sigma, blur, sharp, shares):
    cells = " | ".join(f"{100 * share:.0f} %" for share in [sharp, *shares])
    print(f"| {kind} | {sigma} | {blur} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
