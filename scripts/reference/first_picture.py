"""From the start of Python to the first picture: what `stylegan sample --checkpoint FILE --seeds 0 --out X.png` does.

  python first_picture.py network-snapshot-000000.safetensors first.png

Reads the averaged generator of the same checkpoint, draws one picture with the stored noise and truncation 0.7, and
writes it as a PNG. Weights are never drawn at random only to be overwritten. The latent is another one than that of
seed 0, so the pictures differ.
"""

import argparse
import json

import torch
from PIL import Image
from safetensors import safe_open

import bench_torch
import stylegan_reference as R

PREFIX = "g_ema."


def load(path):
    """The generator of a checkpoint in a run folder, or of one that `stylegan convert` made."""
    with safe_open(path, "pt") as file:
        shape = json.loads(file.metadata()["generator"])
        weights = {name.removeprefix(PREFIX): file.get_tensor(name) for name in file.keys() if name.startswith(PREFIX)}  # noqa: SIM118
    cfg = R.Config(
        resolution=shape["resolution"],
        latent_size=shape["z_dim"],
        dlatent_size=shape["w_dim"],
        mapping_layers=shape["mapping_layers"],
        mapping_fmaps=shape["mapping_fmaps"],
        fmap_base=shape["fmap_base"],
        fmap_max=shape["fmap_max"],
        fused_scale=False,
    )
    with torch.device("meta"):
        generator = R.Generator(cfg)
    generator.load_state_dict(weights, assign=True)
    return generator


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("checkpoint")
    ap.add_argument("out")
    ap.add_argument("--threads", type=int, default=torch.get_num_threads())
    ap.add_argument("--channels-last", action="store_true")
    ap.add_argument("--psi", type=float, default=0.7)
    ap.add_argument("--cutoff", type=int, default=8)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    generator = load(a.checkpoint)
    if a.channels_last:
        generator.to(memory_format=torch.channels_last)
    cfg = generator.cfg
    fast = bench_torch.Fast(cfg, a.channels_last, resample="fused")
    with torch.inference_mode():
        z = torch.randn(1, cfg.latent_size, generator=torch.Generator().manual_seed(0))
        w_plus = generator.truncate(generator.broadcast(fast.mapping(generator.mapping, z)), a.psi, a.cutoff)
        noise = [generator.synthesis.layer(l).noise_const for l in range(cfg.num_layers)]
        pixels = R.to_uint8(fast.synthesis(generator.synthesis, w_plus, noise))[0].permute(1, 2, 0).contiguous()
    Image.fromarray(pixels.numpy()).save(a.out)


if __name__ == "__main__":
    main()
