#!/usr/bin/env python3
"""Files as the PyTorch ports of AdaIN style transfer have them, of few channels: `decoder.pth`, `vgg_normalised.pth`.

    python scripts/reference/transfer_port.py transfer/tests/fixtures

The form is that of `torch.save` of a `Sequential`'s `state_dict`: a zip with a pickle and a file for each tensor. It is
written here without PyTorch, which opens it as well. Value `i` of the tensor of module `n` is
`(i % 7 - 3) / 8 + n / 64`.
"""

import collections
import io
import pickle
import struct
import sys
import types
import zipfile
from pathlib import Path

DECODER = [(1, 5, 4), (5, 4, 4), (8, 4, 4), (11, 4, 4), (14, 4, 3), (18, 3, 3), (21, 3, 2), (25, 2, 2), (28, 2, 3)]


class FloatStorage:
    pass


def rebuild(*_):
    raise NotImplementedError


# What the pickle names, so that it can be written.
for name, parts in [("torch", {"FloatStorage": FloatStorage}), ("torch._utils", {"_rebuild_tensor_v2": rebuild})]:
    module = sys.modules.setdefault(name, types.ModuleType(name))
    for part, value in parts.items():
        value.__module__, value.__name__, value.__qualname__ = name, part, part
        setattr(module, part, value)


class Storage:
    def __init__(self, key, count):
        self.key, self.count = key, count


class TensorOf:
    def __init__(self, storage, shape):
        self.storage, self.shape = storage, shape

    def __reduce__(self):
        strides = [1]
        for side in reversed(self.shape[1:]):
            strides.insert(0, strides[0] * side)
        arguments = (self.storage, 0, tuple(self.shape), tuple(strides), False, collections.OrderedDict())
        return rebuild, arguments


class Pickler(pickle.Pickler):
    def persistent_id(self, thing):
        if isinstance(thing, Storage):
            return ("storage", FloatStorage, thing.key, "cpu", thing.count)
        return None


def write(path, layers):
    tensors, data = collections.OrderedDict(), []
    for number, before, after, *kernel in layers:
        side = kernel[0] if kernel else 3
        for part, shape in [("weight", (after, before, side, side)), ("bias", (after,))]:
            count = 1
            for length in shape:
                count *= length
            values = [(at % 7 - 3) / 8 + number / 64 for at in range(count)]
            tensors[f"{number}.{part}"] = TensorOf(Storage(str(len(data)), count), shape)
            data.append(struct.pack(f"<{count}f", *values))
    stream = io.BytesIO()
    Pickler(stream, protocol=2).dump(tensors)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        stem = path.stem
        for name, content in [
            ("data.pkl", stream.getvalue()),
            *((f"data/{key}", content) for key, content in enumerate(data)),
            ("version", b"3\n"),
        ]:
            archive.writestr(zipfile.ZipInfo(f"{stem}/{name}", (2020, 1, 1, 0, 0, 0)), content)


if __name__ == "__main__":
    write(Path(sys.argv[1]) / "decoder.pth", DECODER)
