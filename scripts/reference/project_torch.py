"""The w of a picture in PyTorch: what `stylegan project --checkpoint FILE PICTURE` does, step by step.

  python project_torch.py demo/faces-64.safetensors face.png --steps 1000

The same network, schedule, noise on w, features of VGG19 and pixels as the program's, by Adam, so that its speed and
how near it comes can be held against the program's. Draws are PyTorch's own. Prints one JSON object: seconds of a step,
and those of all threads together, the distance of the features, PSNR.
"""

import argparse
import json
import math
import statistics
import time
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

import bench_torch
import first_picture
import stylegan_reference as R

LAYERS = [2, 2, 4, 4, 4]
"""Convolutions of VGG19's blocks; the last of each is looked at."""
SAMPLES = 10_000


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("picture", help="as large as the network's")
    parser.add_argument("--out", help="PNG of the projection")
    parser.add_argument(
        "--vgg19",
        default=Path.home() / ".cache/stylegan/weights/vgg19.safetensors",
        help="VGG19 as this program keeps it once it was used",
    )
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


def looker(path):
    """Unit vectors of the features of five layers, of pictures from -1 to 1."""
    vgg = load_file(path)
    mean, deviation = (vgg[f"colors.{part}"].reshape(1, 3, 1, 1) for part in ["mean", "deviation"])

    def look(x):
        x = ((x + 1) * 127.5 - mean) / deviation
        seen = []
        for block, layers in enumerate(LAYERS):
            if block > 0:
                x = F.max_pool2d(x, 2)
            for layer in range(layers):
                name = f"conv{block + 1}_{layer + 1}"
                x = F.relu(F.conv2d(x, vgg[f"{name}.weight"], vgg[f"{name}.bias"], padding=1))
            seen.append(x / (x.square().sum(1, keepdim=True) + 1e-20).sqrt())
        return seen

    return look


def pixel_distance(a, b):
    """Mean squared differences at full size and at each halving down to 8 pixels."""
    x, levels = a - b, []
    while True:
        levels.append(x.square().mean((1, 2, 3)))
        if min(x.shape[2:]) <= 8:
            return sum(levels) / len(levels)
        x = F.avg_pool2d(x, 2)


def main():
    args = parse()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    generator = first_picture.load(args.checkpoint).float().requires_grad_(False)
    fast = bench_torch.Fast(generator.cfg, resample="fused")
    layers = generator.cfg.num_layers
    noise = [generator.synthesis.layer(layer).noise_const for layer in range(layers)]
    look = looker(args.vgg19)

    pixels = torch.from_numpy(numpy.array(Image.open(args.picture).convert("RGB")))
    target = (pixels.permute(2, 0, 1)[None].float() / 127.5 - 1).contiguous()
    with torch.no_grad():
        seen = look(target)
        every = fast.mapping(generator.mapping, torch.randn(SAMPLES, generator.cfg.latent_size))
        mean = every.mean(0, keepdim=True)
        deviation = ((every - mean).square().sum() / SAMPLES).sqrt().item()

    def draw(w):
        return fast.synthesis(generator.synthesis, w[:, None].expand(-1, layers, -1), noise)

    def distances(w):
        image = draw(w)
        by_features = sum((a - b).square().sum(1).mean((1, 2)) for a, b in zip(look(image), seen)) / len(seen)
        return by_features, pixel_distance(image, target)

    step = torch.compile(distances) if args.compile else distances
    w = mean.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([w], betas=(0.9, 0.999), fused=True)
    times, cpu_times = [], []
    for number in range(args.steps):
        started, cpu_started = time.perf_counter(), time.process_time()
        t = number / args.steps
        fall = 0.5 - 0.5 * math.cos(math.pi * min(1, (1 - t) / 0.25))
        optimizer.param_groups[0]["lr"] = args.learning_rate * fall * min(1, t / 0.05)
        noisy = w + torch.randn_like(w) * (deviation * 0.05 * max(0, 1 - t / 0.75) ** 2)
        optimizer.zero_grad()
        sum(step(noisy)).sum().backward()
        optimizer.step()
        times.append(time.perf_counter() - started)
        cpu_times.append(time.process_time() - cpu_started)
    with torch.no_grad():
        by_features, by_pixels = distances(w)
        drawn = R.to_uint8(draw(w))[0].permute(1, 2, 0)
    squares = (drawn.int() - pixels.int()).square().float().mean().item()
    if args.out:
        Image.fromarray(drawn.contiguous().numpy()).save(args.out)
    first = min(5, len(times) // 2)
    found = {
        "secs_per_step": statistics.median(times[first:]),
        "cpu_secs_per_step": statistics.median(cpu_times[first:]),
        "vgg19": by_features.item(),
        "pixels": by_pixels.item(),
        "psnr": 10 * math.log10(255**2 / max(squares, 1e-9)),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
