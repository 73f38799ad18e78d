//! A number that depends on the side of the pictures.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One value for every side of the growing network, or one for each: `tick_kimg = 4` or
/// `tick_kimg = { 4 = 160, 8 = 140, 64 = 80 }`, where a side that is not listed takes the value of the next smaller
/// one that is.
#[derive(Clone, Debug, PartialEq)]
pub struct PerSide<T>(BTreeMap<usize, T>);

impl<T: Copy> PerSide<T> {
    /// The same value for every side.
    pub fn same(value: T) -> Self {
        Self(BTreeMap::from([(4, value)]))
    }

    /// These values, from a side on each.
    pub fn from_sides<const N: usize>(values: [(usize, T); N]) -> Self {
        Self(BTreeMap::from(values))
    }

    /// These values by ascending side; one that the side before it has as well is not listed.
    pub(crate) fn from_ascending(values: impl IntoIterator<Item = (usize, T)>) -> Self
    where
        T: PartialEq,
    {
        let mut listed = BTreeMap::new();
        let mut last = None;
        for (side, value) in values {
            if last.replace(value) != Some(value) {
                listed.insert(side, value);
            }
        }
        Self(listed)
    }

    /// The value at `side`; none only if no side is listed at all.
    pub fn get(&self, side: usize) -> Option<T> {
        self.0.range(..=side).next_back().or_else(|| self.0.iter().next()).map(|(_, value)| *value)
    }

    /// Every value.
    pub fn values(&self) -> impl Iterator<Item = T> {
        self.0.values().copied()
    }

    /// Every value after `change`.
    #[must_use]
    pub fn map(&self, change: impl Fn(T) -> T) -> Self {
        Self(self.0.iter().map(|(&side, &value)| (side, change(value))).collect())
    }

    /// As `--set KEY=…` takes it: one value, or all of them by side.
    pub(crate) fn inline(&self) -> String
    where
        T: fmt::Display,
    {
        match self.0.first_key_value() {
            Some((_, value)) if self.0.len() == 1 => value.to_string(),
            _ => {
                let values: Vec<String> =
                    self.0.iter().map(|(side, value)| format!("{side}={value}")).collect();
                format!("{{{}}}", values.join(","))
            }
        }
    }

    /// Everything wrong with the table itself.
    pub(crate) fn violations(&self, key: &str) -> Vec<String> {
        let mut found: Vec<String> = self
            .0
            .keys()
            .filter(|side| !(side.is_power_of_two() && (4..=1024).contains(*side)))
            .map(|side| {
                format!("`{key}` has an entry for side {side}, but sides are powers of two from 4 to 1024")
            })
            .collect();
        if self.0.is_empty() {
            found.push(format!("`{key}` is an empty table"));
        }
        found
    }
}

impl<T: JsonSchema> JsonSchema for PerSide<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("PerSide_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [value, { "type": "object", "additionalProperties": value }] })
    }
}

impl<T: Serialize> Serialize for PerSide<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.first_key_value() {
            Some((4, value)) if self.0.len() == 1 => value.serialize(serializer),
            _ => serializer.collect_map(self.0.iter().map(|(side, value)| (side.to_string(), value))),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for PerSide<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TableOrNumber<T>(std::marker::PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for TableOrNumber<T> {
            type Value = PerSide<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a table of numbers by side such as { 8 = 128, 64 = 32 }")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut values = BTreeMap::new();
                while let Some(side) = map.next_key::<String>()? {
                    let parsed = side
                        .parse()
                        .map_err(|_| M::Error::custom(format!("`{side}` is no side in pixels")))?;
                    values.insert(parsed, map.next_value()?);
                }
                Ok(PerSide(values))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                number(serde::de::value::I64Deserializer::<E>::new(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
                number(serde::de::value::U64Deserializer::<E>::new(value))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
                number(serde::de::value::F64Deserializer::<E>::new(value))
            }
        }
        fn number<'de, T: DeserializeOwned, D: Deserializer<'de>>(number: D) -> Result<PerSide<T>, D::Error> {
            T::deserialize(number).map(|value| PerSide(BTreeMap::from([(4, value)])))
        }
        deserializer.deserialize_any(TableOrNumber(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Table {
        kimg: PerSide<f64>,
        batch: PerSide<usize>,
    }

    #[test]
    fn reads_a_number_or_a_table_and_writes_it_back() {
        let text = "kimg = 4\n\n[batch]\n8 = 128\n64 = 32\n";
        let table: Table = toml::from_str(text).unwrap();
        assert_eq!(table.kimg, PerSide::same(4.0));
        assert_eq!([4, 8, 32, 64, 1024].map(|side| table.batch.get(side)), [128, 128, 128, 32, 32].map(Some));
        assert_eq!(toml::from_str::<Table>(&toml::to_string(&table).unwrap()).unwrap(), table);
    }

    #[test]
    fn refuses_what_is_no_number() {
        for bad in [
            "kimg = 1\nbatch = 1.5",
            "kimg = 1\nbatch = -3",
            "kimg = \"x\"\nbatch = 1",
            "kimg = 1\nbatch = { x = 1 }",
        ] {
            assert!(toml::from_str::<Table>(bad).is_err(), "{bad}");
        }
    }
}
