//! Numbers within their bounds.

use std::fmt::Display;

/// The most that a time may be, in kimg.
pub(crate) const MOST_KIMG: f64 = 1e9;

/// What is wrong with the value of a key that is not `least` to `most`; none if nothing is. NaN is in no bounds.
pub(crate) fn outside<T: PartialOrd + Display + Copy>(
    key: &str,
    value: T,
    least: T,
    most: T,
) -> Option<String> {
    let is_within = (&least..=&most).contains(&&value);
    (!is_within).then(|| format!("`{key}` is {value}, but must be {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use crate::keys::keys;
    use crate::{ConfigError, TrainConfig};

    /// What is possible of each key, its least and its most, and what lies just beyond.
    ///
    /// Other keys are at their defaults, except for what is given in front: what bounds a key may depend on them.
    #[rustfmt::skip]
    const BOUNDS: &[(&str, &str, &[&str], &[&str])] = &[
        ("", "run.name", &["x", "x y", "é"], &["", "a/b", ".x"]),
        ("", "run.seed", &["0", "9223372036854775807"], &["-1", "9223372036854775808", "18446744073709551616", "0.5"]),
        ("", "run.tick_kimg", &["1e-300", "1e9"], &["0", "-1", "1.1e9", "{}", "{5=1}", "{4=1,2048=1}"]),
        ("", "run.snapshot_ticks", &["1", "1000000000"], &["0", "-1", "1000000001"]),
        ("", "run.keep_last", &["1", "1000000000"], &["0", "-1", "1000000001"]),
        ("", "run.snapshot_minutes", &["0", "1e6"], &["-1e-9", "1.1e6"]),
        ("", "run.keep_snapshots", &["0", "1000000000"], &["-1", "1000000001"]),
        ("", "run.keep_every_kimg", &["0", "1e9"], &["-1e-9", "1.1e9"]),
        ("", "run.keep_all_snapshots", &["true", "false"], &["2"]),
        ("", "run.metrics", &["[]", "['kid-small','swd']"], &["['fid']", "['ls']", "1"]),
        ("", "run.metrics_every_kimg", &["0", "1e9"], &["-1e-9", "1.1e9"]),
        ("", "run.metrics_fakes", &["10", "1000000"], &["9", "1000001"]),
        ("", "run.max_skipped", &["0", "1000000000"], &["-1", "1000000001"]),
        ("", "run.max_rollbacks", &["0", "1000000000"], &["-1", "1000000001"]),
        ("", "run.grid", &["[0,0]", "[32,32]"], &["[-1,1]", "[33,1]", "[1,33]", "[1]", "[1,1,1]", "1"]),
        ("generator.resolution=8", "run.grid", &["[256,256]"], &["[257,1]", "[1,257]"]),
        ("", "generator.resolution", &["8", "1024", "24", "8x6", "512x384", "1024x576"], &["0", "4", "7", "9", "1023", "2048", "-8", "4x3", "511x384", "1920x1080"]),
        ("", "generator.num_channels", &["1", "3", "4"], &["0", "2", "5", "-1"]),
        ("", "generator.z_dim", &["1", "4096"], &["0", "4097"]),
        ("", "generator.w_dim", &["1", "4096"], &["0", "4097"]),
        ("", "generator.mapping_layers", &["0", "32"], &["-1", "33"]),
        ("", "generator.mapping_fmaps", &["1", "4096"], &["0", "4097"]),
        ("", "generator.mapping_lrmul", &["1e-6", "100"], &["0", "9e-7", "100.1"]),
        ("", "generator.label_dim", &["0", "4096"], &["-1", "4097"]),
        ("", "generator.fmap_base", &["1", "1048576"], &["0", "1048577"]),
        ("", "generator.fmap_decay", &["0", "8"], &["-0.1", "8.1"]),
        ("", "generator.fmap_max", &["1", "4096"], &["0", "4097"]),
        ("", "generator.styles", &["true"], &["1"]),
        ("", "generator.const_input", &["true", "false"], &["1"]),
        ("", "generator.noise", &["true", "false"], &["1"]),
        ("", "generator.norm", &["instance", "pixel", "batch", "none"], &["layer", "0"]),
        ("", "generator.blur", &["true", "false"], &["1"]),
        ("", "generator.norm_epsilon", &["1e-12", "0.01"], &["0", "9e-13", "0.011"]),
        ("", "generator.bias_before_blur", &["true", "false"], &["1"]),
        ("", "generator.noise_per_block", &["true", "false"], &["1"]),
        ("", "discriminator.fmap_base", &["1", "1048576"], &["0", "1048577"]),
        ("", "discriminator.fmap_decay", &["0", "8"], &["-0.1", "8.1"]),
        ("", "discriminator.fmap_max", &["1", "4096"], &["0", "4097"]),
        ("", "discriminator.mbstd_group_size", &["0", "4096"], &["-1", "4097"]),
        ("", "discriminator.mbstd_num_features", &["1", "512"], &["0", "513", "3"]),
        ("", "discriminator.blur", &["true", "false"], &["1"]),
        ("", "loss.kind", &["wgan_gp", "logistic_r1", "wgan_clip"], &["hinge", "0"]),
        ("", "loss.gp_lambda", &["0", "1e9"], &["-1e-9", "1.1e9"]),
        ("", "loss.wgan_target", &["1e-6", "1e9"], &["0", "9e-7", "1.1e9"]),
        ("", "loss.drift_epsilon", &["0", "1e9"], &["-1e-9", "1.1e9"]),
        ("", "loss.r1_gamma", &["0", "1e9"], &["-1e-9", "1.1e9"]),
        ("", "loss.clip_limit", &["1e-6", "1e9"], &["0", "9e-7", "1.1e9"]),
        ("", "schedule.initial_resolution", &["4", "1024"], &["0", "2", "5", "2048"]),
        ("generator.resolution=32", "schedule.initial_resolution", &["32"], &["64"]),
        ("generator.resolution=24x32", "schedule.initial_resolution", &["32"], &["64"]),
        ("", "schedule.steady_kimg", &["0", "1e9"], &["-1e-9", "1.1e9"]),
        ("", "schedule.fade_kimg", &["0", "1e9"], &["-1e-9", "1.1e9"]),
        ("schedule.fade_kimg=0", "schedule.steady_kimg", &["1e-9"], &["0"]),
        ("", "schedule.total_kimg", &["0", "1e9"], &["-1e-9", "1.1e9"]),
        ("", "schedule.batch", &["1", "65536", "{1024=4}"], &["0", "-1", "6", "65540", "{}", "{2=4}", "{4=0}"]),
        ("", "schedule.g_lrate", &["0", "10"], &["-1e-9", "10.1", "{8=11}", "{}"]),
        ("", "schedule.d_lrate", &["0", "10"], &["-1e-9", "10.1", "{8=11}", "{}"]),
        ("", "schedule.lrate_rampup_kimg", &["0", "1e9"], &["-1e-9", "1.1e9"]),
        ("", "schedule.minibatch_repeats", &["1", "10000"], &["0", "10001"]),
        ("", "adam.beta1", &["0", "0.999999"], &["-0.1", "1"]),
        ("", "adam.beta2", &["0", "0.999999"], &["-0.1", "1"]),
        ("", "adam.epsilon", &["1e-12", "1"], &["0", "9e-13", "1.1"]),
        ("", "training.style_mixing_prob", &["0", "1"], &["-0.1", "1.1"]),
        ("", "training.w_avg_beta", &["0", "1"], &["-0.1", "1.1"]),
        ("", "training.ema_half_life_kimg", &["0", "1e9"], &["-0.1", "1.1e9"]),
        ("", "data.mirror", &["true", "false"], &["1"]),
        ("", "data.labels", &["auto", "off", "folders"], &["on", "1"]),
        ("", "data.fit", &["crop", "stretch", "pad", "pad:edge", "pad:00ff7f"], &["squash", "pad:x", "1"]),
        ("", "data.bits", &["8", "16"], &["0", "7", "12", "32", "-8"]),
        ("", "data.allow_upscale", &["true", "false"], &["1"]),
        ("", "data.max_bad_fraction", &["0", "1"], &["-0.1", "1.1"]),
        ("", "data.prefetch", &["1", "4096"], &["0", "4097"]),
        ("", "device.graphs", &["true", "false"], &["1"]),
        ("", "device.layout", &["auto", "nchw", "nhwc"], &["nwhc", "0"]),
        ("", "device.precision", &["auto", "tf32", "f32", "bf16"], &["f16", "0"]),
    ];

    fn load(given: &str, key: &str, value: &str) -> Result<TrainConfig, ConfigError> {
        let given = (!given.is_empty()).then(|| given.to_owned());
        let all: Vec<String> = given.into_iter().chain([format!("{key}={value}")]).collect();
        TrainConfig::load(None, &all)
    }

    #[test]
    fn every_key_is_bounded() {
        for key in &keys().keys {
            assert!(BOUNDS.iter().any(|(_, bounded, ..)| *bounded == key.path), "`{}`", key.path);
        }
        for &(given, key, within, beyond) in BOUNDS {
            for value in within {
                let config = load(given, key, value).unwrap_or_else(|error| panic!("{key}={value}: {error}"));
                // What is possible can be kept in a file.
                let text = config.to_toml().unwrap();
                assert_eq!(toml::from_str::<TrainConfig>(&text).unwrap(), config, "{key}={value}");
            }
            let default = toml::Table::try_from(TrainConfig::default()).unwrap();
            let (table, name) = key.split_once('.').unwrap();
            let is_real = default[table].get(name).is_some_and(toml::Value::is_float);
            let no_numbers: &[&str] = if is_real { &["nan", "inf", "-inf"] } else { &[] };
            for value in beyond.iter().chain(no_numbers) {
                let error = load(given, key, value).map(|_| ()).expect_err(&format!("{key}={value}"));
                assert!(error.to_string().contains(name), "{key}={value}: {error}");
            }
        }
    }

    #[test]
    fn seeds_of_programs_are_bounded_as_well() {
        let mut config = TrainConfig::default();
        config.run.seed = 1 << 63;
        let words = "`run.seed` is 9223372036854775808, but must be 0 to 9223372036854775807";
        assert_eq!(config.violations(), [words]);
    }
}
