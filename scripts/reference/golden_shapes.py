"""Golden numbers of networks of any shape: not square, and with other channels than three.

Writes the files of one prefix of `golden/fixtures`. Inputs and weights are rounded to float32, expected values are
computed from them in float64 and rounded to float32 at the very end. The same numbers computed in float32 tell what
rounding does by itself, from which the tolerances come.

  python golden_shapes.py --out golden/fixtures --prefix e
"""

import argparse
import copy
import dataclasses
import json
import math
import pathlib

import torch
from safetensors.torch import save_file

import stylegan_reference as R

INPUT, OUTPUT, GRAD = "input", "output", "grad"

NARROW = dict(
    latent_size=9, dlatent_size=7, mapping_layers=2, mapping_fmaps=8, fmap_base=48, fmap_max=10, fused_scale=False
)
CONFIGS = {
    # 16x12 from 4x3, color and transparency.
    "e": R.Config(resolution=16, start=(3, 4), num_channels=4, **NARROW),
    # 16x20 from 4x5, grey; the longer sides are no powers of two.
    "f": R.Config(resolution=20, start=(5, 4), num_channels=1, **NARROW),
}


class Rng:
    """The same numbers for every type: drawn in float64, rounded to float32, then cast."""

    def __init__(self, seed, dtype):
        self.generator, self.dtype = torch.Generator().manual_seed(seed), dtype

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.generator, dtype=torch.float64).float().to(self.dtype)

    def uniform(self, *shape):
        return torch.rand(*shape, generator=self.generator, dtype=torch.float64).float().to(self.dtype)


class Sink:
    """The tensors of a file, each with what it is."""

    def __init__(self):
        self.tensors, self.roles = {}, {}

    def put(self, role, **tensors):
        for name, tensor in tensors.items():
            self.tensors[name], self.roles[name] = tensor.detach().clone().contiguous(), role

    def put_all(self, role, prefix, pairs):
        self.put(role, **{prefix + name: tensor for name, tensor in pairs})

    def scalar(self, name, value):
        dtype = torch.int64 if isinstance(value, int) else torch.float64
        self.put(INPUT, **{name: torch.tensor([value], dtype=dtype)})


class Margin:
    """Watches leaky ReLUs: float32 could turn the slope of what is too close to 0."""

    def __enter__(self):
        self.inner, self.least = R.leaky_relu, math.inf

        def watched(x):
            x_ = x.detach()
            self.least = min(self.least, (x_.abs().min() / x_.square().mean().sqrt()).item())
            return self.inner(x)

        R.leaky_relu = watched
        return self

    def __exit__(self, *_):
        R.leaky_relu = self.inner


class Networks:
    def __init__(self, cfg, seed, dtype):
        torch.set_default_dtype(torch.float64)
        self.cfg, self.dtype = cfg, dtype
        self.gen = R.randomize(R.Generator(cfg), seed)
        self.critic = R.randomize(R.Critic(cfg), seed + 1)
        self.ema = R.randomize(R.Generator(cfg), seed + 3)
        with torch.no_grad():
            # Pixels and norms of gradients of order one, scores that are not saturated.
            for module in (self.gen, self.ema):
                for side in cfg.resolutions:
                    getattr(module.synthesis, f"to_rgb_{side}").weight.mul_(0.25)
            last = getattr(self.critic, f"block_{max(cfg.start)}").dense1
            last.weight.mul_(float(cfg.resolution))
            z = Rng(seed + 2, torch.float64).normal(8, cfg.latent_size)
            last.bias.sub_(self.critic(self.gen(z)).mean()).copy_(last.bias.float().double())
        for module in (self.gen, self.ema, self.critic):
            module.to(dtype)
        torch.set_default_dtype(dtype)

    def noise(self, rng, n):
        return [rng.normal(n, 1, *self.cfg.shape(layer // 2)) for layer in range(self.cfg.num_layers)]

    def pictures(self, rng, n, level):
        return rng.normal(n, self.cfg.num_channels, *self.cfg.shape(level))


def gradients_of(loss, module):
    names, parameters = zip(*module.named_parameters())
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [(n, torch.zeros_like(p) if g is None else g) for n, p, g in zip(names, parameters, gradients)]


# --------------------------------------------------------------------------- files


def weights(net, rng, sink):
    for tag, module in (("gen.", net.gen), ("ema.", net.ema), ("critic.", net.critic)):
        sink.put_all("weight", tag, module.state_dict().items())


def layers(net, rng, sink, n=2):
    w_plus, noise, taps = 0.7 * rng.normal(n, net.cfg.num_layers, net.cfg.dlatent_size), net.noise(rng, n), []
    net.gen.synthesis(w_plus, 0.0, noise, taps=taps)
    sink.put(INPUT, dlatents=w_plus)
    for l, (_, out) in enumerate(taps):
        style = net.gen.synthesis.layer(l).style(w_plus[:, l])
        sink.put(INPUT, **{f"layer{l}.noise": noise[l]})
        sink.put(OUTPUT, **{f"layer{l}.style": style, f"layer{l}.out": out})


def lods(cfg):
    return [0.0, 0.25, 1.0, 1.5, float(cfg.levels - 1)]


def synthesis_lods(net, rng, sink, n=2):
    w_plus, noise = 0.7 * rng.normal(n, net.cfg.num_layers, net.cfg.dlatent_size), net.noise(rng, n)
    sink.put(INPUT, dlatents=w_plus, **{f"noise.{l}": image for l, image in enumerate(noise)})
    for i, lod in enumerate(lods(net.cfg)):
        sink.scalar(f"case{i}.lod", lod)
        sink.put(OUTPUT, **{f"case{i}.image": net.gen.synthesis(w_plus, lod, noise)})
    sink.put(
        OUTPUT,
        image_const_noise=net.gen.synthesis(w_plus, 0.0, "const"),
        image_zero_noise=net.gen.synthesis(w_plus, 0.0, None),
    )


def critic_lods(net, rng, sink, n=4):
    full = net.pictures(rng, n, net.cfg.levels - 1)
    sink.put(INPUT, images_full=full)
    for i, lod in enumerate(lods(net.cfg)):
        repeat = 2 ** int(lod)
        images = R.downscale(full, repeat).float().to(net.dtype).requires_grad_(True)
        scores, gradient = R.input_gradient(net.critic, images, lod, create_graph=False)
        norms = gradient.square().sum(dim=(1, 2, 3)).sqrt()
        sink.scalar(f"case{i}.lod", lod)
        if repeat > 1:
            sink.put(INPUT, **{f"case{i}.images": images})
        sink.put(OUTPUT, **{f"case{i}.scores": scores})
        sink.put(
            GRAD,
            **{
                f"case{i}.input_grad": gradient,
                f"case{i}.grad_norm_native": norms,
                f"case{i}.grad_norm_fullsize": norms / repeat,
            },
        )


def batch(net, rng, sink, lod, n):
    level = net.cfg.levels - 1 - int(lod)
    pictures = dict(reals=0.6 * net.pictures(rng, n, level), fakes=0.6 * net.pictures(rng, n, level))
    pictures = {name: picture.float().to(net.dtype) for name, picture in pictures.items()}
    sink.scalar("lod", lod)
    sink.put(INPUT, **pictures, mix=(mix := rng.uniform(n, 1, 1, 1)))
    return dict(pictures, mix=mix)


def gradient_penalty(net, rng, sink, lod, n=4):
    images = batch(net, rng, sink, lod, n)
    mixed = R.lerp(images["reals"], images["fakes"], images["mix"])
    scores, gradient = R.input_gradient(net.critic, mixed, lod)
    norms = gradient.square().sum(dim=(1, 2, 3)).sqrt() / 2 ** int(lod)
    penalty = (norms - 1.0).square()
    loss = 10.0 * penalty.mean()
    sink.put(OUTPUT, mixed_images=mixed, mixed_scores=scores, mixed_norms=norms, penalty=penalty, loss=loss[None])
    sink.put(GRAD, mixed_input_grad=gradient)
    sink.put_all(GRAD, "grad.critic.", gradients_of(loss, net.critic))


def losses(net, rng, sink, kind, lod, n=4):
    cfg, repeat = net.cfg, 2 ** int(lod)
    images = batch(net, rng, sink, lod, n)
    if kind == "wgan_gp":
        d, parts = R.d_wgan_gp(net.critic, **images, lod=lod, pixel_repeat=repeat)
    else:
        d, parts = R.d_logistic_r1(net.critic, images["reals"], images["fakes"], lod, pixel_repeat=repeat)
    sink.put_all(OUTPUT, "d_", parts.items())
    sink.put(OUTPUT, d_loss_per_sample=d, d_loss=d.mean()[None])
    sink.put_all(GRAD, "grad.critic.", gradients_of(d.mean(), net.critic))

    z, z2, noise = rng.normal(n, cfg.latent_size), rng.normal(n, cfg.latent_size), net.noise(rng, n)
    active = R.active_layers(cfg, lod)
    cutoff = max(1, active // 2)
    sink.put(INPUT, z=z, z2=z2, **{f"noise.{l}": noise[l] for l in range(active)})
    sink.scalar("mix_cutoff", cutoff)
    gen = copy.deepcopy(net.gen)
    fakes = gen.forward_train(z, z2, cutoff, lod=lod, noise=noise)
    scores = net.critic(fakes, lod)[:, 0]
    g = R.g_wgan(scores) if kind == "wgan_gp" else R.g_logistic_nonsaturating(scores)
    sink.put(OUTPUT, g_images=fakes, g_scores=scores, g_loss_per_sample=g, g_loss=g.mean()[None], w_avg_after=gen.w_avg)
    sink.put_all(GRAD, "grad.gen.", gradients_of(g.mean(), gen))


FADE = 1.3
FILES = {
    "weights": weights,
    "layers": layers,
    "synthesis_lods": synthesis_lods,
    "critic_lods": critic_lods,
    "gp_lod0": lambda *args: gradient_penalty(*args, 0.0),
    "gp_fade": lambda *args: gradient_penalty(*args, FADE),
    "wgan_gp_lod0": lambda *args: losses(*args, "wgan_gp", 0.0),
    "wgan_gp_fade": lambda *args: losses(*args, "wgan_gp", FADE),
    "r1_lod0": lambda *args: losses(*args, "r1", 0.0),
    "r1_fade": lambda *args: losses(*args, "r1", FADE),
}


# --------------------------------------------------------------------------- writing


def computed(fill, cfg, seed, tries=200):
    """In float64, of the first seed without activations near 0, and in float32."""
    for file_seed in range(seed, seed + tries):
        exact, rounded = Sink(), Sink()
        net = Networks(cfg, seed, torch.float64)
        with Margin() as margin:
            fill(net, Rng(file_seed, torch.float64), exact)
        if margin.least > 2.5e-6:
            fill(Networks(cfg, seed, torch.float32), Rng(file_seed, torch.float32), rounded)
            return exact, rounded
    raise SystemExit("every seed has activations near 0")


def tolerance(role, exact, rounded):
    row = dict(shape=list(exact.shape), role=role)
    if role in (OUTPUT, GRAD):
        error = (exact.float().double() - rounded.double()).abs().max().item()
        by_error, by_scale = (20, 1e-4) if role == GRAD else (10, 1e-5)
        row["atol"] = float(f"{max(by_error * error, by_scale * exact.abs().max().item(), 1e-7):.3g}")
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=pathlib.Path, metavar="DIR")
    parser.add_argument("--prefix", required=True, choices=CONFIGS)
    parser.add_argument("--seed", type=int, default=1000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cfg, tolerances = CONFIGS[args.prefix], {}
    for name, fill in FILES.items():
        exact, rounded = computed(fill, cfg, args.seed)
        file = f"{args.prefix}_{name}"
        tensors = {name: t.float() if t.dtype == torch.float64 else t for name, t in exact.tensors.items()}
        config = {"config": json.dumps(dataclasses.asdict(cfg))}
        save_file(tensors, args.out / f"{file}.safetensors", metadata=config)
        tolerances[file] = {
            name: tolerance(role, exact.tensors[name], rounded.tensors[name]) for name, role in exact.roles.items()
        }
    (args.out / f"{args.prefix}_tolerances.json").write_text(json.dumps(tolerances, indent=0))


if __name__ == "__main__":
    main()
