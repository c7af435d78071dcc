"""Checks a model's two files against each other and against PyTorch, in ONNX Runtime.

    python3 models/training/check.py models/base.onnx [models/nano.onnx ...]

The network is read back from the files. (a) any aligned extent runs, (b) the float file equals PyTorch, (c) the int8
file equals the fake quantisation it was trained with to one step of its output (rarely two), (d) nothing beyond the
stated halo moves an output, (e) the seals hold.
"""
import argparse
import hashlib
import pathlib

import numpy as np
import onnx
import onnxruntime
import torch
from onnx.utils import Extractor

import export
import quantisation
from quantisation import Quantiser

RARE = 1e-4  # share of values that may be two steps off: one tipped at a quarter of the resolution reaches many
EXTENTS = [(4, 4), (8, 16), (36, 52), (64, 124), (100, 68), (360, 640)]


def check_outputs(sessions, model, quantised, rng):
    """(a), (b), (c): inputs of a picture's range, every extent."""
    quantisation.set_mode(model, Quantiser.ON if quantised else Quantiser.OFF)
    for stage, session in zip(model.stages, sessions):
        step = stage.output_range.scale()
        differences = []
        for extent in EXTENTS:
            z = smooth_noise((1, stage.head.in_channels, *extent), rng)
            (ours,) = session.run(None, {session.get_inputs()[0].name: z})
            with torch.no_grad():
                theirs = stage(torch.from_numpy(z).double()).numpy()
            assert ours.shape == (1, 1, *extent), ours.shape
            differences.append(np.abs(ours - theirs))
        worst = max(d.max() for d in differences)
        if quantised:
            steps = np.concatenate([d.ravel() for d in differences]) / step
            moved, far = np.mean(steps > 0.5), np.mean(steps > 1.01)
            print(f"  int8 against fake quantisation: {moved:.1e} of values moved, {far:.1e} by more than one step")
            assert worst < 2.01 * step and far < RARE
        else:
            print(f"  float against PyTorch: at most {worst:.1e}")
            assert worst < 1e-5


def check_halo(sessions, model, rng):
    """(d): one input pixel at a time is disturbed, in all phases of the coarsest grid.

    A network's farthest samples can be deaf to most pictures, so nothing is asked of the least distance here.
    """
    side, middle, reaches, alignment = 128, 64, [], model.shape.alignment
    for stage, session in zip(model.stages, sessions):
        name, reach = session.get_inputs()[0].name, 0
        for phase in range(alignment**2):
            place = middle + phase // alignment, middle + phase % alignment
            z = smooth_noise((1, stage.head.in_channels, side, side), rng)
            before = session.run(None, {name: z})[0][0, 0]
            z[0, :, place[0], place[1]] += 100
            changed = np.argwhere(session.run(None, {name: z})[0][0, 0] != before)
            reach = max(reach, np.abs(changed - place).max(initial=0))
        reaches.append(int(reach))
    halo = model.shape.halo()
    print(f"  a pixel moves outputs up to {reaches} px away, halo {halo}")
    assert max(reaches) <= halo


def check_seal(path):
    """(e): the SHA-256 of the file with its seal zeroed is the seal."""
    seal = {p.key: p.value for p in onnx.load(path).metadata_props}["deblurd.seal"].encode()
    content = path.read_bytes()
    assert content.count(seal) == 1
    assert hashlib.sha256(content.replace(seal, b"0" * 64)).hexdigest().encode() == seal
    print(f"  seal {seal.decode()} holds")


def smooth_noise(shape, rng):
    """Mean-free planes with the range and smoothness of a picture's."""
    z = rng.normal(size=shape)
    spectrum = np.fft.rfft2(z)
    v, u = np.fft.fftfreq(shape[-2])[:, None], np.fft.rfftfreq(shape[-1])[None, :]
    z = np.fft.irfft2(spectrum / (np.hypot(u, v) + 0.02), s=shape[-2:])
    return (z / z.std() * 0.2).astype(np.float32)


def stages(path):
    """A session for each stage, cut out: ONNX Runtime would ask for every input at once."""
    whole = onnx.load(path)
    suffixes = [""] + [str(k) for k in range(2, len(whole.graph.input) + 1)]
    extractor = Extractor(whole)
    parts = [extractor.extract_model(["z" + s], ["f" + s]).SerializeToString() for s in suffixes]
    options = onnxruntime.SessionOptions()
    # Processors without VNNI would add products of bytes in 16 bits, which overflow.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return [onnxruntime.InferenceSession(part, options, providers=["CPUExecutionProvider"]) for part in parts]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    for path in parser.parse_args().models:
        # In double precision: sums of floats in another order would tip values that lie between two steps.
        model = export.read(path.parent, path.stem, torch.float64).eval()
        rng = np.random.default_rng(0)
        for file, quantised in ((path, True), (path.with_stem(f"{path.stem}-f32"), False)):
            print(file.name)
            sessions = stages(file)
            check_outputs(sessions, model, quantised, rng)
            check_halo(sessions, model, rng)
            check_seal(file)


if __name__ == "__main__":
    main()
