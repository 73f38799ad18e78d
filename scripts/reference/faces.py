#!/usr/bin/env python3
"""Writes what the face networks compute of a drawn face, and FFHQ's crops of a drawn photo, for the tests.

The networks are those of face-api.js, stated anew in PyTorch; their weights are read where the program keeps them.
The crop follows the recipe by which FFHQ was aligned, stated anew with PIL, NumPy and SciPy, whose filters it used.
Needs torch, numpy, scipy, pillow and safetensors:

    python3 scripts/reference/faces.py networks features/tests/fixtures/faces.safetensors
    python3 scripts/reference/faces.py crops alignment/tests/fixtures/crops.safetensors
"""

import argparse
import json
from pathlib import Path

import numpy as np

WEIGHTS = Path(__file__).resolve().parent.parent.parent / "features/src/faces/weights"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["networks", "crops"])
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    from safetensors.numpy import save_file

    save_file({"networks": networks, "crops": crops}[arguments.what](), arguments.file)


# The networks.


def networks():
    import torch

    cells = detector(torch, Weights(torch, "tiny_face_detector_model"), drawn_face(416))
    points = landmarks(torch, Weights(torch, "face_landmark_68_model"), drawn_face(112))
    return {"cells": cells.numpy(), "points": points.numpy()}


class Weights:
    """Numbers of one network by their names: a byte each, in the order of the list; q * scale + min."""

    def __init__(self, torch, name):
        values = np.fromfile(WEIGHTS / f"{name}.bin", np.uint8)
        self.torch, self.tensors = torch, {}
        for group in json.loads((WEIGHTS / f"{name}-weights_manifest.json").read_text()):
            for entry in group["weights"]:
                count, rule = int(np.prod(entry["shape"])), entry["quantization"]
                own, values = values[:count].astype(np.float32), values[count:]
                self.tensors[entry["name"]] = (own * rule["scale"] + rule["min"]).reshape(entry["shape"])
        assert not len(values)

    def __getitem__(self, name):
        return self.torch.tensor(self.tensors[name])

    def filters(self, name):
        """Height, width, in, out; PyTorch wants out, in, height, width."""
        return self[name].permute(3, 2, 0, 1)

    def per_channel(self, name):
        return self[name].permute(2, 3, 0, 1)


def network_input(torch, picture, mean):
    pixels = torch.tensor(picture.astype(np.float32)).permute(2, 0, 1)[None]
    return (pixels - torch.tensor(mean).view(1, 3, 1, 1)) / 255


def same(torch, x, stride):
    """TensorFlow's padding of a 3x3 kernel."""
    missing = [max((-(-side // stride) - 1) * stride + 3 - side, 0) for side in x.shape[2:]]
    (top, bottom), (left, right) = [(zeros // 2, zeros - zeros // 2) for zeros in missing]
    return torch.nn.functional.pad(x, (left, right, top, bottom))


def separable(torch, weights, name, x, stride):
    kernels = weights.per_channel(f"{name}/depthwise_filter")
    x = torch.conv2d(same(torch, x, stride), kernels, stride=stride, groups=len(kernels))
    return torch.conv2d(x, weights.filters(f"{name}/pointwise_filter"), weights[f"{name}/bias"])


def detector(torch, weights, picture):
    f = torch.nn.functional
    x = network_input(torch, picture, [117.001, 114.697, 97.404])
    x = torch.conv2d(x, weights.filters("conv0/filters"), weights["conv0/bias"])
    x = f.max_pool2d(f.leaky_relu(x, 0.1), 2, 2, ceil_mode=True)
    for number in range(1, 5):
        x = f.leaky_relu(separable(torch, weights, f"conv{number}", x, 1), 0.1)
        x = f.max_pool2d(x, 2, 2, ceil_mode=True)
    x = f.leaky_relu(separable(torch, weights, "conv5", x, 1), 0.1)
    x = f.max_pool2d(f.pad(x, (0, 1, 0, 1), value=-torch.inf), 2, 1)
    return torch.conv2d(x, weights.filters("conv8/filters"), weights["conv8/bias"])


def landmarks(torch, weights, picture):
    x = network_input(torch, picture, [122.782, 117.001, 104.298])
    for block in range(4):
        name = f"dense{block}/conv"
        if block == 0:
            first = (weights.filters(f"{name}0/filters"), weights[f"{name}0/bias"])
            x = torch.conv2d(same(torch, x, 2), *first, stride=2)
        else:
            x = separable(torch, weights, f"{name}0", x, 2)
        sums = torch.relu(x)
        for conv in range(1, 4):
            sums = sums + separable(torch, weights, f"{name}{conv}", torch.relu(sums), 1)
        x = torch.relu(sums)
    return x.mean((2, 3)) @ weights["fc/weights"] + weights["fc/bias"]


# Ellipses: center, radii and color, in ten-thousandths of the side.
FACE = [
    (5000, 4300, 3000, 3500, 60, 40, 30),
    (5000, 5200, 2600, 3500, 214, 168, 140),
    (5000, 6100, 2150, 2400, 220, 174, 146),
    (3800, 4150, 700, 120, 50, 34, 28),
    (6200, 4150, 700, 120, 50, 34, 28),
    (3850, 4700, 520, 260, 245, 240, 236),
    (6150, 4700, 520, 260, 245, 240, 236),
    (3850, 4700, 250, 250, 70, 50, 40),
    (6150, 4700, 250, 250, 70, 50, 40),
    (3850, 4700, 110, 110, 10, 10, 10),
    (6150, 4700, 110, 110, 10, 10, 10),
    (5000, 5500, 260, 700, 205, 152, 124),
    (4700, 6020, 150, 100, 120, 70, 60),
    (5300, 6020, 150, 100, 120, 70, 60),
    (5000, 6950, 900, 260, 176, 80, 80),
    (5000, 6900, 780, 70, 90, 30, 36),
    (5000, 7900, 500, 160, 200, 150, 124),
]


def toward_zero(a, b):
    return np.sign(a) * (np.abs(a) // b)


def drawn_face(side):
    """A face that `features/src/faces/reference.rs` draws pixel for pixel, in whole numbers."""
    place = (2 * np.arange(side, dtype=np.int64) + 1) * 5000 // side
    x, y = np.meshgrid(place, place)
    picture = np.stack([120 + x // 200, 150 + y // 250, 190 - x // 250], -1)
    for center_x, center_y, radius_x, radius_y, *color in FACE:
        dx, dy = x - center_x, y - center_y
        inside = (dx * radius_y) ** 2 + (dy * radius_x) ** 2 <= (radius_x * radius_y) ** 2
        shade = toward_zero(dx * 24, radius_x) + toward_zero(dy * 12, radius_y)
        picture[inside] = (np.array(color) - shade[..., None])[inside]
    return np.clip(picture, 0, 255).astype(np.uint8)


# The crops.

# Name: width and height of the photo, side of the crop, eyes and mouth corners.
CROPS = {
    "upright": ((300, 260), 64, [(130, 110), (170, 110), (135, 155), (165, 155)]),
    "turned": ((300, 260), 64, [(130, 120), (166, 104), (148, 160), (175, 148)]),
    "upside_down": ((300, 260), 48, [(168, 150), (131, 148), (165, 104), (133, 103)]),
    "shrunk": ((900, 700), 32, [(400, 300), (520, 310), (410, 430), (505, 440)]),
    "shrunk_and_padded": ((900, 700), 32, [(130, 100), (250, 130), (110, 230), (205, 260)]),
    "at_the_corner": ((150, 120), 64, [(20, 25), (60, 20), (28, 70), (58, 68)]),
    "larger_than_the_photo": ((60, 50), 32, [(20, 20), (42, 22), (22, 38), (39, 39)]),
}


def crops():
    result = {}
    for name, (size, side, points) in CROPS.items():
        points = np.array(points, np.float64)
        result[name] = np.array(ffhq_crop(drawn_photo(*size), points, side))
        result[name + ".points"] = points
        result[name + ".size"] = np.array(size, np.int64)
        result[name + ".quad"] = np.stack(quad_of(points))
    return result


def drawn_photo(width, height):
    """Triangle waves, in whole numbers."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    wave = lambda phase, period: np.abs(phase % period - period // 2) * 510 // period
    channels = [wave(3 * x + y, width // 2), wave(x + 5 * y, width), wave(x * y // 16 + 2 * x, 2 * width)]
    return np.stack(channels, -1).astype(np.uint8)


def quad_of(points):
    """Center of the crop, and the vectors from it to the middles of its right and lower sides."""
    left, right, mouth_left, mouth_right = points
    eyes, mouth = (left + right) / 2, (mouth_left + mouth_right) / 2
    between, down = right - left, mouth - eyes
    x = between + np.array([down[1], -down[0]])
    x *= max(2.0 * np.hypot(*between), 1.8 * np.hypot(*down)) / np.hypot(*x)
    return eyes + 0.1 * down, x, np.array([-x[1], x[0]])


def ffhq_crop(pixels, points, side):
    from PIL import Image

    photo = Image.fromarray(pixels)
    center, x, y = quad_of(points)
    corners = np.stack([center - x - y, center - x + y, center + x + y, center + x - y])
    length = 2 * np.hypot(*x)

    # A crop that is much larger than it has to be is taken of a smaller photo.
    factor = int(np.floor(length / side / 2))
    if factor > 1:
        photo = photo.resize([int(np.rint(old / factor)) for old in photo.size], Image.LANCZOS)
        corners, length = corners / factor, length / factor

    # What lies far from the crop is cut off.
    border = max(int(np.rint(length * 0.1)), 3)
    first = np.maximum(np.floor(corners.min(0)).astype(int) - border, 0)
    last = np.minimum(np.ceil(corners.max(0)).astype(int) + border, photo.size)
    photo, corners = photo.crop((*first, *last)), corners - first

    # What is missing is mirrored, blurred and faded out.
    before = np.maximum(border - np.floor(corners.min(0)).astype(int), 0)
    after = np.maximum(np.ceil(corners.max(0)).astype(int) - photo.size + border, 0)
    if max(*before, *after) > border - 4:
        least = int(np.rint(length * 0.3))
        before, after = np.maximum(before, least), np.maximum(after, least)
        photo, corners = padded(photo, before, after, length), corners + before

    large = photo.transform((4 * side, 4 * side), Image.QUAD, (corners + 0.5).flatten(), Image.BILINEAR)
    return large.resize((side, side), Image.LANCZOS)


def padded(photo, before, after, length):
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    (left, top), (right, bottom) = before, after
    pixels = np.pad(np.array(photo, np.float32), ((top, bottom), (left, right), (0, 0)), "reflect")
    height, width, _ = pixels.shape
    column, row = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    depth_x = 1 - np.minimum(column / left, column[::-1] / right)
    depth_y = 1 - np.minimum(row / top, row[::-1] / bottom)
    # 1 at the edge, 0 where the photo begins, less inside.
    depth = np.maximum(depth_x[None, :], depth_y[:, None])[..., None]
    sigma = 0.02 * length
    blurred = gaussian_filter(pixels, [sigma, sigma, 0])
    pixels += (blurred - pixels) * np.clip(3 * depth + 1, 0, 1)
    pixels += (np.median(pixels, (0, 1)) - pixels) * np.clip(depth, 0, 1)
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


if __name__ == "__main__":
    main()
