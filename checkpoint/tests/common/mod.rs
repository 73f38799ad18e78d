//! Small networks to be saved.

use candle_core::{DType, Device};
use stylegan_checkpoint::{Meta, Network, Progress};
use stylegan_discriminator::{Critic, CriticConfig};
use stylegan_generator::{Generator, GeneratorConfig};
use stylegan_ops::{Key, Parameters, Widths};

pub(crate) struct State {
    pub(crate) meta: Meta,
    pub(crate) g: Parameters,
    pub(crate) d: Parameters,
    pub(crate) g_ema: Parameters,
}

impl State {
    pub(crate) fn new() -> Self {
        Self::of_type(DType::F32)
    }

    pub(crate) fn of_type(dtype: DType) -> Self {
        let generator = GeneratorConfig {
            resolution: 16.into(),
            z_dim: 5,
            w_dim: 7,
            mapping_layers: 2,
            mapping_fmaps: 6,
            widths: Widths { fmap_base: 32, fmap_max: 8, ..Widths::default() },
            ..GeneratorConfig::default()
        };
        let critic = CriticConfig {
            resolution: 16.into(),
            widths: Widths { fmap_base: 32, fmap_max: 8, ..Widths::default() },
            ..CriticConfig::default()
        };
        let parameters = |purpose| Parameters::new(Key::new(purpose, &[0]));
        let (g, d, g_ema) = (parameters("g"), parameters("d"), parameters("g_ema"));
        for g in [&g, &g_ema] {
            Generator::new(&generator, &g.builder(dtype, &Device::Cpu)).unwrap();
        }
        Critic::new(&critic, &d.builder(dtype, &Device::Cpu)).unwrap();
        let progress = Progress { nimg: 123_456, lod: 0.1 + 0.2 };
        let config = Some("[run]\nname = \"tiny\"\n".to_owned());
        let meta = Meta { generator, critic: Some(critic), progress, config, ..Meta::default() };
        Self { meta, g, d, g_ema }
    }

    pub(crate) fn networks(&self) -> [(Network, &Parameters); 3] {
        [(Network::G, &self.g), (Network::D, &self.d), (Network::GEma, &self.g_ema)]
    }
}
