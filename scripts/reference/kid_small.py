#!/usr/bin/env python3
"""Makes the weights of MobileNetV2 that come with the program of torchvision's.

Batch norms are folded into the convolutions before them, in float64; weights become a byte each, `q * scale + min`,
with a scale and a minimum for each output channel. Needs torch, numpy and safetensors:

    scripts/fetch-weights mobilenet
    python3 scripts/reference/kid_small.py ~/.cache/stylegan/weights/mobilenet_v2-b0353104.pth \\
        features/src/mobilenet/weights/mobilenet.safetensors
"""

import argparse
from pathlib import Path

import numpy as np

GROUPS = [(1, 1), (6, 2), (6, 3), (6, 4), (6, 3), (6, 3), (6, 1)]
"""How many times wider the blocks of a group are inside, and how many there are."""


def convolutions():
    """Our name of each, and torchvision's of it and its batch norm."""
    yield "first", "features.0.0", "features.0.1"
    number = 1
    for times, count in GROUPS:
        for _ in range(count):
            parts = ["within"] if times == 1 else ["widen", "within"]
            for place, part in enumerate(parts):
                yield f"blocks.{number}.{part}", *(f"features.{number}.conv.{place}.{kind}" for kind in (0, 1))
            narrow = [f"features.{number}.conv.{place}" for place in (len(parts), len(parts) + 1)]
            yield f"blocks.{number}.narrow", *narrow
            number += 1
    yield "last", f"features.{number}.0", f"features.{number}.1"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("torchvision", type=Path)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    import torch
    from safetensors.numpy import save_file

    theirs = torch.load(arguments.torchvision, weights_only=True, map_location="cpu")
    numbers = lambda name: theirs[name].double().numpy()
    made = {}
    for name, conv, norm in convolutions():
        factor = numbers(f"{norm}.weight") / np.sqrt(numbers(f"{norm}.running_var") + 1e-5)
        weight = numbers(f"{conv}.weight") * factor.reshape(-1, 1, 1, 1)
        rows = weight.reshape(len(weight), -1)
        least, most = rows.min(1), rows.max(1)
        scale = np.maximum(most - least, 1e-12) / 255
        quantized = np.round((rows - least[:, None]) / scale[:, None]).astype(np.uint8)
        made[f"{name}.weight"] = quantized.reshape(weight.shape)
        bias = numbers(f"{norm}.bias") - numbers(f"{norm}.running_mean") * factor
        for part, values in [("scale", scale), ("min", least), ("bias", bias)]:
            made[f"{name}.{part}"] = values.astype(np.float32)
    save_file(made, arguments.file)


if __name__ == "__main__":
    main()
