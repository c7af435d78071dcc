"""Checks exported files against the checkpoint they came from, in ONNX Runtime.

    python3 models/training/check.py CHECKPOINT models/

(a) any even extent runs, (b) the float file equals PyTorch, (c) the int8 file equals the fake quantisation it was
trained with to one step of its output, (d) nothing beyond the stated halo moves an output, (e) the seals hold.
"""
import argparse
import hashlib
import pathlib

import numpy as np
import onnx
import torch

import network
from evaluate import Model

EXTENTS = [(2, 2), (6, 14), (34, 50), (62, 126), (98, 66), (360, 640)]


def check_outputs(sessions, model, quantised, rng):
    """(a), (b), (c): inputs of a picture's range, every extent."""
    model.quantise(network.Quantiser.ON if quantised else network.Quantiser.OFF)
    for stage, session in zip(model.stages, sessions):
        step = stage.output_range.log_scale.exp().item()
        differences = []
        for extent in EXTENTS:
            z = smooth_noise((1, stage.head.in_channels, *extent), rng)
            (ours,) = session.run(None, {session.get_inputs()[0].name: z})
            with torch.no_grad():
                theirs = stage(torch.from_numpy(z)).numpy()
            assert ours.shape == (1, 1, *extent), ours.shape
            differences.append(np.abs(ours - theirs))
        worst = max(d.max() for d in differences)
        if quantised:
            moved = np.mean(np.concatenate([d.ravel() for d in differences]) > step / 2)
            print(f"  int8 against fake quantisation: at most {worst / step:.2f} steps, {moved:.1e} of values moved")
            assert worst < 1.01 * step
        else:
            print(f"  float against PyTorch: at most {worst:.1e}")
            assert worst < 1e-5


def check_halo(sessions, model, rng):
    """(d): one input pixel at a time is disturbed, in both phases of the half-resolution grid."""
    side, middle, reaches = 96, 48, []
    for stage, session in zip(model.stages, sessions):
        name, reach = session.get_inputs()[0].name, 0
        for phase in range(4):
            place = middle + phase // 2, middle + phase % 2
            z = smooth_noise((1, stage.head.in_channels, side, side), rng)
            before = session.run(None, {name: z})[0][0, 0]
            z[0, :, place[0], place[1]] += 100
            changed = np.argwhere(session.run(None, {name: z})[0][0, 0] != before)
            reach = max(reach, np.abs(changed - place).max())
        reaches.append(int(reach))
    print(f"  a pixel moves outputs up to {reaches} px away, halo {network.halo()}")
    assert max(reaches) <= network.halo() < max(reaches) + network.ALIGNMENT


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    args = parser.parse_args()
    model = network.Restorer()
    model.load_state_dict(torch.load(args.checkpoint)["model"])
    rng = np.random.default_rng(0)
    for name, quantised in (("base.onnx", True), ("base-f32.onnx", False)):
        print(name)
        sessions = Model(args.folder / name).stages
        check_outputs(sessions, model, quantised, rng)
        check_halo(sessions, model, rng)
        check_seal(args.folder / name)


if __name__ == "__main__":
    main()
