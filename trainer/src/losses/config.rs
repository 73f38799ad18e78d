//! Which losses there are, and `[loss]` of a configuration, in which the constants of all of them stand side by side.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Constant, LogisticR1, Loss, WganClip, WganGp};

/// Makes [`LossKind`] and [`LossConfig`] of the list of losses.
macro_rules! losses {
    ($($(#[$attribute:meta])* $key:ident: $Loss:ident,)*) => {
        /// Which loss is trained.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum LossKind {
            $($(#[$attribute])* $Loss,)*
        }

        /// The loss and the constants of all losses; the defaults are the original's.
        #[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
        pub struct LossConfig {
            /// The one that is trained.
            pub kind: LossKind,
            $(
                #[schemars(flatten)]
                #[doc = concat!("Constants of `", stringify!($key), "`.")]
                pub $key: $Loss,
            )*
        }

        impl LossConfig {
            /// The one that is trained.
            pub fn chosen(&self) -> &dyn Loss {
                match self.kind {
                    $(LossKind::$Loss => &self.$key,)*
                }
            }

            /// The constants of all losses, in the order of the list.
            fn constants(&mut self) -> Vec<Constant<'_>> {
                let mut all = Vec::new();
                $(all.extend(self.$key.constants());)*
                all
            }
        }
    };
}

losses! {
    /// Wasserstein loss with gradient penalty (Gulrajani et al. 2017) and a drift term.
    #[default]
    wgan_gp: WganGp,
    /// Non-saturating logistic loss with the R1 penalty (Mescheder et al. 2018).
    logistic_r1: LogisticR1,
    /// Wasserstein loss with clipped weights (Arjovsky et al. 2017), for comparison only.
    wgan_clip: WganClip,
}

impl LossConfig {
    /// Everything wrong with it.
    pub fn violations(&self) -> Vec<String> {
        self.clone().constants().iter().filter_map(Constant::violation).collect()
    }
}

impl Serialize for LossConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut config = self.clone();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", &self.kind)?;
        for Constant { key, value, .. } in config.constants() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Value by value and not by `#[serde(flatten)]`, under which an error would not tell its line.
impl<'de> Deserialize<'de> for LossConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Section;
        impl<'de> Visitor<'de> for Section {
            type Value = LossConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the kind of a loss and constants")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<LossConfig, M::Error> {
                let mut config = LossConfig::default();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "kind" {
                        config.kind = map.next_value()?;
                        continue;
                    }
                    match config.constants().into_iter().find(|constant| constant.key == name) {
                        Some(constant) => *constant.value = map.next_value()?,
                        None => return Err(M::Error::custom(format!("unknown field `{name}`"))),
                    }
                }
                Ok(config)
            }
        }
        deserializer.deserialize_map(Section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_of_all_losses_stand_side_by_side() {
        let text = "kind = \"logistic_r1\"\ngp_lambda = 10.0\nwgan_target = 1.0\ndrift_epsilon = 0.001\n\
                    r1_gamma = 5.0\nclip_limit = 0.01\n";
        let config: LossConfig = toml::from_str(text).unwrap();
        assert_eq!((config.kind, config.logistic_r1.r1_gamma), (LossKind::LogisticR1, 5.0));
        assert_eq!(toml::to_string(&config).unwrap(), text);
        assert_eq!(toml::from_str::<LossConfig>("").unwrap(), LossConfig::default());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let error = |text| toml::from_str::<LossConfig>(text).unwrap_err().to_string();
        let words = error("gp_lambda = 3\nr1_gamma = \"x\"");
        assert!(words.contains("line 2, column 12") && words.contains("expected f64"), "{words}");
        assert!(error("gp_lambdas = 3.0").contains("unknown field `gp_lambdas`"));
        let config: LossConfig = toml::from_str("gp_lambda = -1.0\nclip_limit = 0.0").unwrap();
        assert_eq!(
            config.violations(),
            [
                "`loss.gp_lambda` is -1, but must be 0 to 1000000000",
                "`loss.clip_limit` is 0, but must be 0.000001 to 1000000000"
            ]
        );
    }
}
