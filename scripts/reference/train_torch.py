"""Trains the same network as `stylegan train` for some time, and leaves fakes to be measured.

  python train_torch.py --data reals --seconds 600 --every 60 --out torch

WGAN-GP at full size from the start, by the fastest way of bench_torch.py. `--data` is a folder of PNG or JPEG pictures
of the network's side. After every so many seconds of training, which drawing is no part of, `OUT/fakes-NNNN/` holds
pictures of the averaged generator, and `OUT/stats.jsonl` has a line with `kimg` and `elapsed_sec`, as a run of this
program has.
"""

import argparse
import json
import pathlib
import time

import numpy
import torch
from PIL import Image

import bench_torch as B
import stylegan_reference as R


def pictures(folder):
    """u8 [count, 3, side, side]"""
    paths = sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix in (".png", ".jpg"))
    stacked = numpy.stack([numpy.asarray(Image.open(path).convert("RGB")) for path in paths])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()


def draw(trainer, folder, count):
    folder.mkdir()
    torch.manual_seed(1)
    with torch.inference_mode():
        for first in range(0, count, 50):
            z = torch.randn(min(50, count - first), trainer.cfg.latent_size)
            images = R.to_uint8(trainer.fast.sample(trainer.ema, z, psi=1.0)).permute(0, 2, 3, 1).numpy()
            for number, image in enumerate(images, first):
                Image.fromarray(image).save(folder / f"{number:05}.png")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--seconds", type=float, default=600)
    ap.add_argument("--every", type=float, default=60, help="seconds of training between two sets of fakes")
    ap.add_argument("--fakes", type=int, default=1000)
    ap.add_argument("--res", type=int, default=32)
    ap.add_argument("--fmap-base", type=int, default=512)
    ap.add_argument("--fmap-max", type=int, default=64)
    ap.add_argument("--latent", type=int, default=128)
    ap.add_argument("--mapping-layers", type=int, default=8)
    ap.add_argument("--batch", type=int, default=8)
    ap.add_argument("--lrate", type=float, default=0.002)
    ap.add_argument("--ema-half-life-kimg", type=float, default=1.0)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--threads", type=int, default=torch.get_num_threads())
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    cfg = R.Config(
        resolution=a.res,
        fmap_base=a.fmap_base,
        fmap_max=a.fmap_max,
        latent_size=a.latent,
        dlatent_size=a.latent,
        mapping_fmaps=a.latent,
        mapping_layers=a.mapping_layers,
    )
    fast = B.Fast(cfg, channels_last=True, resample="fused")
    trainer = B.Trainer(cfg, a.batch, fast, lambda: torch.autocast("cpu", torch.bfloat16, enabled=False))
    trainer.beta = R.ema_beta(a.batch, a.ema_half_life_kimg)
    for optimizer in (trainer.go, trainer.do):
        optimizer.param_groups[0]["lr"] = a.lrate
    reals = pictures(a.data)
    out = pathlib.Path(a.out)
    out.mkdir(parents=True)
    order = torch.Generator().manual_seed(a.seed)
    elapsed, shown, sets = 0.0, 0, 0
    while elapsed < a.seconds:
        start = time.perf_counter()
        picked = torch.randint(len(reals), (a.batch,), generator=order)
        mirrored = torch.rand(a.batch, generator=order) < 0.5
        trainer.reals = fast.fmt(R.process_reals(reals[picked], 0.0, mirrored))
        trainer.iteration()
        elapsed += time.perf_counter() - start
        shown += a.batch
        if elapsed >= (sets + 1) * a.every:
            sets += 1
            draw(trainer, out / f"fakes-{sets:04}", a.fakes)
            torch.manual_seed(sets + 1000)
            with open(out / "stats.jsonl", "a") as stats:
                print(json.dumps(dict(tick=sets, kimg=shown / 1000, elapsed_sec=elapsed)), file=stats)


if __name__ == "__main__":
    main()
