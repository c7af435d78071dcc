"""Makes a file of contract 3 out of one of contract 2.

    python3 models/training/convert.py OLD.onnx NEW.onnx

Contract 3 names what the networks see, and they may have coarse branches. A network of contract 2 sees the estimate and
the blurred frame and has no such branch: only what the file says of itself changes, and its seal.
"""
import argparse
import json
import pathlib

import onnx

import export


def converted(model):
    """The sealed bytes of contract 3 of a `model` of contract 2."""
    told = {p.key: p.value for p in model.metadata_props}
    if told.get("deblurd.contract") != "2":
        raise SystemExit(f"contract {told.get('deblurd.contract', 'none')} (expected 2)")
    told |= {"deblurd.contract": export.CONTRACT, "deblurd.inputs": "estimate blurred", export.SEAL: export.UNSEALED}
    if "deblurd.shape" in told:
        shape = json.loads(told["deblurd.shape"])
        kept = {key: shape[key] for key in ("bodies", "coarse", "channels", "reach", "shuffle") if key in shape}
        told["deblurd.shape"] = json.dumps(kept | {"inputs": ["estimate", "blurred"]})
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, told)
    return export.sealed(model)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    args = parser.parse_args()
    args.new.write_bytes(converted(onnx.load(args.old)))


if __name__ == "__main__":
    main()
