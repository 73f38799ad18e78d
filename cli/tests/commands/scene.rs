//! A folder with small checkpoints, in which the binary runs.

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use candle_core::{DType, Device};
use image::{Rgb, RgbImage};
use stylegan_checkpoint::{Meta, Network, Progress, save};
use stylegan_discriminator::{Critic, CriticConfig};
use stylegan_generator::{Generator, GeneratorConfig, SeedStyle};
use stylegan_ops::{Key, Parameters, Widths};
use tempfile::TempDir;

pub(crate) struct Scene {
    folder: TempDir,
}

/// What the binary left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scene {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with `net.safetensors`, a network of 16x16 that was trained to the end.
    pub(crate) fn new() -> Self {
        let scene = Self::empty();
        scene.checkpoint("net.safetensors", 0.0, 0);
        scene
    }

    /// Writes a checkpoint with random weights.
    pub(crate) fn checkpoint(&self, name: &str, lod: f64, label_dim: usize) {
        self.checkpoint_of(name, lod, label_dim, SeedStyle::Native);
    }

    /// The same of any seed style.
    pub(crate) fn checkpoint_of(&self, name: &str, lod: f64, label_dim: usize, seed_style: SeedStyle) {
        self.checkpoint_with(name, lod, seed_style, |generator| generator.label_dim = label_dim);
    }

    /// The same of a network whose shape is changed.
    pub(crate) fn checkpoint_with(
        &self,
        name: &str,
        lod: f64,
        seed_style: SeedStyle,
        change: impl FnOnce(&mut GeneratorConfig),
    ) {
        let mut generator = GeneratorConfig {
            resolution: 16.into(),
            z_dim: 12,
            w_dim: 10,
            mapping_layers: 3,
            mapping_fmaps: 14,
            widths: Widths { fmap_base: 64, fmap_max: 8, ..Widths::default() },
            ..GeneratorConfig::default()
        };
        change(&mut generator);
        let critic = CriticConfig {
            resolution: generator.resolution,
            num_channels: generator.num_channels,
            label_dim: generator.label_dim,
            widths: generator.widths,
            ..CriticConfig::default()
        };
        let parameters = |purpose| Parameters::new(Key::new(purpose, &[0]));
        let (g, d, g_ema) = (parameters("g"), parameters("d"), parameters("g_ema"));
        for g in [&g, &g_ema] {
            Generator::new(&generator, &g.builder(DType::F32, &Device::Cpu)).unwrap();
        }
        Critic::new(&critic, &d.builder(DType::F32, &Device::Cpu)).unwrap();
        // A fresh network has no noise and no mean of w: give it some.
        for (name, var) in g_ema.vars() {
            if name == "w_avg" || name.ends_with("noise_strength") {
                var.set(&(var.as_tensor() + 0.3).unwrap()).unwrap();
            }
        }
        let progress = Progress { nimg: 123_456, lod };
        let meta = Meta { generator, critic: Some(critic), progress, seed_style, ..Meta::default() };
        let networks = [(Network::G, &g), (Network::D, &d), (Network::GEma, &g_ema)];
        save(&self.path(name), &meta, &networks, false).unwrap();
    }

    /// Makes a folder of PNG pictures, `00.png` and so on, no two alike.
    pub(crate) fn photos(&self, folder: &str, count: u32, (width, height): (u32, u32)) {
        fs::create_dir(self.path(folder)).unwrap();
        for number in 0..count {
            let wave = |x: u32| (127.5 + 120.0 * f64::from(x).sin()) as u8;
            let picture = RgbImage::from_fn(width, height, |x, y| {
                Rgb([wave(x / 3 + number), wave(y / 2 + 2 * number), (number * 20) as u8])
            });
            picture.save(self.path(folder).join(format!("{number:02}.png"))).unwrap();
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn picture(&self, name: &str) -> RgbImage {
        image::open(self.path(name)).unwrap().into_rgb8()
    }

    /// Names of everything in a folder, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Runs the binary in the folder, with arguments as a shell takes them.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        let mut command: Command = cargo_bin_cmd!("stylegan");
        command.args(shlex::split(arguments).unwrap());
        self.run_command(command)
    }

    /// Runs a command in the folder.
    pub(crate) fn run_command(&self, mut command: Command) -> Ran {
        command.env_remove("RUST_LOG");
        self.output(command)
    }

    /// Runs the binary in the folder with these directives in `RUST_LOG`.
    pub(crate) fn run_logged(&self, directives: &str, arguments: &str) -> Ran {
        let mut command: Command = cargo_bin_cmd!("stylegan");
        command.args(shlex::split(arguments).unwrap()).env("RUST_LOG", directives);
        self.output(command)
    }

    fn output(&self, mut command: Command) -> Ran {
        let output = command.current_dir(self.folder.path()).output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs the binary, which must succeed and say nothing on stdout; returns what it said on stderr.
    pub(crate) fn draws(&self, arguments: &str) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{arguments}: {}", ran.stderr);
        ran.stderr
    }

    /// Runs the binary, which must refuse with this exit code and exactly these words, and write nothing.
    pub(crate) fn refuses(&self, arguments: &str, code: i32, words: &str) {
        let before = self.names("");
        let ran = self.run(arguments);
        assert_eq!((ran.code, ran.stderr.as_str(), ran.stdout.as_str()), (code, words, ""), "{arguments}");
        assert_eq!(self.names(""), before, "{arguments}");
    }
}
