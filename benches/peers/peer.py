"""Sets deblurd beside the same restoration in NumPy, FFTW and ONNX Runtime, stage by stage, in one session.

    python3 -m pip install -r benches/peers/requirements.txt
    python3 benches/peers/peer.py [target/release/deblurd] [--size 640x360 1280x720 1920x1080] [--threads 1 2]

From the project's root, after `cargo build --release`. Both take the same frames, PSF and model file through the same
steps on planes of the same extent: decode and extend (Liu and Jia), Wiener filter, then network and null-space
projection for each stage of the model, encode. The peer works in single precision with everything precomputed that can
be: filters, buffers, FFTW's plans, eigenvalues of the extension. FFTW's transforms and ONNX Runtime's operators get as
many threads as deblurd. A second table sets the Wiener filter of one plane beside that of four libraries.

First both restore one blurred picture; the program fails where their PSNR against the truth is more than 0.05 dB apart.
Then they take turns, `--rounds` times `--frames` frames each, after two frames that are not counted. Every number is
the median of the rounds' medians. The tables are Markdown.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import cv2
import numpy as np
import onnx
import onnxruntime
import pyfftw
import scipy
from onnx.utils import Extractor
from PIL import Image
from scipy import fft

import transforms

SIGMA = 2.55  # noise in 8-bit gray levels; what `deblurd bench` plans for
WEAK = 0.1  # of the regulariser, for the estimate that keeps more noise
CONSTANTS = {"sigma": 10 * SIGMA / 255, "trust": 1}  # planes that are the same all over
C, P = -3.92, 1.753  # mean power spectrum of natural images, S = exp(C) * G**-P
TOLERANCE_DB = 0.05
UNTIMED_FRAMES = 2


def good_size(least):
    """deblurd's choice: even, a product of 2, 3, 5 and 7, within a twenty-fifth the one with most factors 2."""

    def is_smooth(n):
        for prime in (2, 3, 5, 7):
            while n % prime == 0:
                n //= prime
        return n == 1

    first = max(least, 2) + least % 2
    smooth = [n for n in range(first, 2 * first + 1, 2) if is_smooth(n)]
    near = [n for n in smooth if n <= first + first // 25]
    return max(near or smooth[:1], key=lambda n: (n & -n, -n))


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


def filters(transfer, r, strengths):
    """The Wiener filter, the weak one and, for every stage, its null-space projection."""
    power = np.abs(transfer) ** 2
    inverses = [np.conj(transfer) / (power + share * r) for share in (1, WEAK)]
    for inverse in inverses:
        inverse[0, 0] = 1
    projections = [c * r / (power + c * r) for c in strengths]
    for projection in projections:
        projection[0, 0] = 0
    return [*(inverse.astype(np.complex64) for inverse in inverses), *(projection.astype(np.float32) for projection in projections)]


class Bridge:
    """Fills a rectangle so that its Laplacian is zero, from the ring around it: a sine transform both ways."""

    def __init__(self, rows, columns, workers):
        i, j = np.arange(1, rows + 1)[:, None], np.arange(1, columns + 1)[None, :]
        laplacian = 4 - 2 * np.cos(np.pi * j / (columns + 1)) - 2 * np.cos(np.pi * i / (rows + 1))
        self.inverse = (1 / laplacian).astype(np.float32)
        self.rhs = np.empty((rows, columns), np.float32)
        self.workers = workers

    def fill(self, top, bottom, left, right):
        self.rhs.fill(0)
        self.rhs[0] += top
        self.rhs[-1] += bottom
        self.rhs[:, 0] += left
        self.rhs[:, -1] += right
        spectrum = fft.dstn(self.rhs, type=1, workers=self.workers)
        spectrum *= self.inverse
        return fft.idstn(spectrum, type=1, overwrite_x=True, workers=self.workers)


class Extension:
    """A plane made periodic by a smooth margin, half of it on either side (Liu and Jia, ICIP 2008)."""

    def __init__(self, inner, outer, workers):
        (h, w), (self.rows, self.columns) = inner, (outer[0] - inner[0], outer[1] - inner[1])
        self.offset = (self.rows // 2, self.columns // 2)
        self.cornered = np.empty(outer, np.float32)
        self.below = Bridge(self.rows, w - 2, workers)
        self.beside = Bridge(h - 2, self.columns, workers)
        ramp = lambda n: (np.arange(1, n + 1, dtype=np.float32) / (n + 1))
        self.down, self.across = ramp(self.rows), ramp(self.columns)
        self.inner = inner

    def apply(self, plane, extended):
        (h, w), c = self.inner, self.cornered
        c[:h, :w] = plane
        for x in (0, w - 1):
            c[h:, x] = plane[-1, x] + self.down * (plane[0, x] - plane[-1, x])
        for y in (0, h - 1):
            c[y, w:] = plane[y, -1] + self.across * (plane[y, 0] - plane[y, -1])
        c[h:, 1 : w - 1] = self.below.fill(plane[-1, 1:-1], plane[0, 1:-1], c[h:, 0], c[h:, w - 1])
        c[1 : h - 1, w:] = self.beside.fill(c[0, w:], c[h - 1, w:], plane[1:-1, -1], plane[1:-1, 0])
        # The four sides of the corner are straight: the bilinear function through its corners is the answer.
        left, right = c[h:, w - 1, None], c[h:, 0, None]
        c[h:, w:] = left + self.across * (right - left)
        top, start = self.offset
        bottom, end = c.shape[0] - top, c.shape[1] - start
        for target, source in ((extended[top:], c[:bottom]), (extended[:top], c[bottom:])):
            target[:, start:] = source[:, :end]
            target[:, :start] = source[:, end:]


class Peer:
    """The restoration of frames of one extent, every stage a method; `stages` lists them in order."""

    def __init__(self, extent, psf, model, threads):
        self.workers = threads
        self.shape = tuple(good_size(n + 2 * m) for n, m in zip(extent, psf.shape))
        self.extent = extent
        self.extension = Extension(extent, self.shape, threads)
        self.transforms = transforms.Fftw(self.shape, threads)
        self.filters = filters(otf(psf, self.shape), spectral_regulariser(self.shape, SIGMA / 255), strengths(model))
        self.prepared = [self.transforms.prepare(factors) for factors in self.filters]
        self.strengths = strengths(model)
        # All planes and g in one buffer: what a network sees is a slice of it, without a copy.
        self.inputs, (height, width) = inputs(model), self.shape
        self.z = np.zeros((1, len(self.inputs) + 1, *aligned(self.shape, model)), np.float32)
        planes = {name: plane[:height, :width] for name, plane in zip([*self.inputs, "so far"], self.z[0])}
        for name in set(self.inputs) & set(CONSTANTS):
            self.z[0, self.inputs.index(name)] = CONSTANTS[name]
        self.x_w, self.weak, self.g = planes["estimate"], planes.get("weak"), planes["so far"]
        self.y = planes.get("blurred", np.empty(self.shape, np.float32))
        self.light = np.empty(extent, np.float32)
        self.sessions = sessions(model, threads)
        self.stages = [("decode", self.decode), ("wiener", self.wiener)]
        for k, session in enumerate(self.sessions):
            self.stages.append((f"residual {k + 1}", lambda k=k, session=session: self.residual(k, session)))
            self.stages.append((f"projection {k + 1}", lambda k=k: self.projection(k)))
        self.stages.append(("encode", self.encode))

    def decode(self):
        np.multiply(self.frame, np.float32(1 / 255), out=self.light)
        self.mean = self.light.mean(dtype=np.float64).astype(np.float32)
        self.light -= self.mean
        self.extension.apply(self.light, self.y)

    def wiener(self):
        self.x_w[:] = self.transforms.apply(self.y, self.prepared[0])
        if self.weak is not None:
            self.weak[:] = self.transforms.apply(self.y, self.prepared[1])

    def residual(self, k, session):
        z, (height, width) = self.z[:, : len(self.inputs) + (k > 0)], self.shape
        z[..., height:, :], z[..., width:] = z[..., height - 1 : height, :], z[..., width - 1 : width]
        self.f = session.run(None, {session.get_inputs()[0].name: z})[0][0, 0, :height, :width]

    def projection(self, k):
        share = np.float32(1 - 1 / self.strengths[k])
        self.f += (self.g if k > 0 else self.x_w) - share * self.x_w
        np.add(self.x_w, self.transforms.apply(self.f, self.prepared[k + 2]), out=self.g)

    def encode(self):
        (top, left), (h, w) = self.extension.offset, self.extent
        np.add(self.g[top : top + h, left : left + w], self.mean, out=self.light)
        self.light *= 255
        np.rint(self.light, out=self.light)
        np.clip(self.light, 0, 255, out=self.light)
        self.restored = self.light.astype(np.uint8)

    def restore(self, frame):
        """Restores one frame; the time of every stage in ms, that of all last."""
        self.frame, laps, start = frame, [], time.perf_counter()
        for _, stage in self.stages:
            lap = time.perf_counter()
            stage()
            laps.append(1e3 * (time.perf_counter() - lap))
        return [*laps, 1e3 * (time.perf_counter() - start)]

    def measure(self, frame, frames):
        """Median time of every stage and of all, by name."""
        laps = [self.restore(frame) for _ in range(frames + UNTIMED_FRAMES)][UNTIMED_FRAMES:]
        names = [name for name, _ in self.stages] + ["in all"]
        return {name: statistics.median(column) for name, column in zip(names, zip(*laps))}


def metadata(model):
    return {p.key: p.value for p in model.metadata_props}


def strengths(path):
    """The weight c of every stage."""
    return [float(c) for c in metadata(onnx.load(path))["deblurd.consistency"].split()]


def inputs(path):
    """Names of the planes that networks see."""
    return metadata(onnx.load(path))["deblurd.inputs"].split()


def aligned(shape, path):
    """`shape` where the sides are multiples of what the networks need."""
    alignment = int(metadata(onnx.load(path))["deblurd.alignment"])
    return tuple(-(-side // alignment) * alignment for side in shape)


def sessions(path, threads):
    """One session a stage of the model: ONNX Runtime would ask for the inputs of all of them at once."""
    whole = onnx.load(path)
    extractor = Extractor(whole)
    count = int(metadata(whole)["deblurd.stages"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Processors without VNNI would add products of bytes in 16 bits, which overflow.
    options.add_session_config_entry("session.x64quantprecision", "1")
    cut = lambda suffix: extractor.extract_model(["z" + suffix], ["f" + suffix]).SerializeToString()
    suffixes = [""] + [str(k) for k in range(2, count + 1)]
    return [onnxruntime.InferenceSession(cut(suffix), options, ["CPUExecutionProvider"]) for suffix in suffixes]


class Deblurd:
    """The built program, with what every call of it shares."""

    def __init__(self, binary, psf, model):
        self.binary, self.psf, self.model = binary, psf, model

    def run(self, *words):
        command = [self.binary, *words, "--psf", self.psf, "--model", self.model]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stderr}")

    def restore(self, blurred, restored):
        self.run("restore", blurred, "-o", restored, "--sigma", SIGMA)
        return np.asarray(Image.open(restored))

    def measure(self, extent, threads, frames, folder):
        numbers = folder / "bench.json"
        size = f"{extent[1]}x{extent[0]}"
        self.run("bench", "--size", size, "--threads", threads, "--frames", frames, "--json", numbers)
        return {stage["stage"]: stage["median_ms"] for stage in json.loads(numbers.read_text())["stages"]}


def line_psf(length=15, degrees=30):
    """A straight motion."""
    t = np.linspace(-length / 2, length / 2, 4001) * np.exp(1j * np.radians(degrees))
    x, y = np.rint(t.real).astype(int), np.rint(-t.imag).astype(int)
    psf = np.zeros((2 * y.max() + 1, 2 * x.max() + 1))
    np.add.at(psf, (y + y.max(), x + x.max()), 1)
    return psf / psf.sum()


def leaves(shape, rng):
    """A picture of discs that cover each other, many small and few large, as things in photographs do."""
    picture = np.full(shape, 0.5)
    count = 4000
    radii, shades = 4 / np.sqrt(rng.uniform(0.0015, 1, count)), rng.uniform(0.05, 0.95, count)
    centres = rng.uniform(0, (shape[1], shape[0]), (count, 2))
    for radius, (x, y), shade in zip(radii, centres, shades):
        top, left = max(int(y - radius), 0), max(int(x - radius), 0)
        window = picture[top : int(y + radius) + 2, left : int(x + radius) + 2]
        v, u = np.ogrid[top : top + window.shape[0], left : left + window.shape[1]]
        window[(u - x) ** 2 + (v - y) ** 2 < radius**2] = shade
    return picture


def blurred_picture(extent, psf, rng):
    """A sharp picture, and what the camera makes of it where all that was blurred into it was in sight."""
    margin = [side // 2 for side in psf.shape]
    whole = leaves([n + 2 * m for n, m in zip(extent, margin)], rng)
    inside = tuple(slice(m, m + n) for n, m in zip(extent, margin))
    seen = fft.irfft2(fft.rfft2(whole) * otf(psf, whole.shape), s=whole.shape)[inside]
    noisy = seen + rng.normal(0, SIGMA / 255, extent)
    return whole[inside], np.clip(np.rint(noisy * 255), 0, 255).astype(np.uint8)


def pattern(extent):
    """The frames of `deblurd bench`."""
    y, x = np.ogrid[: extent[0], : extent[1]]
    return ((x * x // 97 + y * y // 61 + x * y // 83) % 256).astype(np.uint8)


def psnr(restored, truth):
    return -10 * np.log10(np.mean((restored / 255 - truth) ** 2))


def check(deblurd, peer, psf, folder):
    """Whether both restore the same picture."""
    truth, blurred = blurred_picture(peer.extent, psf, np.random.default_rng(0))
    Image.fromarray(blurred).save(folder / "blurred.png")
    ours = deblurd.restore(folder / "blurred.png", folder / "restored.png")
    peer.restore(blurred)
    differences = np.abs(ours.astype(int) - peer.restored)
    ours_db, peer_db = psnr(ours, truth), psnr(peer.restored, truth)
    print(
        f"PSNR: blurred {psnr(blurred, truth):.2f} dB, deblurd {ours_db:.2f} dB, peer {peer_db:.2f} dB; "
        f"samples differ by {differences.mean():.3f} gray levels on average, by {differences.max()} at most\n"
    )
    if abs(ours_db - peer_db) > TOLERANCE_DB:
        sys.exit(f"the pictures are more than {TOLERANCE_DB} dB apart: these are not the same restoration")


def compare(deblurd, peer, rounds, frames, folder):
    """Medians of the rounds' medians of both, by stage, and of the Wiener filter by library."""
    times, frame = {"deblurd": [], "peer": []}, pattern(peer.extent)
    libraries = {kind.name: [] for kind in transforms.ALL}
    for _ in range(rounds):
        times["peer"].append(peer.measure(frame, frames))
        for kind in transforms.ALL:
            libraries[kind.name].append(measure_filter(kind(peer.shape, peer.workers), peer, frames))
        time.sleep(0.2)  # ONNX Runtime's threads wait actively for a while.
        times["deblurd"].append(deblurd.measure(peer.extent, peer.workers, frames, folder))
    names = times["peer"][0]
    stages = {name: tuple(statistics.median(r[name] for r in times[who]) for who in times) for name in names}
    return stages, {name: statistics.median(medians) for name, medians in libraries.items()}


def measure_filter(library, peer, frames):
    """Median time of the Wiener filter; the result must be the peer's."""
    factors, laps = library.prepare(peer.filters[0]), []
    for _ in range(frames + UNTIMED_FRAMES):
        start = time.perf_counter()
        filtered = library.apply(peer.y, factors)
        laps.append(1e3 * (time.perf_counter() - start))
    if np.abs(filtered - peer.x_w).max() > 1e-3:
        sys.exit(f"{library.name} filters otherwise than {peer.transforms.name}")
    return statistics.median(laps[UNTIMED_FRAMES:])


def table(results):
    """The Markdown table of one extent; `results` maps numbers of threads to times by stage and by library."""
    label = lambda n: f"{n} thread" + "s" * (n > 1)
    heads = [f"{who}, {label(n)}" for n in results for who in ("deblurd ms", "peer ms", "peer / deblurd")]
    lines = ["| stage | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    stages = [stages for stages, _ in results.values()]
    row = lambda name, pairs: f"| {name} | " + " | ".join(f"{a:.2f} | {b:.2f} | {b / a:.2f}" for a, b in pairs) + " |"
    lines += [row(name, [times[name] for times in stages]) for name in stages[0]]
    for group in ("residual", "projection"):
        sums = [[sum(t[who] for n, t in times.items() if n.startswith(group)) for who in (0, 1)] for times in stages]
        lines.append(row(f"all {group}s", sums))
    rates = [tuple(1e3 / ms for ms in times["in all"]) for times in stages]
    lines.append("| frames/s | " + " | ".join(f"{ours:.1f} | {peers:.1f} | " for ours, peers in rates) + " |")
    for library in next(iter(results.values()))[1]:
        pairs = [(times["wiener"][0], libraries[library]) for times, libraries in results.values()]
        lines.append(row(f"wiener by {library}", pairs))
    return "\n".join(lines)


def processor():
    info = pathlib.Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":")[1].strip() if names else platform.machine()


def extent(text):
    width, height = text.split("x")
    return int(height), int(width)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deblurd", nargs="?", type=pathlib.Path, default="target/release/deblurd")
    parser.add_argument("--size", nargs="+", type=extent, default=[(360, 640), (720, 1280), (1080, 1920)])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--frames", type=int, default=20, help="timed frames in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", type=pathlib.Path, default="models/base.onnx")
    parser.add_argument("--psf", type=pathlib.Path, help="text matrix [default: a motion of 15 pixels at 30 degrees]")
    args = parser.parse_args()

    print(f"{processor()}, {os.cpu_count()} cores; NumPy {np.__version__}, SciPy {scipy.__version__}, ", end="")
    print(f"pyFFTW {pyfftw.__version__}, OpenCV {cv2.__version__}, ONNX Runtime {onnxruntime.__version__}; {args.rounds} rounds of {args.frames} frames\n")
    psf = np.loadtxt(args.psf, ndmin=2) if args.psf else line_psf()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        np.savetxt(folder / "psf.txt", psf)
        deblurd = Deblurd(args.deblurd, folder / "psf.txt", args.model)
        psf = psf / psf.sum()
        for size in args.size:
            results = {}
            for threads in args.threads:
                peer = Peer(size, psf, args.model, threads)
                if not results:
                    print(f"### {size[1]}x{size[0]}, transformed as {peer.shape[1]}x{peer.shape[0]}\n")
                    check(deblurd, peer, psf, folder)
                results[threads] = compare(deblurd, peer, args.rounds, args.frames, folder)
            print(table(results) + "\n", flush=True)


if __name__ == "__main__":
    main()
