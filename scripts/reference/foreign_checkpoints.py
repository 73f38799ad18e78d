#!/usr/bin/env python3
"""Writes tiny checkpoints in the layouts of lernapparat and huangzh13, and what these programs draw from them.

The formulas are stated anew from what the two programs compute, in NumPy and float64; nothing of either is inside. The
files have the names, shapes and container of theirs. Needs NumPy alone:

    python3 scripts/reference/foreign_checkpoints.py import/tests/fixtures
"""

import argparse
import io
import json
import pickle
import sys
import types
import zipfile
from pathlib import Path

import numpy as np

EPSILON = 1e-5  # of PyTorch's InstanceNorm2d
BINOMIAL = np.outer([1, 2, 1], [1, 2, 1]) / 16


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    write(folder, "lernapparat_res16", ".pt", Lernapparat(16, z_dim=6, w_dim=7, hidden=5, layers=3, seed=1))
    plain = Huangzh13(16, z_dim=5, w_dim=6, hidden=7, layers=4, seed=2, blurs=False)
    write(folder, "huangzh13_res16_plain", ".pth", plain)
    labels = Huangzh13(128, z_dim=6, w_dim=5, hidden=7, layers=2, seed=3, classes=3)
    write(folder, "huangzh13_res128_labels", ".pth", labels)
    for name, names in OTHERS.items():
        save_torch(folder / name, names)


# Networks that are refused are told by names alone; those of one number each stand for the rest.
ONE = np.zeros(1, np.float32)
OTHERS = {
    "mmgeneration_names.pth": {
        "meta": {"mmgen_version": "0.3.0", "iter": 1000},
        "state_dict": {
            "generator_ema.style_mapping.1.linear.weight_orig": ONE,
            "generator_ema.convs.0.conv1.input": ONE,
            "generator_ema.convs.0.noise_injector1.weight": ONE,
            "generator_ema.convs.1.conv1.0.conv.weight_orig": ONE,
            "generator_ema.to_rgbs.0.conv.weight_orig": ONE,
        },
    },
    "siskonemilia_names.pth": {
        "generator": {
            "fcs.mapping.1.linear.weight_orig": ONE,
            "convs.0.constant": ONE,
            "convs.0.style1.transform.linear.weight_orig": ONE,
            "to_rgbs.0.conv.weight_orig": ONE,
        },
        "discriminator": {},
        "g_optim": {"state": {}, "param_groups": []},
        "parameters": (2, 1000, 0, 5000, 0.5),
    },
}


class Lernapparat:
    """A generator by its layout: `tensors` are what is in the file."""

    lrmul = 0.01

    def __init__(self, resolution, *, z_dim, w_dim, hidden, layers, seed, blurs=True, classes=0):
        self.rng = np.random.RandomState(seed)
        self.resolution, self.z_dim, self.w_dim, self.layers, self.blurs = resolution, z_dim, w_dim, layers, blurs
        self.classes = classes
        self.sides = [4 << n for n in range(int(np.log2(resolution)) - 1)]
        self.widths = {side: min(2 * 64 // side, 4) for side in self.sides}
        self.tensors = {}
        if classes:
            self.normal("class_embedding.weight", classes, z_dim)
        sizes = [z_dim * (2 if classes else 1)] + [hidden] * (layers - 1) + [w_dim]
        for index in range(layers):
            self.normal(self.dense(index) + ".weight", sizes[index + 1], sizes[index], factor=1 / self.lrmul)
            self.normal(self.dense(index) + ".bias", sizes[index + 1], factor=0.3 / self.lrmul)
        self.mean_of_w()
        for side in self.sides:
            block, width = self.block(side), self.widths[side]
            below = self.widths.get(side // 2)
            if side == 4:
                self.normal(block + ".const", 1, width, 4, 4)
                self.normal(block + ".bias", width)
                self.conv(block + ".conv", width, width, 3)
            else:
                self.conv(block + ".conv0_up", width, below, 3)
                if blurs:
                    self.tensors[block + ".conv0_up.intermediate.kernel"] = BINOMIAL[None, None].astype(np.float32)
                self.conv(block + ".conv1", width, width, 3)
            for epilogue in (".epi1", ".epi2"):
                self.normal(block + epilogue + ".top_epi.noise.weight", width, factor=0.5)
                self.normal(block + epilogue + ".style_mod.lin.weight", 2 * width, w_dim)
                self.normal(block + epilogue + ".style_mod.lin.bias", 2 * width, factor=0.3)
        self.to_rgbs()

    def dense(self, index):
        return f"g_mapping.dense{index}"

    def block(self, side):
        return f"g_synthesis.blocks.{side}x{side}"

    def mean_of_w(self):
        self.normal("truncation.avg_latent", self.w_dim)

    def to_rgbs(self):
        self.conv("g_synthesis.torgb", 3, self.widths[self.resolution], 1)

    def to_rgb(self, _side):
        return "g_synthesis.torgb"

    def conv(self, name, out, into, size):
        self.normal(name + ".weight", out, into, size, size)
        self.normal(name + ".bias", out, factor=0.3)

    def normal(self, name, *shape, factor=1.0):
        self.tensors[name] = (self.rng.standard_normal(shape) * factor).astype(np.float32)

    # What they compute.

    def of(self, name, dtype):
        return self.tensors[name].astype(dtype)

    def linear(self, name, x, gain, lrmul, dtype):
        weight, bias = self.of(name + ".weight", dtype), self.of(name + ".bias", dtype)
        return x @ (weight * dtype(gain * lrmul / np.sqrt(weight.shape[1]))).T + bias * dtype(lrmul)

    def mapping(self, z, labels, dtype):
        x = z.astype(dtype)
        if self.classes:
            x = np.concatenate([x, self.of("class_embedding.weight", dtype)[labels]], axis=1)
        x = x / np.sqrt((x * x).mean(1, keepdims=True) + dtype(1e-8))
        for index in range(self.layers):
            x = leaky_relu(self.linear(self.dense(index), x, np.sqrt(2), self.lrmul, dtype))
        return x

    def synthesis(self, w_plus, noise, dtype, side=None):
        """The picture of a side: with weights that the file has for it, the smaller ones of a training as well."""
        w_plus = w_plus.astype(dtype)
        x, layer = None, 0
        for own in self.sides:
            block = self.block(own)
            for number in (1, 2):
                if own == 4 and number == 1:
                    x = np.repeat(self.of(block + ".const", dtype), len(w_plus), axis=0)
                    x = x + self.of(block + ".bias", dtype)[:, None, None]
                elif number == 1:
                    x = self.up(block + ".conv0_up", x, dtype)
                else:
                    x = self.convolve(block + (".conv" if own == 4 else ".conv1"), x, np.sqrt(2), dtype)
                x = self.epilogue(f"{block}.epi{number}", x, w_plus[:, layer], noise and noise[layer], dtype)
                layer += 1
            if own == (side or self.resolution):
                return self.convolve(self.to_rgb(own), x, 1, dtype)

    def convolve(self, name, x, gain, dtype):
        weight = self.of(name + ".weight", dtype)
        factor = dtype(gain / np.sqrt(np.prod(weight.shape[1:])))
        return conv(x, weight * factor) + self.of(name + ".bias", dtype)[:, None, None]

    def up(self, name, x, dtype):
        weight = self.of(name + ".weight", dtype)
        weight = weight * dtype(np.sqrt(2) / np.sqrt(np.prod(weight.shape[1:])))
        if 2 * x.shape[2] >= 128:
            # All in one: a transposed convolution by the kernel, spread over 4x4.
            padded = np.pad(weight, [(0, 0), (0, 0), (1, 1), (1, 1)])
            spread = padded[..., 1:, 1:] + padded[..., :-1, 1:] + padded[..., 1:, :-1] + padded[..., :-1, :-1]
            x = transposed(x, spread)
        else:
            x = conv(x.repeat(2, axis=2).repeat(2, axis=3), weight)
        if self.blurs:
            identity = np.eye(x.shape[1], dtype=dtype)[:, :, None, None]
            x = conv(x, identity * BINOMIAL.astype(dtype))
        return x + self.of(name + ".bias", dtype)[:, None, None]

    def epilogue(self, name, x, w, noise, dtype):
        if noise is not None and noise is not False:
            x = x + self.of(name + ".top_epi.noise.weight", dtype)[:, None, None] * noise.astype(dtype)
        x = leaky_relu(x)
        x = x - x.mean((2, 3), keepdims=True)
        x = x / np.sqrt((x * x).mean((2, 3), keepdims=True) + dtype(EPSILON))
        style = self.linear(name + ".style_mod.lin", w, 1, 1, dtype)
        scale, shift = np.split(style[:, :, None, None], 2, axis=1)
        return x * (scale + 1) + shift

    def expected(self, dtype):
        rng = np.random.RandomState(9)
        z = rng.standard_normal((3, self.z_dim)).astype(np.float32)
        labels = np.array([2, 0, 1]) if self.classes else None
        found = {"z": z}
        if self.classes:
            found["labels"] = np.eye(self.classes, dtype=np.float32)[labels]
        w = self.mapping(z, labels, dtype)
        layers = 2 * len(self.sides)
        w_plus = np.repeat(w[:, None], layers, axis=1)
        found["w"] = w
        if self.resolution > 64:
            # Every fourth pixel, and the picture of a smaller side.
            found["image_every_fourth"] = self.synthesis(w_plus, None, dtype)[:, :, ::4, ::4]
            found["image_of_16"] = self.synthesis(w_plus, None, dtype, side=16)
            return found
        found["image_zero_noise"] = self.synthesis(w_plus, None, dtype)
        noise = [rng.standard_normal((1, 1, 4 << l // 2, 4 << l // 2)).astype(np.float32) for l in range(layers)]
        found |= {f"noise{layer}": image for layer, image in enumerate(noise)}
        found["image_noise"] = self.synthesis(w_plus, noise, dtype)
        if "truncation.avg_latent" in self.tensors and type(self) is Lernapparat:
            mean = self.of("truncation.avg_latent", dtype)
            is_truncated = (np.arange(layers) < 3)[None, :, None]
            truncated = np.where(is_truncated, mean + (w_plus - mean) * dtype(0.7), w_plus)
            found["image_psi07_cutoff3"] = self.synthesis(truncated, None, dtype)
        return found


class Huangzh13(Lernapparat):
    def dense(self, index):
        return f"g_mapping.map.dense{index}"

    def block(self, side):
        return "g_synthesis.init_block" if side == 4 else f"g_synthesis.blocks.{int(np.log2(side)) - 3}"

    def to_rgb(self, side):
        return f"g_synthesis.to_rgb.{int(np.log2(side)) - 2}"

    def mean_of_w(self):
        # In the averaged generator it follows one latent: no mean, but there.
        self.tensors["truncation.avg_latent"] = np.zeros(self.w_dim, np.float32)

    def to_rgbs(self):
        for side in self.sides:
            self.conv(self.to_rgb(side), 3, self.widths[side], 1)


def leaky_relu(x):
    return np.where(x > 0, x, x * x.dtype.type(0.2))


def conv(x, weight):
    """Zeros around, so that the side stays."""
    pad = weight.shape[2] // 2
    x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, weight, optimize=True)


def transposed(x, weight):
    """Stride 2, padding 1, of a kernel 4x4."""
    batch, _, height, width = x.shape
    out = np.zeros((batch, weight.shape[0], 2 * height + 2, 2 * width + 2), x.dtype)
    for i in range(4):
        for j in range(4):
            out[:, :, i : i + 2 * height : 2, j : j + 2 * width : 2] += np.einsum(
                "nchw,oc->nohw", x, weight[:, :, i, j]
            )
    return out[:, :, 1:-1, 1:-1]


# Files.


def write(folder, name, ending, network):
    save_torch(folder / (name + ending), network.tensors)
    exact, single = network.expected(np.float64), network.expected(np.float32)
    save_safetensors(folder / f"{name}_expected.safetensors", exact)
    scales = {
        key: {
            "shape": list(value.shape),
            "scale": float(np.abs(value).max()),
            "f32_max_err": float(np.abs(value - single[key]).max()),
        }
        for key, value in exact.items()
    }
    (folder / f"{name}_expected.json").write_text(json.dumps(scales, indent=1) + "\n")


def save_safetensors(path, arrays):
    header, data = {}, b""
    for name, value in arrays.items():
        raw = np.ascontiguousarray(value, np.float32).tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def save_torch(path, root):
    """The zip archive of `torch.save`, by classes that have its names."""
    utils, torch = types.ModuleType("torch._utils"), types.ModuleType("torch")
    exec("def _rebuild_tensor_v2(*_): pass", utils.__dict__)
    exec("class FloatStorage: pass", torch.__dict__)
    utils._rebuild_tensor_v2.__module__, torch.FloatStorage.__module__ = "torch._utils", "torch"
    sys.modules |= {"torch": torch, "torch._utils": utils}
    storages = []

    class Storage:
        def __init__(self, array):
            self.key, self.count = str(len(storages)), array.size
            storages.append(array.tobytes())

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                return ("storage", torch.FloatStorage, value.key, "cpu", value.count)
            return None

        def reducer_override(self, value):
            if not isinstance(value, np.ndarray):
                return NotImplemented
            strides = tuple(stride // 4 for stride in value.strides)
            return utils._rebuild_tensor_v2, (Storage(value), 0, value.shape, strides, False, {})

    data = io.BytesIO()
    Pickler(data, protocol=2).dump(root)
    with zipfile.ZipFile(path, "w") as archive:
        entries = [("data.pkl", data.getvalue()), ("version", b"3\n"), ("byteorder", b"little")]
        entries += [(f"data/{key}", storage) for key, storage in enumerate(storages)]
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), content)


if __name__ == "__main__":
    main()
