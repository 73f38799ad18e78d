"""Numerical oracle for a StyleGAN v1 system (generator, critic, losses, schedule).

Everything here is written from scratch as plain PyTorch so that each formula can
be read in one place.  It follows the semantics of the original TensorFlow
release, and the golden numbers of the tests were made with it.  It aims at clarity and at
being exact in float64 rather than at speed (bench_torch.py is the fast variant).

Parameter names (state dict of `Generator`; all weights are stored UNSCALED, the
run-time factor is applied inside the forward pass):

  mapping.dense{i}.weight            [out, in]        i = 0 .. mapping_layers-1
  mapping.dense{i}.bias              [out]
  mapping.label_embed                [labels, latent] only if label_size > 0
  synthesis.const                    [1, C, 4, 4]     input of layer 0
  synthesis.layer{l}.weight          [out, in, 3, 3]  l = 1 .. layers-1 (layer 0 has no conv)
  synthesis.layer{l}.noise_strength  [out]
  synthesis.layer{l}.bias            [out]
  synthesis.layer{l}.style_weight    [2*out, dlatent] rows 0..out-1 scale, out..2*out-1 shift
  synthesis.layer{l}.style_bias      [2*out]
  synthesis.layer{l}.noise_const     [1, 1, r, r]     buffer: fixed noise for sampling
  synthesis.to_rgb_{r}.weight        [3, C, 1, 1]     r = 4, 8, .. resolution
  synthesis.to_rgb_{r}.bias          [3]
  w_avg                              [dlatent]        buffer: running mean of w

and of `Critic`:

  from_rgb_{r}.weight / .bias        [C, 3, 1, 1] / [C]
  block_{r}.conv0.weight / .bias     r = resolution .. 8
  block_{r}.conv1_down.weight / .bias
  block_4.conv.weight / .bias        input has +1 channel (minibatch stddev)
  block_4.dense0.weight / .bias      [C, C4*16], the flattened index runs channel, row, column
  block_4.dense1.weight / .bias      [max(labels,1), C]

Layer l lives at level l // 2, which is a square of 4 * 2**(l // 2) unless the network starts from another shape
than 4x4; even l >= 2 are the up-sampling ones. Names have the longer side.
"lod" (level of detail) counts halvings from the full resolution: lod 0 is full
size, a fractional lod is a cross-fade between floor(lod) and floor(lod)+1.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

SQRT2 = math.sqrt(2.0)


# --------------------------------------------------------------------------- config


@dataclass(frozen=True)
class Config:
    resolution: int = 1024  # the longer side
    start: tuple = (4, 4)  # height and width of the smallest level
    num_channels: int = 3
    latent_size: int = 512
    dlatent_size: int = 512
    mapping_layers: int = 8
    mapping_fmaps: int = 512
    mapping_lrmul: float = 0.01
    label_size: int = 0
    fmap_base: int = 8192
    fmap_decay: float = 1.0
    fmap_max: int = 512
    fused_scale: object = "auto"  # True, False or "auto" (fused from 128 pixels on)
    mbstd_group_size: int = 4
    mbstd_num_features: int = 1

    @property
    def levels(self):
        return (self.resolution // max(self.start)).bit_length()

    @property
    def num_layers(self):
        return 2 * self.levels

    @property
    def resolutions(self):
        """The longer side of each level."""
        return [max(self.start) << level for level in range(self.levels)]

    def shape(self, level):
        """Height and width of the pictures of a level, the smallest one being 0."""
        return tuple(side << level for side in self.start)

    def fmap(self, stage):
        return min(int(self.fmap_base / 2.0 ** (stage * self.fmap_decay)), self.fmap_max)

    def fmap_at(self, res):
        """Feature maps inside the block working at `res` pixels."""
        return self.fmap(res.bit_length() - 2)

    def is_fused(self, big_res):
        """`big_res` is the larger side of the resampling (output of up, input of down)."""
        return big_res >= 128 if self.fused_scale == "auto" else bool(self.fused_scale)


# --------------------------------------------------------------------------- elementary ops


def he_scale(fan_in, gain=SQRT2, lrmul=1.0):
    """Run-time factor of a stored weight whose initial std is 1/lrmul."""
    return gain / math.sqrt(fan_in) * lrmul


def leaky_relu(x):
    return torch.where(x >= 0, x, 0.2 * x)  # derivative at exactly 0 is 1, not 0.2


def pixel_norm(x, eps=1e-8):
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + eps)


def instance_norm(x, eps=1e-8):
    x = x - x.mean(dim=(2, 3), keepdim=True)
    return x * torch.rsqrt(x.square().mean(dim=(2, 3), keepdim=True) + eps)


def blur(x):
    """Depthwise 3x3 binomial filter (outer product of 1,2,1 over 16), zero padded."""
    k = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype, device=x.device)
    k = (k[:, None] * k[None, :] / 16.0).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, k, padding=1, groups=x.shape[1])


def upscale(x, factor=2):
    if factor == 1:
        return x
    return x.repeat_interleave(factor, dim=2).repeat_interleave(factor, dim=3)


def downscale(x, factor=2):
    return x if factor == 1 else F.avg_pool2d(x, factor)


def box4(w):
    """3x3 kernel -> 4x4 kernel: full correlation with a 2x2 box of ones."""
    w = F.pad(w, (1, 1, 1, 1))
    return w[..., 1:, 1:] + w[..., :-1, 1:] + w[..., 1:, :-1] + w[..., :-1, :-1]


def upscale_conv(x, w, fused):
    """Nearest x2 then 3x3 conv; `w` [out,in,3,3] is already scaled.

    The fused form is a stride-2 transposed conv with the 4x4 box-summed kernel.
    Because a transposed conv scatters where a conv gathers, it is NOT the same
    function: fused(w) == unfused(w flipped in both axes), exactly.  A checkpoint
    is therefore tied to the mode each of its layers was trained with.
    """
    if not fused:
        return F.conv2d(upscale(x), w, padding=1)
    return F.conv_transpose2d(x, box4(w).transpose(0, 1), stride=2, padding=1)


def conv_downscale(x, w, fused):
    """3x3 conv then 2x2 mean. Here both forms are the same function up to rounding."""
    if not fused:
        return downscale(F.conv2d(x, w, padding=1))
    return F.conv2d(x, 0.25 * box4(w), stride=2, padding=1)


def minibatch_stddev(x, group_size=4, num_features=1, eps=1e-8):
    """Append per-group feature deviation as extra channel(s).

    Group m consists of samples m, m+M, m+2M, ... with M = N / group size, i.e.
    the members are strided through the batch, not neighbors.
    """
    n, c, h, w = x.shape
    g = min(group_size, n)
    if n % g:
        raise ValueError("batch must be divisible by the stddev group size")
    y = x.reshape(g, n // g, num_features, c // num_features, h, w)
    y = y - y.mean(dim=0, keepdim=True)
    y = (y.square().mean(dim=0) + eps).sqrt()  # population deviation, [M,f,c/f,h,w]
    y = y.mean(dim=(2, 3, 4)).repeat(g, 1)  # [N,f]; sample i takes group i mod M
    return torch.cat([x, y[:, :, None, None].expand(-1, -1, h, w)], dim=1)


def lerp(a, b, t):
    return a + (b - a) * t


def add_bias(x, b):
    return x + (b if x.dim() == 2 else b[None, :, None, None])


# --------------------------------------------------------------------------- generator


class Weighted(nn.Module):
    """A stored weight and bias plus the constants that turn them into effective ones."""

    def __init__(self, shape, gain=SQRT2, lrmul=1.0):
        super().__init__()
        self.coef = he_scale(math.prod(shape[1:]), gain, lrmul)
        self.lrmul = lrmul
        self.weight = nn.Parameter(torch.randn(shape) / lrmul)
        self.bias = nn.Parameter(torch.zeros(shape[0]))

    def w(self):
        return self.weight * self.coef

    def b(self):
        return self.bias * self.lrmul

    def dense(self, x):
        return add_bias(x.flatten(1) @ self.w().t(), self.b())

    def conv(self, x):
        return add_bias(F.conv2d(x, self.w(), padding=self.weight.shape[-1] // 2), self.b())


class Mapping(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        if cfg.label_size:
            self.label_embed = nn.Parameter(torch.randn(cfg.label_size, cfg.latent_size))
        width = cfg.latent_size * (2 if cfg.label_size else 1)
        for i in range(cfg.mapping_layers):
            out = cfg.dlatent_size if i == cfg.mapping_layers - 1 else cfg.mapping_fmaps
            self.add_module(f"dense{i}", Weighted((out, width), lrmul=cfg.mapping_lrmul))
            width = out

    def forward(self, z, labels=None):
        if self.cfg.label_size:
            z = torch.cat([z, labels @ self.label_embed], dim=1)
        x = pixel_norm(z)  # over the concatenated vector
        for i in range(self.cfg.mapping_layers):
            x = leaky_relu(getattr(self, f"dense{i}").dense(x))
        return x  # [N, dlatent]


class SynthesisLayer(nn.Module):
    def __init__(self, cfg, index):
        super().__init__()
        self.index, self.res, self.shape = index, cfg.resolutions[index // 2], cfg.shape(index // 2)
        out = cfg.fmap_at(self.res)
        self.up = index >= 2 and index % 2 == 0
        self.fused = self.up and cfg.is_fused(self.res)
        if index > 0:
            fan = cfg.fmap_at(self.res // 2) if self.up else out
            self.weight = nn.Parameter(torch.randn(out, fan, 3, 3))
            self.coef = he_scale(fan * 9)
        self.noise_strength = nn.Parameter(torch.zeros(out))
        self.bias = nn.Parameter(torch.zeros(out))
        self.style_weight = nn.Parameter(torch.randn(2 * out, cfg.dlatent_size))
        self.style_bias = nn.Parameter(torch.zeros(2 * out))
        self.style_coef = he_scale(cfg.dlatent_size, gain=1.0)
        self.register_buffer("noise_const", torch.randn(1, 1, *self.shape))

    def style(self, w):
        return add_bias(w @ (self.style_weight * self.style_coef).t(), self.style_bias)

    def convolve(self, x):
        """Everything before the epilogue; layer 0 has nothing to do here."""
        if self.index == 0:
            return x
        w = self.weight * self.coef
        return blur(upscale_conv(x, w, self.fused)) if self.up else F.conv2d(x, w, padding=1)

    def epilogue(self, x, w, noise):
        """Fixed order: noise, bias, activation, instance norm, style."""
        if noise is not None:
            x = x + noise * self.noise_strength[None, :, None, None]
        x = instance_norm(leaky_relu(add_bias(x, self.bias)))
        ys, yb = self.style(w).chunk(2, dim=1)
        return x * (ys[:, :, None, None] + 1.0) + yb[:, :, None, None]

    def forward(self, x, w, noise):
        return self.epilogue(self.convolve(x), w, noise)


class Synthesis(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.const = nn.Parameter(torch.ones(1, cfg.fmap_at(max(cfg.start)), *cfg.start))
        for l in range(cfg.num_layers):
            self.add_module(f"layer{l}", SynthesisLayer(cfg, l))
        for r in cfg.resolutions:
            self.add_module(f"to_rgb_{r}", Weighted((cfg.num_channels, cfg.fmap_at(r), 1, 1), gain=1.0))

    def layer(self, l):
        return getattr(self, f"layer{l}")

    def rgb(self, r, x):
        return getattr(self, f"to_rgb_{r}").conv(x)

    def noise_for(self, l, noise, batch):
        """noise: None (no noise at all), "const", "random", or a list with one tensor per layer."""
        layer = self.layer(l)
        if noise is None:
            return None
        if isinstance(noise, str):
            if noise == "const":
                return layer.noise_const
            return torch.randn(batch, 1, *layer.shape, dtype=self.const.dtype, device=self.const.device)
        return noise[l]

    def forward(self, dlatents, lod=0.0, noise="random", full_size=False, taps=None):
        """dlatents [N, layers, dlatent] -> image at the current resolution.

        Only blocks needed at `lod` run.  With full_size=True the image is blown up
        by pixel repetition to cfg.resolution, as the original network reports it.
        `taps`, if a list, receives (pre-epilogue, output) of every layer that runs.
        """
        cfg, n = self.cfg, dlatents.shape[0]
        level = int(math.floor(lod))
        frac = lod - level
        res = cfg.resolution >> level
        x = self.const.expand(n, -1, -1, -1)
        previous = None
        used = cfg.num_layers - 2 * level
        for l in range(used):
            if l == used - 2 and frac > 0:
                previous = x  # features one resolution below
            pre = self.layer(l).convolve(x)
            x = self.layer(l).epilogue(pre, dlatents[:, l], self.noise_for(l, noise, n))
            if taps is not None:
                taps.append((pre, x))
        img = self.rgb(res, x)
        if frac > 0:
            img = lerp(img, upscale(self.rgb(res // 2, previous)), frac)
        return upscale(img, 2**level) if full_size else img

    def forward_linear(self, dlatents, lod=0.0, noise="random"):
        """Reference of the reference: run every block, clip the blend weight. Full size output."""
        cfg, n = self.cfg, dlatents.shape[0]
        x, img = self.const.expand(n, -1, -1, -1), None
        for l in range(cfg.num_layers):
            x = self.layer(l)(x, dlatents[:, l], self.noise_for(l, noise, n))
            if l % 2:
                own = cfg.levels - 1 - l // 2
                new = self.rgb(cfg.resolutions[l // 2], x)
                img = new if img is None else lerp(new, upscale(img), min(max(lod - own, 0.0), 1.0))
        return img


class Generator(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.mapping = Mapping(cfg)
        self.synthesis = Synthesis(cfg)
        self.register_buffer("w_avg", torch.zeros(cfg.dlatent_size))

    def broadcast(self, w):
        return w[:, None].expand(-1, self.cfg.num_layers, -1)

    def truncate(self, dlatents, psi=0.7, cutoff=8):
        """Pull layers 0..cutoff-1 towards the mean; None, psi 1 or cutoff <= 0 switch it off."""
        if psi is None or cutoff is None or psi == 1 or cutoff <= 0:
            return dlatents
        coef = torch.ones(self.cfg.num_layers, dtype=dlatents.dtype, device=dlatents.device)
        coef[:cutoff] = psi
        return lerp(self.w_avg, dlatents, coef[None, :, None])

    def forward(self, z, labels=None, psi=None, cutoff=None, lod=0.0, noise="const", full_size=False):
        """Sampling path (no w_avg update, no mixing)."""
        dlatents = self.truncate(self.broadcast(self.mapping(z, labels)), psi, cutoff)
        return self.synthesis(dlatents, lod, noise, full_size)

    def forward_train(
        self, z, z2=None, mix_cutoff=None, labels=None, lod=0.0, noise="random", w_avg_beta=0.995, full_size=False
    ):
        """Training path: update w_avg from the FIRST latent's w, then mix, never truncate."""
        w1 = self.mapping(z, labels)
        with torch.no_grad():
            self.w_avg.copy_(lerp(w1.mean(dim=0), self.w_avg, w_avg_beta))
        dlatents = self.broadcast(w1)
        if z2 is not None:
            dlatents = mix_styles(dlatents, self.broadcast(self.mapping(z2, labels)), mix_cutoff)
        return self.synthesis(dlatents, lod, noise, full_size)


def mix_styles(first, second, cutoff):
    """Layers below `cutoff` from `first`, the rest from `second`; one cutoff per minibatch."""
    take = torch.arange(first.shape[1], device=first.device)[None, :, None] < cutoff
    return torch.where(take, first, second)


def active_layers(cfg, lod):
    """Style layers in use at `lod` (the block being faded in counts)."""
    return cfg.num_layers - 2 * int(lod)


def draw_mix_cutoff(cfg, lod, prob=0.9, rng=None):
    """With probability `prob` uniform in 1 .. active-1, otherwise `active` (no mixing)."""
    active = active_layers(cfg, lod)
    if torch.rand((), generator=rng).item() < prob:
        return int(torch.randint(1, active, (), generator=rng))
    return active


# --------------------------------------------------------------------------- critic


class Critic(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        for r in reversed(cfg.resolutions):
            c, below = cfg.fmap_at(r), cfg.fmap_at(r // 2)
            self.add_module(f"from_rgb_{r}", Weighted((c, cfg.num_channels, 1, 1)))
            block = nn.Module()
            if r > max(cfg.start):
                block.conv0 = Weighted((c, c, 3, 3))
                block.conv1_down = Weighted((below, c, 3, 3))
            else:
                extra = cfg.mbstd_num_features if cfg.mbstd_group_size > 1 else 0
                block.conv = Weighted((c, c + extra, 3, 3))
                block.dense0 = Weighted((below, c * math.prod(cfg.start)))
                block.dense1 = Weighted((max(cfg.label_size, 1), below), gain=1.0)
            self.add_module(f"block_{r}", block)

    def from_rgb(self, r, img):
        return leaky_relu(getattr(self, f"from_rgb_{r}").conv(img))

    def block(self, r, x):
        b = getattr(self, f"block_{r}")
        if r > max(self.cfg.start):
            x = leaky_relu(b.conv0.conv(x))
            x = conv_downscale(blur(x), b.conv1_down.w(), self.cfg.is_fused(r))
            return leaky_relu(add_bias(x, b.conv1_down.b()))
        if self.cfg.mbstd_group_size > 1:
            x = minibatch_stddev(x, self.cfg.mbstd_group_size, self.cfg.mbstd_num_features)
        x = leaky_relu(b.conv.conv(x))
        x = leaky_relu(b.dense0.dense(x))
        return b.dense1.dense(x)

    def forward(self, images, lod=0.0, labels=None):
        """images: full size, or already reduced to the resolution of floor(lod)."""
        cfg = self.cfg
        level = int(math.floor(lod))
        frac = lod - level
        res = cfg.resolution >> level
        img = downscale(images, max(images.shape[-2:]) // res)
        smallest = max(cfg.start)
        x = self.from_rgb(res, img)
        if res > smallest:
            x = self.block(res, x)
            res //= 2
            if frac > 0:
                x = lerp(x, self.from_rgb(res, downscale(img)), frac)
            while res > smallest:
                x = self.block(res, x)
                res //= 2
        scores = self.block(smallest, x)
        if cfg.label_size:
            scores = (scores * labels).sum(dim=1, keepdim=True)
        return scores  # [N, 1]

    def forward_linear(self, images, lod=0.0, labels=None):
        """Every block runs on full-size input; blend weights are clipped."""
        cfg, img = self.cfg, images
        x = self.from_rgb(cfg.resolution, img)
        for own, r in enumerate(reversed(cfg.resolutions[1:])):
            x = self.block(r, x)
            img = downscale(img)
            x = lerp(x, self.from_rgb(r // 2, img), min(max(lod - own, 0.0), 1.0))
        scores = self.block(max(cfg.start), x)
        return (scores * labels).sum(dim=1, keepdim=True) if cfg.label_size else scores


# --------------------------------------------------------------------------- losses
#
# All return one value per sample; the optimized quantity is the mean over the batch.
#
# Resolution convention.  The original always differentiates with respect to the
# FULL-SIZE image.  When a trainer instead feeds the critic images already reduced
# by f = 2**floor(lod), the same gradient norm is obtained by dividing the norm of
# the small-image gradient by f (and the squared norm by f*f).  `pixel_repeat` is f.


def input_gradient(critic, images, lod, labels=None, create_graph=True):
    """d(sum of scores)/d(images); returns (scores [N], gradient)."""
    if not images.requires_grad:
        images = images.detach().requires_grad_(True)
    scores = critic(images, lod, labels)[:, 0]
    return scores, torch.autograd.grad(scores.sum(), images, create_graph=create_graph)[0]


def g_wgan(fake_scores):
    return -fake_scores


def d_wgan_gp(critic, reals, fakes, mix, lod=0.0, labels=None, pixel_repeat=1, lam=10.0, drift=0.001, target=1.0):
    """mix [N,1,1,1] in [0,1): 0 gives the real image, 1 the fake. Returns (loss[N], parts)."""
    real = critic(reals, lod, labels)[:, 0]
    fake = critic(fakes, lod, labels)[:, 0]
    mixed = lerp(reals, fakes, mix)
    mixed_scores, grad = input_gradient(critic, mixed, lod, labels)
    norm = grad.square().sum(dim=(1, 2, 3)).sqrt() / pixel_repeat  # no epsilon inside the root
    penalty = (norm - target).square()
    loss = fake - real + penalty * (lam / target**2) + drift * real.square()
    return loss, dict(real=real, fake=fake, mixed=mixed_scores, norm=norm, penalty=penalty)


def g_logistic_nonsaturating(fake_scores):
    return F.softplus(-fake_scores)


def d_logistic_r1(critic, reals, fakes, lod=0.0, labels=None, pixel_repeat=1, gamma=10.0):
    """Returns (loss[N], parts). The penalty reuses the graph of the real scores."""
    fake = critic(fakes, lod, labels)[:, 0]
    real, grad = input_gradient(critic, reals, lod, labels)
    r1 = grad.square().sum(dim=(1, 2, 3)) / pixel_repeat**2
    loss = F.softplus(fake) + F.softplus(-real) + r1 * (0.5 * gamma)
    return loss, dict(real=real, fake=fake, r1=r1)


# --------------------------------------------------------------------------- optimizer, EMA


class TfAdam:
    """Adam as TensorFlow 1 writes it: epsilon is added to sqrt(v) BEFORE bias correction.

    step = lr * sqrt(1-b2^t) / (1-b1^t) * m / (sqrt(v) + eps)
    The textbook/PyTorch form divides by (sqrt(v/(1-b2^t)) + eps); the two agree
    except where |gradient| is comparable with eps.
    """

    def __init__(self, params, beta1=0.0, beta2=0.99, eps=1e-8, torch_form=False):
        self.params = list(params)
        self.beta1, self.beta2, self.eps, self.torch_form = beta1, beta2, eps, torch_form
        self.reset()

    def reset(self):
        """Also done whenever a new resolution phase begins (see reset_needed)."""
        self.t = 0
        self.m = [torch.zeros_like(p) for p in self.params]
        self.v = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self, grads, lr):
        grads = [torch.zeros_like(p) if g is None else g for p, g in zip(self.params, grads)]
        if not all(torch.isfinite(g).all() for g in grads):
            return False  # the whole update is skipped
        self.t += 1
        c1, c2 = 1 - self.beta1**self.t, 1 - self.beta2**self.t
        for p, g, m, v in zip(self.params, grads, self.m, self.v):
            m.mul_(self.beta1).add_(g, alpha=1 - self.beta1)
            v.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
            if self.torch_form:
                p -= lr * (m / c1) / ((v / c2).sqrt() + self.eps)
            else:
                p -= (lr * math.sqrt(c2) / c1) * m / (v.sqrt() + self.eps)
        return True


def ema_beta(minibatch, smoothing_kimg=10.0):
    return 0.5 ** (minibatch / (smoothing_kimg * 1000.0)) if smoothing_kimg > 0 else 0.0


@torch.no_grad()
def update_ema(ema, live, beta):
    """Parameters: ema <- live + (ema - live)*beta. Buffers (w_avg, noise_const) are copied."""
    for e, p in zip(ema.parameters(), live.parameters()):
        e.copy_(lerp(p, e, beta))
    for e, b in zip(ema.buffers(), live.buffers()):
        e.copy_(b)


# --------------------------------------------------------------------------- schedule, data, output


def training_schedule(
    cur_nimg,
    resolution,
    lod_initial_resolution=4,
    lod_training_kimg=600.0,
    lod_transition_kimg=600.0,
    minibatch_base=16,
    minibatch_dict=None,
    num_devices=1,
    max_minibatch_per_device=None,
    lrate_base=0.001,
    lrate_dict=None,
    lrate_rampup_kimg=0.0,
):
    """Time-dependent settings as a function of the number of real images shown so far."""
    minibatch_dict, lrate_dict = minibatch_dict or {}, lrate_dict or {}
    cap = max_minibatch_per_device or {}
    kimg = cur_nimg / 1000.0
    phase_len = lod_training_kimg + lod_transition_kimg
    phase = int(math.floor(kimg / phase_len)) if phase_len > 0 else 0
    into_phase = kimg - phase * phase_len
    top = resolution.bit_length() - 1
    lod = top - math.floor(math.log2(lod_initial_resolution)) - phase
    if lod_transition_kimg > 0:
        lod -= max(into_phase - lod_training_kimg, 0.0) / lod_transition_kimg
    lod = max(float(lod), 0.0)
    res = 2 ** (top - int(math.floor(lod)))
    minibatch = minibatch_dict.get(res, minibatch_base)
    minibatch -= minibatch % num_devices
    if res in cap:
        minibatch = min(minibatch, cap[res] * num_devices)
    lrate = lrate_dict.get(res, lrate_base)
    if lrate_rampup_kimg > 0:
        lrate *= min(kimg / lrate_rampup_kimg, 1.0)
    return dict(kimg=kimg, lod=lod, resolution=res, minibatch=minibatch, lrate=lrate)


def reset_needed(lod, previous_lod):
    """Optimizer state is cleared when floor or ceil of lod changes (start: previous_lod = -1)."""
    return math.floor(lod) != math.floor(previous_lod) or math.ceil(lod) != math.ceil(previous_lod)


def process_reals(x_u8, lod, mirror=None, full_size=True):
    """uint8 images already at the resolution of floor(lod) -> network input in [-1, 1]."""
    x = x_u8.to(torch.get_default_dtype()) * (2.0 / 255.0) - 1.0
    if mirror is not None:  # bool [N]
        x = torch.where(mirror[:, None, None, None], x.flip(3), x)
    frac = lod - math.floor(lod)
    x = lerp(x, upscale(downscale(x)), frac)  # cross-fade to half resolution
    return upscale(x, 2 ** int(math.floor(lod))) if full_size else x


def to_uint8(img):
    """Image file values: saturating truncation of 127.5*x + 128."""
    return (img * 127.5 + 128.0).clamp(0, 255).to(torch.uint8)


# --------------------------------------------------------------------------- one training iteration


def training_iteration(
    gen, critic, ema, g_opt, d_opt, inputs, lod, lr_g, lr_d, minibatch, loss="wgan-gp", smoothing_kimg=10.0
):
    """The exact order of one iteration; every random quantity comes in through `inputs`:

      reals, d_z, d_z2, d_cutoff, d_noise, [mix,] g_z, g_z2, g_cutoff, g_noise
    Images are at the resolution of floor(lod).

      1. critic step on fakes of the current generator (updates w_avg once)
      2. EMA of the generator - BEFORE the generator step of this iteration
      3. generator step against the updated critic (updates w_avg again)
    """
    f = 2 ** int(math.floor(lod))
    fakes = gen.forward_train(
        inputs["d_z"], inputs["d_z2"], inputs["d_cutoff"], lod=lod, noise=inputs["d_noise"]
    ).detach()
    if loss == "wgan-gp":
        d_loss, parts = d_wgan_gp(critic, inputs["reals"], fakes, inputs["mix"], lod, pixel_repeat=f)
    else:
        d_loss, parts = d_logistic_r1(critic, inputs["reals"], fakes, lod, pixel_repeat=f)
    d_grads = torch.autograd.grad(d_loss.mean(), d_opt.params, allow_unused=True)
    d_opt.step(d_grads, lr_d)
    update_ema(ema, gen, ema_beta(minibatch, smoothing_kimg))
    images = gen.forward_train(inputs["g_z"], inputs["g_z2"], inputs["g_cutoff"], lod=lod, noise=inputs["g_noise"])
    scores = critic(images, lod)[:, 0]
    g_loss = g_wgan(scores) if loss == "wgan-gp" else g_logistic_nonsaturating(scores)
    g_grads = torch.autograd.grad(g_loss.mean(), g_opt.params, allow_unused=True)
    g_opt.step(g_grads, lr_g)
    return dict(
        fakes=fakes,
        d_loss=d_loss.detach(),
        g_loss=g_loss.detach(),
        d_grads=d_grads,
        g_grads=g_grads,
        parts={k: v.detach() for k, v in parts.items()},
    )


# --------------------------------------------------------------------------- weight helpers


def tf_name_map(cfg):
    """Reference name -> (owner, variable name in the TensorFlow networks, layout).

    owner is one of "G", "mapping", "synthesis", "D"; layout says how to turn the
    TensorFlow array into ours: "conv" = transpose (3,2,0,1), "dense" = transpose,
    "same" = as is.
    """
    out = {"w_avg": ("G", "dlatent_avg", "same")}
    if cfg.label_size:
        out["mapping.label_embed"] = ("mapping", "LabelConcat/weight", "same")
    for i in range(cfg.mapping_layers):
        out[f"mapping.dense{i}.weight"] = ("mapping", f"Dense{i}/weight", "dense")
        out[f"mapping.dense{i}.bias"] = ("mapping", f"Dense{i}/bias", "same")
    out["synthesis.const"] = ("synthesis", "4x4/Const/const", "same")
    for l in range(cfg.num_layers):
        r = 4 * 2 ** (l // 2)
        part = ("Const" if l == 0 else "Conv") if r == 4 else ("Conv1" if l % 2 else "Conv0_up")
        p, tf = f"synthesis.layer{l}.", f"{r}x{r}/{part}/"
        if l:
            out[p + "weight"] = ("synthesis", tf + "weight", "conv")
        out[p + "noise_strength"] = ("synthesis", tf + "Noise/weight", "same")
        out[p + "bias"] = ("synthesis", tf + "bias", "same")
        out[p + "style_weight"] = ("synthesis", tf + "StyleMod/weight", "dense")
        out[p + "style_bias"] = ("synthesis", tf + "StyleMod/bias", "same")
        out[p + "noise_const"] = ("synthesis", f"noise{l}", "same")
    for r in cfg.resolutions:
        lod = (cfg.resolution // r).bit_length() - 1
        out[f"synthesis.to_rgb_{r}.weight"] = ("synthesis", f"ToRGB_lod{lod}/weight", "conv")
        out[f"synthesis.to_rgb_{r}.bias"] = ("synthesis", f"ToRGB_lod{lod}/bias", "same")
        d = [(f"from_rgb_{r}", f"FromRGB_lod{lod}", "conv")]
        if r > 4:
            d += [
                (f"block_{r}.conv0", f"{r}x{r}/Conv0", "conv"),
                (f"block_{r}.conv1_down", f"{r}x{r}/Conv1_down", "conv"),
            ]
        else:
            d += [
                ("block_4.conv", "4x4/Conv", "conv"),
                ("block_4.dense0", "4x4/Dense0", "dense"),
                ("block_4.dense1", "4x4/Dense1", "dense"),
            ]
        for ours, theirs, layout in d:
            out[ours + ".weight"] = ("D", theirs + "/weight", layout)
            out[ours + ".bias"] = ("D", theirs + "/bias", "same")
    return out


def to_tf_layout(t, layout):
    return t.permute(2, 3, 1, 0) if layout == "conv" else t.t() if layout == "dense" else t


def from_tf_layout(t, layout):
    return t.permute(3, 2, 0, 1) if layout == "conv" else t.t() if layout == "dense" else t


@torch.no_grad()
def randomize(module, seed):
    """Give every tensor a generic value so that no term of any formula is hidden by a zero."""
    rng = torch.Generator().manual_seed(seed)
    for name, t in list(module.named_parameters()) + list(module.named_buffers()):
        r = torch.randn(t.shape, generator=rng, dtype=torch.float64)
        if name.endswith(("style_bias", ".bias", "noise_strength")):
            r = 0.3 * r
        if name.startswith("mapping."):
            r = r * (100.0 if name.split(".")[-1] in ("weight", "bias") else 1.0)
        if name == "synthesis.const":
            r = 1.0 + 0.5 * r
        if name == "w_avg":
            r = 0.2 * r
        t.copy_(r.to(torch.float32).to(t.dtype))  # always representable in float32
    return module
