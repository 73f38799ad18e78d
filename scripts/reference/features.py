#!/usr/bin/env python3
"""Writes what the feature networks compute with made-up weights, and pictures resized by PIL, for the tests.

The networks are stated anew in PyTorch from their papers and from the original's graph. Weights and pictures follow
formulas in whole numbers, which the tests have as well, so none of them is in a file. Needs torch, numpy, pillow and
safetensors:

    scripts/fetch-weights mobilenet
    python3 scripts/reference/features.py features/tests/fixtures/networks.safetensors

What MobileNetV2 computes with the weights that torchvision trained is written as well, to be compared with rounded
ones.
"""

import argparse
from pathlib import Path

import numpy as np

NARROWED = 16


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    from safetensors.numpy import save_file

    torch.set_grad_enabled(False)
    found = {**inception(), **vgg16(), **vgg19(), **lpips(), **mobilenet(), **trained_mobilenet(), **resized()}
    save_file({name: np.ascontiguousarray(value, np.float32) for name, value in found.items()}, arguments.file)


def pictures(count, height, width):
    """Bytes [count, 3, height, width]."""
    n, c, y, x = np.meshgrid(*(np.arange(size) for size in (count, 3, height, width)), indexing="ij")
    return ((x * x * (3 + n) + 7 * x * y + 5 * y * (11 + c) + 40 * c * (n + 1)) // 16 % 256).astype(np.uint8)


class Made:
    """Weights made up one after the other: convolution after convolution, in the order in which they are asked for."""

    def __init__(self):
        self.layer = 0

    def uniform(self, count):
        """Numbers from -1/2 to 1/2."""
        at = (np.arange(count, dtype=np.uint64) + 1) * np.uint64(2654435761) + np.uint64((self.layer + 1) * 40503)
        return (at % np.uint64(1 << 32)).astype(np.float64) / (1 << 32) - 0.5

    def conv(self, outs, ins, height, width):
        weight = self.uniform(outs * ins * height * width) * np.sqrt(24 / (ins * height * width))
        bias = self.uniform(outs) * 0.2
        self.layer += 1
        return torch.tensor(weight.reshape(outs, ins, height, width)), torch.tensor(bias)


# The networks, in float64.


class InceptionNetwork:
    """Inception-v3 of 2015-12-05 with fewer channels."""

    def __init__(self):
        self.made, self.found = Made(), {}

    def conv(self, x, outs, kernel=(1, 1), stride=1, padding=None):
        weight, bias = self.made.conv(outs // NARROWED, x.shape[1], *kernel)
        padding = tuple(side // 2 for side in kernel) if padding is None else padding
        return functional.conv2d(x, weight, bias, stride, padding).relu()

    def note(self, name, x):
        self.found[f"inception.{name}"] = x.mean((2, 3)).numpy() if x.ndim == 4 else x.numpy()
        return x

    def mean(self, x):
        return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)

    def fine(self, x, of_means):
        return torch.cat([
            self.conv(x, 64),
            self.conv(self.conv(x, 48), 64, (5, 5)),
            self.conv(self.conv(self.conv(x, 64), 96, (3, 3)), 96, (3, 3)),
            self.conv(self.mean(x), of_means),
        ], 1)  # fmt: skip

    def long(self, x, between):
        first = self.conv(x, 192)
        second = self.conv(self.conv(self.conv(x, between), between, (1, 7)), 192, (7, 1))
        third = self.conv(x, between)
        for outs, kernel in [(between, (7, 1)), (between, (1, 7)), (between, (7, 1)), (192, (1, 7))]:
            third = self.conv(third, outs, kernel)
        return torch.cat([first, second, third, self.conv(self.mean(x), 192)], 1)

    def wide(self, x, pool):
        first, second = self.conv(x, 320), self.conv(x, 384)
        second = [self.conv(second, 384, (1, 3)), self.conv(second, 384, (3, 1))]
        third = self.conv(self.conv(x, 448), 384, (3, 3))
        third = [self.conv(third, 384, (1, 3)), self.conv(third, 384, (3, 1))]
        return torch.cat([first, *second, *third, self.conv(pool(x), 192)], 1)

    def forward(self, x):
        note, shrink = self.note, lambda x: functional.max_pool2d(x, 3, 2)
        x = note("conv", self.conv(x, 32, (3, 3), 2, 0))
        x = note("conv_1", self.conv(x, 32, (3, 3), 1, 0))
        x = note("conv_2", self.conv(x, 64, (3, 3)))
        x = note("pool0", shrink(x))
        x = note("conv_3", self.conv(x, 80))
        x = note("conv_4", self.conv(x, 192, (3, 3), 1, 0))
        x = note("pool1", shrink(x))
        for name, of_means in [("mixed", 32), ("mixed_1", 64), ("mixed_2", 64)]:
            x = note(name, self.fine(x, of_means))
        second = lambda x: self.conv(self.conv(self.conv(x, 64), 96, (3, 3)), 96, (3, 3), 2, 0)
        x = note("mixed_3", torch.cat([self.conv(x, 384, (3, 3), 2, 0), second(x), shrink(x)], 1))
        for number, between in [(4, 128), (5, 160), (6, 160), (7, 192)]:
            x = note(f"mixed_{number}", self.long(x, between))
        first = lambda x: self.conv(self.conv(x, 192), 320, (3, 3), 2, 0)
        second = lambda x: self.conv(
            self.conv(self.conv(self.conv(x, 192), 192, (1, 7)), 192, (7, 1)), 192, (3, 3), 2, 0
        )
        x = note("mixed_8", torch.cat([first(x), second(x), shrink(x)], 1))
        x = note("mixed_9", self.wide(x, self.mean))
        x = note("mixed_10", self.wide(x, lambda x: functional.max_pool2d(x, 3, 1, 1)))
        x = note("pool2", x.mean((2, 3)))
        # Without its bias.
        weight, _ = self.made.conv(1008 // NARROWED, x.shape[1], 1, 1)
        note("classes", (x @ weight[:, :, 0, 0].T).softmax(1))


def inception():
    network = InceptionNetwork()
    bytes_ = torch.tensor(pictures(2, 60, 47)).double()
    network.forward((torch.tensor(tensorflow_resized(bytes_.numpy(), 299)) - 128) / 128)
    return network.found


def vgg(made, x, counts):
    """What the layers give, by name."""
    found = {}
    for block, (count, outs) in enumerate(zip(counts, [4, 6, 8, 10, 12]), 1):
        if block > 1:
            x = functional.max_pool2d(x, 2)
        for number in range(1, count + 1):
            x = functional.conv2d(x, *made.conv(outs, x.shape[1], 3, 3), padding=1).relu()
            found[f"relu{block}_{number}"] = x
    return found


def color(values):
    return torch.tensor(values).double().reshape(1, 3, 1, 1)


def vgg19():
    x = torch.tensor(pictures(2, 40, 36)).double() - color([123.68, 116.779, 103.939])
    found = vgg(Made(), x, [2, 2, 4, 4, 4])
    wanted = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_4"]
    return {f"vgg19.{name}": found[name].numpy() for name in wanted}


def vgg16():
    """The features of the last layer but one, of pictures of 64x64."""
    made = Made()
    x = torch.tensor(tensorflow_resized(pictures(2, 40, 36).astype(np.float64), 64)) / 255
    x = (x - color([0.485, 0.456, 0.406])) / color([0.229, 0.224, 0.225])
    x = functional.max_pool2d(vgg(made, x, [2, 2, 3, 3, 3])["relu5_3"], 2).flatten(1)
    for outs in (10, 14):
        weight, bias = made.conv(outs, x.shape[1], 1, 1)
        x = functional.linear(x, weight[:, :, 0, 0], bias).relu()
    return {"vgg16.fc2": x.numpy()}


def lpips():
    """Of a picture and the same one turned upside down, and of the other two."""
    made = Made()
    a = torch.tensor(pictures(2, 40, 36)).double() / 127.5 - 1
    both = torch.cat([a, a.flip(2)])
    both = (both - color([-0.030, -0.088, -0.188])) / color([0.458, 0.448, 0.450])
    found = vgg(made, both, [2, 2, 3, 3, 3])
    layers = []
    for name in ["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"]:
        x = found[name]
        x = x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)
        weight = torch.tensor(made.uniform(x.shape[1])).abs().reshape(1, -1, 1, 1)
        made.layer += 1
        layers.append(((x[:2] - x[2:]).square() * weight).sum(1).mean((1, 2)))
    return {"lpips.layers": torch.stack(layers, 1).numpy()}


class Trained:
    """torchvision's weights, convolution after convolution, with their batch norms."""

    def __init__(self):
        path = Path.home() / ".cache/stylegan/weights/mobilenet_v2-b0353104.pth"
        self.theirs = torch.load(path, weights_only=True, map_location="cpu")
        # A batch norm stands behind each convolution, with four tensors and a count.
        self.names = [name for name, value in self.theirs.items() if value.ndim == 4]
        self.norms = [name.removesuffix(".running_var") for name in self.theirs if name.endswith(".running_var")]

    def conv(self, outs, ins, height, width):
        conv, norm = self.names.pop(0), self.norms.pop(0)
        weight, gamma, beta, mean, variance = (
            self.theirs[name].double()
            for name in (conv, *(f"{norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var")))
        )
        assert weight.shape == (outs, ins, height, width)
        scale = gamma / (variance + 1e-5).sqrt()
        return weight * scale.reshape(-1, 1, 1, 1), beta - mean * scale


def trained_mobilenet():
    return {"mobilenet.trained": mobilenet(Trained())["mobilenet.features"]}


def mobilenet(made=None):
    made = made or Made()
    picture = pil_resized(pictures(2, 60, 47), 224) / 255
    x = (torch.tensor(picture) - color([0.485, 0.456, 0.406])) / color([0.229, 0.224, 0.225])

    def conv(x, outs, side=1, stride=1, groups=1):
        weight, bias = made.conv(outs, x.shape[1] // groups, side, side)
        return functional.conv2d(x, weight, bias, stride, side // 2, groups=groups)

    x = conv(x, 32, 3, 2).clamp(0, 6)
    groups = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for times, outs, count, first in groups:
        for index in range(count):
            stride, inside = first if index == 0 else 1, times * x.shape[1]
            y = conv(x, inside).clamp(0, 6) if times > 1 else x
            y = conv(conv(y, inside, 3, stride, inside).clamp(0, 6), outs)
            x = x + y if stride == 1 and x.shape[1] == outs else y
    return {"mobilenet.features": conv(x, 1280).clamp(0, 6).mean((2, 3)).numpy()}


# The two ways to resize.


def tensorflow_resized(pictures, side):
    for axis in (2, 3):
        size = pictures.shape[axis]
        place = np.arange(side) * (size / side)
        first = np.minimum(place.astype(int), size - 1)
        part = (place - first).reshape([-1 if a == axis else 1 for a in range(4)])
        a, b = (np.take(pictures, at, axis) for at in (first, np.minimum(first + 1, size - 1)))
        pictures = a * (1 - part) + b * part
    return pictures


def pil_resized(pictures, side):
    """As clean-fid does it: every channel a picture of floats."""
    resize = lambda plane: Image.fromarray(plane.astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC)
    planes = [np.asarray(resize(plane)) for picture in pictures for plane in picture]
    return np.stack(planes).reshape(*pictures.shape[:2], side, side).clip(0, 255).astype(np.float64)


def resized():
    rows = [0, 1, 77, 149, 297, 298]
    found = {}
    for name, sizes in {"small": (60, 47), "large": (352, 640)}.items():
        picture = pictures(1, *sizes)
        found[f"resized.tf1.{name}"] = tensorflow_resized(picture.astype(np.float64), 299)[0][:, rows]
        found[f"resized.clean.{name}"] = pil_resized(picture, 299)[0][:, rows]
    return found


if __name__ == "__main__":
    import torch
    from PIL import Image
    from torch.nn import functional

    main()
