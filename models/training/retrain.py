"""Makes a released size anew, from the photographs to a checked and measured model file, in one command.

    python3 models/training/retrain.py --size nano --out DIR

Trains in float, trains on with rounding, checks the files against ONNX Runtime, and measures the new model beside the
released one on Set12 and the Levin kernels. Without a GPU `nano` takes some minutes on two cores.
"""
import argparse
import pathlib
import subprocess
import sys
import time

from sizes import SIZES

HERE = pathlib.Path(__file__).resolve().parent


def run(script, *arguments):
    print(f"{script} {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, HERE / script, *arguments], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args, others = parser.parse_known_args()
    begun = time.monotonic()
    run("train.py", "--size", args.size, "--out", str(args.out), *others)
    run("quantise.py", str(args.out), "--name", args.size, *others)
    run("check.py", str(args.out / f"{args.size}.onnx"))
    print(f"{args.size} made anew in {(time.monotonic() - begun) / 60:.1f} minutes", flush=True)
    released = HERE.parent / f"{args.size}.onnx"
    run("evaluate.py", str(args.out / f"{args.size}.onnx"), str(released), "--sigma", "2.55")


if __name__ == "__main__":
    main()
