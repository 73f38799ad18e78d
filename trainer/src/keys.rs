//! The keys of a configuration, in the order of its structs, and what their doc comments say.

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::{TrainConfig, TransferConfig};

/// A key that a configuration can have.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its path, such as `schedule.total_kimg`.
    pub(crate) path: String,
    /// What it says, with its unit.
    pub(crate) doc: String,
}

/// All of a configuration that has a name.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Every table with what it is about.
    pub(crate) tables: Vec<Key>,
    /// Every key.
    pub(crate) keys: Vec<Key>,
}

/// A configuration whose keys have names.
pub(crate) trait Keyed {
    /// Every table and key.
    fn keys() -> &'static Keys;
}

impl Keyed for TrainConfig {
    fn keys() -> &'static Keys {
        static KEYS: LazyLock<Keys> = LazyLock::new(Keys::of::<TrainConfig>);
        &KEYS
    }
}

impl Keyed for TransferConfig {
    fn keys() -> &'static Keys {
        static KEYS: LazyLock<Keys> = LazyLock::new(Keys::of::<TransferConfig>);
        &KEYS
    }
}

/// Every table and key of the configuration of a training.
pub(crate) fn keys() -> &'static Keys {
    TrainConfig::keys()
}

impl Keys {
    /// As the schema of the structs has them.
    fn of<C: JsonSchema>() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let schema = settings.into_generator().into_root_schema_for::<C>();
        let mut found = Self { tables: Vec::new(), keys: Vec::new() };
        for (table, schema) in properties(schema.as_value()).into_iter().flatten() {
            found.tables.push(Key { path: table.clone(), doc: doc(schema) });
            for (key, schema) in properties(schema).into_iter().flatten() {
                found.keys.push(Key { path: format!("{table}.{key}"), doc: doc(schema) });
            }
        }
        found
    }

    /// Whether there is this key.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.keys.iter().any(|key| key.path == path)
    }
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

/// The doc comment in one line, and the values that there are if each has a name.
fn doc(schema: &Value) -> String {
    let text = |schema: &Value| {
        let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let values = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let values = values.filter_map(|value| {
        let name = value.get("const")?.as_str()?;
        Some(format!(" `{name}`: {}", text(value)))
    });
    text(schema) + &values.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc_of(path: &str) -> &'static str {
        &keys().keys.iter().find(|key| key.path == path).unwrap().doc
    }

    #[test]
    fn everything_is_explained_with_its_unit() {
        let Keys { tables, keys } = keys();
        assert_eq!(tables.len(), 9);
        for Key { path, doc } in tables.iter().chain(keys) {
            assert!(doc.ends_with('.') && !doc.contains("[`"), "`{path}`: {doc}");
        }
        let of_time = keys.iter().filter(|key| key.path.ends_with("_kimg"));
        assert!(of_time.clone().count() > 5);
        for Key { path, doc } in of_time {
            assert!(doc.contains("kimg"), "`{path}`: {doc}");
        }
    }

    #[test]
    fn docs_are_those_of_the_structs() {
        assert_eq!(doc_of("schedule.total_kimg"), "Length of the whole training, in kimg.");
        assert_eq!(doc_of("loss.r1_gamma"), "γ, weight of the R1 penalty.");
        let losses = doc_of("loss.kind");
        assert!(losses.starts_with("The one that is trained. `wgan_gp`: Wasserstein loss"), "{losses}");
        assert!(losses.contains(" `logistic_r1`: Non-saturating"), "{losses}");
        assert!(doc_of("generator.norm").contains(" `pixel`: Each pixel"));
    }

    #[test]
    fn keys_stand_in_the_order_of_the_structs() {
        let of = |table: &str| -> Vec<&str> {
            keys().keys.iter().filter_map(|key| key.path.strip_prefix(table)).take(3).collect()
        };
        assert_eq!(of("run."), ["name", "seed", "tick_kimg"]);
        assert_eq!(of("generator."), ["resolution", "num_channels", "z_dim"]);
        assert_eq!(of("discriminator."), ["fmap_base", "fmap_decay", "fmap_max"]);
    }
}
