"""How fast does PyTorch do the same work on this machine?

  python bench_torch.py --res 64 --fmap-base 2048 --fmap-max 128 --batch 16 --threads 2
  python bench_torch.py --check            # first prove it computes the reference's numbers

One training iteration = critic step with WGAN-GP (fakes without graph, real and fake
scores, penalty with double backward, Adam), EMA, generator step with style mixing, Adam.
img/s counts real images per second of training time, as training logs do.

--what names what is measured: train; sample, of a whole batch; single, of one picture; project, the way
from w to pictures and back to w's gradient, which is what looking for the w of a picture takes.

Speed choices that leave the mathematics unchanged:
  * instance norm and style are one batch_norm call over N*C channels (contiguous layout);
  * bias goes into the convolution where no filter follows, activations work in place;
  * resampling convolutions may run in their 4x4 stride-2 form at every resolution
    (--resample fused: flipped kernels for up-sampling give the identical function);
  * real and fake images share one critic pass, with separate stddev groups;
  * the generator step differentiates only with respect to generator parameters;
  * fused Adam and foreach EMA.
"""

import argparse
import copy
import json
import resource
import statistics
import time

import torch
import torch.nn.functional as F

import stylegan_reference as R


class SelfAdjointBlur(torch.autograd.Function):
    """The zero-padded binomial filter is its own transpose, so every order of gradient is the
    same cheap call.  (The stock double backward of a depthwise conv loops over channels.)"""

    @staticmethod
    def forward(ctx, x, kernel):
        ctx.save_for_backward(kernel)
        c = x.shape[1]
        return F.conv2d(x, kernel.expand(c, 1, 3, 3), padding=1, groups=c)

    @staticmethod
    def backward(ctx, dy):
        return SelfAdjointBlur.apply(dy, ctx.saved_tensors[0]), None


class Fast:
    """Fast forward passes over the parameters of the reference modules."""

    def __init__(self, cfg, channels_last=False, resample="auto", blur="conv", adain="auto"):
        self.cfg, self.cl, self.resample, self.blur_kind = cfg, channels_last, resample, blur
        self.adain = ("instance" if channels_last else "batch") if adain == "auto" else adain
        k = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.kernel = torch.outer(k, k)[None, None]

    def fmt(self, x):
        return x.contiguous(memory_format=torch.channels_last) if self.cl else x

    def blur(self, x):
        if self.blur_kind == "pool":  # (1,1)/2 twice is (1,2,1)/4
            return F.avg_pool2d(F.avg_pool2d(x, 2, 1, padding=1), 2, 1)
        return SelfAdjointBlur.apply(x, self.kernel.to(x.dtype))

    def fuse(self, big):
        return self.resample == "fused" or (self.resample == "auto" and self.cfg.is_fused(big))

    def up_conv(self, x, w, native_fused, big):
        if not self.fuse(big) and not native_fused:
            return F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), w, padding=1)
        w = w if native_fused else w.flip(2, 3)
        return F.conv_transpose2d(x, R.box4(w).transpose(0, 1), stride=2, padding=1)

    def conv_down(self, x, w, b, native_fused, big):
        if not self.fuse(big) and not native_fused:
            return F.avg_pool2d(F.conv2d(x, w, b, padding=1), 2)
        return F.conv2d(x, 0.25 * R.box4(w), b, stride=2, padding=1)

    def mapping(self, m, z):
        x = R.pixel_norm(z)
        for i in range(self.cfg.mapping_layers):
            d = getattr(m, f"dense{i}")
            x = F.leaky_relu_(F.linear(x, d.w(), d.b()), 0.2)
        return x.to(z.dtype)

    def synthesis(self, s, dlatents, noise=None):
        n = dlatents.shape[0]
        x = self.fmt(s.const.expand(n, -1, -1, -1))
        for l in range(self.cfg.num_layers):
            L = s.layer(l)
            if l > 0 and L.up:
                x = self.blur(self.up_conv(x, L.weight * L.coef, L.fused, L.res))
            elif l > 0:
                x = F.conv2d(x, L.weight * L.coef, L.bias, padding=1)
            z = noise[l] if noise is not None else torch.randn(n, 1, L.res, L.res, dtype=x.dtype)
            # Under autocast, features are bf16 and parameters are not.
            a, b = (p.view(1, -1, 1, 1).to(x.dtype) for p in (L.noise_strength, L.bias))
            if l == 0:
                x = torch.addcmul(x + b, z, a)
            elif L.up:
                x = x.addcmul_(z, a).add_(b)
            else:
                x = x.addcmul_(z, a)
            x = F.leaky_relu_(x, 0.2)
            ys, yb = F.linear(dlatents[:, l], L.style_weight * L.style_coef, L.style_bias).chunk(2, 1)
            if self.adain == "batch":
                shape = x.shape
                x = F.batch_norm(
                    x.reshape(1, -1, *shape[2:]),
                    None,
                    None,
                    (ys + 1).reshape(-1).to(L.bias.dtype),
                    yb.reshape(-1).to(L.bias.dtype),
                    training=True,
                    eps=1e-8,
                ).view(shape)
            else:
                x = F.instance_norm(x, eps=1e-8)
                x = torch.addcmul(yb[:, :, None, None], x, (ys + 1)[:, :, None, None])
        t = getattr(s, f"to_rgb_{self.cfg.resolution}")
        return F.conv2d(x, t.w(), t.b())

    def generator(self, g, z, z2=None, cutoff=None, noise=None):
        w = self.mapping(g.mapping, z)
        with torch.no_grad():
            g.w_avg.copy_(w.mean(0).lerp(g.w_avg, 0.995))
        dl = g.broadcast(w)
        if z2 is not None and cutoff < self.cfg.num_layers:
            dl = torch.cat([dl[:, :cutoff], g.broadcast(self.mapping(g.mapping, z2))[:, cutoff:]], 1)
        return self.synthesis(g.synthesis, dl, noise)

    def sample(self, g, z, psi=0.7, cutoff=8):
        return self.synthesis(g.synthesis, g.truncate(g.broadcast(self.mapping(g.mapping, z)), psi, cutoff))

    def critic(self, d, x, groups=1):
        cfg = self.cfg
        x = self.fmt(x)
        f = getattr(d, f"from_rgb_{cfg.resolution}")
        x = F.leaky_relu_(F.conv2d(x, f.w(), f.b()), 0.2)
        for r in reversed(cfg.resolutions[1:]):
            b = getattr(d, f"block_{r}")
            x = F.leaky_relu_(F.conv2d(x, b.conv0.w(), b.conv0.b(), padding=1), 0.2)
            x = self.conv_down(self.blur(x), b.conv1_down.w(), b.conv1_down.b(), cfg.is_fused(r), r)
            x = F.leaky_relu_(x, 0.2)
        b = d.block_4
        x = torch.cat([R.minibatch_stddev(c, cfg.mbstd_group_size) for c in x.chunk(groups)])
        x = F.leaky_relu_(F.conv2d(x, b.conv.w(), b.conv.b(), padding=1), 0.2)
        x = F.leaky_relu_(F.linear(x.flatten(1), b.dense0.w(), b.dense0.b()), 0.2)
        return F.linear(x, b.dense1.w(), b.dense1.b())[:, 0].to(b.dense1.w().dtype)

    def d_loss(self, d, reals, fakes, mix):
        n = reals.shape[0]
        real, fake = self.critic(d, torch.cat([reals, fakes]), groups=2).split(n)
        mixed = torch.lerp(reals, fakes, mix).requires_grad_(True)
        grad = torch.autograd.grad(self.critic(d, mixed).sum(), mixed, create_graph=True)[0]
        penalty = (grad.square().sum((1, 2, 3)).sqrt() - 1).square()
        return (fake - real + 10 * penalty + 0.001 * real.square()).mean()


class Trainer:
    def __init__(self, cfg, batch, fast, autocast):
        torch.manual_seed(0)
        self.cfg, self.n, self.fast, self.autocast = cfg, batch, fast, autocast
        self.g, self.d = R.Generator(cfg), R.Critic(cfg)
        if fast.cl:
            self.g.to(memory_format=torch.channels_last)
            self.d.to(memory_format=torch.channels_last)
        self.ema = copy.deepcopy(self.g)
        opt = dict(lr=1e-3, betas=(0.0, 0.99), eps=1e-8, fused=True)
        self.gp, self.dp = list(self.g.parameters()), list(self.d.parameters())
        self.ep = list(self.ema.parameters())
        self.go, self.do = torch.optim.Adam(self.gp, **opt), torch.optim.Adam(self.dp, **opt)
        self.beta = R.ema_beta(batch)
        self.gen = fast.generator
        self.reals = fast.fmt(torch.rand(batch, 3, cfg.resolution, cfg.resolution) * 2 - 1)

    def latents(self):
        z = torch.randn(2, self.n, self.cfg.latent_size)
        with torch.device("cpu"):  # a number drawn on a GPU would have to be waited for
            return z[0], z[1], R.draw_mix_cutoff(self.cfg, 0.0)

    def step(self, opt, params, loss):
        for p, g in zip(params, torch.autograd.grad(loss, params, allow_unused=True)):
            if g is not None and g.stride() != p.stride():  # fused Adam on CUDA wants one layout
                g = torch.empty_like(p).copy_(g)
            p.grad = torch.zeros_like(p) if g is None else g
        opt.step()

    def iteration(self):
        marks = [time.perf_counter()]
        with torch.no_grad(), self.autocast():
            fakes = self.gen(self.g, *self.latents()).to(self.reals.dtype)
        with self.autocast():
            d_loss = self.fast.d_loss(self.d, self.reals, fakes, torch.rand(self.n, 1, 1, 1))
        self.step(self.do, self.dp, d_loss)
        marks.append(time.perf_counter())
        with torch.no_grad():
            torch._foreach_lerp_(self.ep, self.gp, 1 - self.beta)
            self.ema.w_avg.copy_(self.g.w_avg)
        with self.autocast():
            g_loss = -self.fast.critic(self.d, self.gen(self.g, *self.latents())).mean()
        self.step(self.go, self.gp, g_loss)
        marks.append(time.perf_counter())
        return marks[1] - marks[0], marks[2] - marks[1]


class Projection:
    """From w to pictures, their distance to others, and back to the gradient of w; the networks stay as they are."""

    def __init__(self, trainer, batch):
        self.fast, self.autocast, cfg = trainer.fast, trainer.autocast, trainer.cfg
        self.g = copy.deepcopy(trainer.g).requires_grad_(False)
        self.w = torch.randn(batch, cfg.num_layers, cfg.dlatent_size, requires_grad=True)
        self.target = self.fast.fmt(torch.rand(batch, 3, cfg.resolution, cfg.resolution) * 2 - 1)
        self.noise = [
            torch.randn(1, 1, 4 * 2 ** (l // 2), 4 * 2 ** (l // 2)).expand(batch, -1, -1, -1)
            for l in range(cfg.num_layers)
        ]

    def step(self):
        with self.autocast():
            image = self.fast.synthesis(self.g.synthesis, self.w, self.noise)
        return torch.autograd.grad((image.to(self.target.dtype) - self.target).square().mean(), self.w)[0]


def finish():
    """Waits for the device, so that a clock read next includes all work given to it."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def timed(fn, seconds, warm=2, least=5, in_a_row=1):
    """Wall time and CPU seconds of each step: means of `in_a_row` of them, after which the device is waited for."""
    for _ in range(warm):
        fn()
    finish()
    if torch.cuda.is_available():  # what the search for ways to convolve took is no part of the work
        torch.cuda.reset_peak_memory_stats()
    out, stop = [], time.perf_counter() + seconds
    while len(out) < least or time.perf_counter() < stop:
        t, c = time.perf_counter(), time.process_time()
        for _ in range(in_a_row):
            fn()
        finish()
        out.append(((time.perf_counter() - t) / in_a_row, (time.process_time() - c) / in_a_row))
    return out


def peak_memory_bytes(device):
    """The most that tensors took since warming up, or that the process took."""
    if device == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return torch.cuda.max_memory_allocated()


def spread(ts, images, device):
    """Wall time, plus the CPU seconds of all threads: on a busy machine compare those as well."""
    s, cpu = sorted(t for t, _ in ts), sorted(c for _, c in ts)
    med = statistics.median(s)
    return dict(
        median_s=round(med, 5),
        min_s=round(s[0], 5),
        p90_s=round(s[int(0.9 * (len(s) - 1))], 5),
        runs=len(s),
        cpu_median_s=round(statistics.median(cpu), 5),
        cpu_min_s=round(cpu[0], 5),
        img_per_s=round(images / med, 2),
        best_img_per_s=round(images / s[0], 2),
        peak_memory_bytes=peak_memory_bytes(device),
    )


def gradients(loss, module):
    return torch.autograd.grad(loss, list(module.parameters()), allow_unused=True)


def check():
    """Every fast variant against the reference, float64."""
    torch.set_default_dtype(torch.float64)
    worst = 0.0
    for fused in ("auto", True):
        cfg = R.Config(
            resolution=32,
            latent_size=24,
            dlatent_size=24,
            mapping_layers=3,
            mapping_fmaps=24,
            fmap_base=128,
            fmap_max=16,
            fused_scale=fused,
        )
        g, d = R.randomize(R.Generator(cfg), 1), R.randomize(R.Critic(cfg), 2)
        z, z2, real = torch.randn(8, 24), torch.randn(8, 24), torch.randn(8, 3, 32, 32)
        noise = [torch.randn(8, 1, 4 * 2 ** (l // 2), 4 * 2 ** (l // 2)) for l in range(8)]
        mix = torch.rand(8, 1, 1, 1)
        want = copy.deepcopy(g).forward_train(z, z2, 3, noise=noise)
        ref_d = R.d_wgan_gp(d, real, want.detach(), mix)[0].mean()
        ref_dg = gradients(ref_d, d)
        g1 = copy.deepcopy(g)
        ref_gg = gradients(-d(g1.forward_train(z, z2, 3, noise=noise)).mean(), g1)
        for cl in (False, True):
            for resample in ("auto", "fused", "plain"):
                for blur in ("conv", "pool"):
                    f = Fast(cfg, cl, resample, blur)
                    g2 = copy.deepcopy(g)
                    img = f.generator(g2, z, z2, 3, noise)
                    errs = [(img - want).abs().max()]
                    gg = gradients(-f.critic(d, img).mean(), g2)
                    errs += [(a - b).abs().max() for a, b in zip(gg, ref_gg) if a is not None]
                    dl = f.d_loss(d, real, want.detach(), mix)
                    errs.append((dl - ref_d).abs())
                    errs += [(a - b).abs().max() for a, b in zip(gradients(dl, d), ref_dg) if a is not None]
                    worst = max(worst, max(errs).item())
                    print(
                        f"fused_scale={fused} channels_last={cl} resample={resample} blur={blur}: "
                        f"max error {max(errs).item():.1e}"
                    )
    assert worst < 1e-9
    torch.set_default_dtype(torch.float32)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--res", type=int, default=64)
    ap.add_argument("--fmap-base", type=int, default=2048)
    ap.add_argument("--fmap-max", type=int, default=128)
    ap.add_argument("--latent", type=int, default=512)
    ap.add_argument("--mapping-layers", type=int, default=8)
    ap.add_argument("--batch", type=int, default=16)
    ap.add_argument("--threads", type=int, default=torch.get_num_threads())
    ap.add_argument("--seconds", type=float, default=20.0, help="how long to measure each, after warming up")
    ap.add_argument("--least", type=int, default=5, help="fewest repetitions, however long they take")
    ap.add_argument(
        "--in-a-row", type=int, default=8, help="cuda: iterations of a training before the device is waited for"
    )
    ap.add_argument("--channels-last", action="store_true")
    ap.add_argument("--resample", choices=("auto", "fused", "plain"), default="fused")
    ap.add_argument("--blur", choices=("conv", "pool"), default="conv")
    ap.add_argument("--adain", choices=("auto", "batch", "instance"), default="auto")
    ap.add_argument(
        "--compile",
        action="store_true",
        help="torch.compile the generator (the critic needs double backward, which compiled graphs lack)",
    )
    ap.add_argument("--what", default="train,single,sample", help="comma list of train, single, sample and project")
    ap.add_argument("--device", default="cpu", help="cpu or cuda")
    ap.add_argument(
        "--precision",
        choices=("tf32", "f32", "bf16"),
        default="tf32",
        help="cuda: TF32 in convolutions and products, or neither; bf16: TF32, and autocast to bf16",
    )
    ap.add_argument("--check", action="store_true")
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    torch.set_default_device(a.device)
    what = a.what.split(",")
    if unknown := set(what) - {"train", "single", "sample", "project"}:
        ap.error(f"--what names {', '.join(sorted(unknown))}")
    if a.device != "cpu":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = a.precision != "f32"
        torch.backends.cudnn.benchmark = True
    if a.check:
        return check()
    cfg = R.Config(
        resolution=a.res,
        fmap_base=a.fmap_base,
        fmap_max=a.fmap_max,
        latent_size=a.latent,
        dlatent_size=a.latent,
        mapping_fmaps=a.latent,
        mapping_layers=a.mapping_layers,
    )
    fast = Fast(cfg, a.channels_last, a.resample, a.blur, a.adain)
    if a.compile:  # the mixing cutoff stays outside, so nothing recompiles later
        fast.synthesis, fast.mapping = torch.compile(fast.synthesis), torch.compile(fast.mapping)
    autocast = lambda: torch.autocast(a.device.partition(":")[0], torch.bfloat16, enabled=a.precision == "bf16")
    t = Trainer(cfg, a.batch, fast, autocast)
    count = lambda m: sum(p.numel() for p in m.parameters())
    out = dict(
        torch=torch.__version__,
        threads=a.threads,
        res=a.res,
        fmap_base=a.fmap_base,
        fmap_max=a.fmap_max,
        batch=a.batch,
        channels_last=a.channels_last,
        resample=a.resample,
        blur=a.blur,
        adain=fast.adain,
        compile=a.compile,
        precision=a.precision,
        g_params=count(t.g),
        d_params=count(t.d),
    )
    if "train" in what:
        parts = []
        warm, in_a_row = 6 if a.compile else 2, 1 if a.device == "cpu" else a.in_a_row
        ts = timed(lambda: parts.append(t.iteration()), a.seconds, warm, a.least, in_a_row)
        out["train"] = spread(ts, a.batch, a.device)
        out["train"]["d_step_s"] = round(statistics.median(p[0] for p in parts[-len(ts) :]), 5)
        out["train"]["g_step_s"] = round(statistics.median(p[1] for p in parts[-len(ts) :]), 5)
    with torch.inference_mode(), autocast():
        for n in [1] * ("single" in what) + [a.batch] * ("sample" in what):
            z = torch.randn(n, a.latent)
            ts = timed(lambda z=z: fast.sample(t.g, z), a.seconds / 4, least=a.least)
            out[f"sample_batch{n}"] = spread(ts, n, a.device)
    if "project" in what:
        projection = Projection(t, a.batch)
        out["project"] = spread(timed(projection.step, a.seconds / 4, least=a.least), a.batch, a.device)
    first = next(out[name] for name in ("train", f"sample_batch{a.batch}", "sample_batch1", "project") if name in out)
    out["images_per_sec"], out["peak_memory_bytes"] = first["img_per_s"], first["peak_memory_bytes"]
    print(json.dumps(out))


if __name__ == "__main__":
    main()
