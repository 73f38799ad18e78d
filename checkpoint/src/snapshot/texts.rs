//! The metadata of a checkpoint as texts of its file.

use serde::de::DeserializeOwned;
use serde_json::json;
use stylegan_generator::SeedStyle;

use super::{FORMAT, Meta};
use crate::container::{CHECKSUM, Header, Texts, printable};
use crate::{ErrorKind, decoder_file, state};

pub(super) fn encode(meta: &Meta) -> serde_json::Result<Texts> {
    let mut texts = vec![
        ("generator", serde_json::to_string(&meta.generator)?),
        ("progress", serde_json::to_string(&meta.progress)?),
    ];
    if let Some(critic) = &meta.critic {
        texts.push(("discriminator", serde_json::to_string(critic)?));
    }
    if let Some(config) = &meta.config {
        texts.push(("config", config.clone()));
    }
    if meta.seed_style != SeedStyle::default() {
        texts.push(("seed_style", meta.seed_style.to_string()));
    }
    if !meta.class_names.is_empty() {
        texts.push(("class_names", serde_json::to_string(&meta.class_names)?));
    }
    if let Some(source) = &meta.source {
        texts.push(("source", source.clone()));
    }
    Ok(FORMAT.texts(texts))
}

/// Reads the metadata out of a header; returns them and what wrote the file.
pub(super) fn decode(header: &Header) -> Result<(Meta, String), ErrorKind> {
    if state::FORMAT.is_of(header) {
        return Err(ErrorKind::IsState);
    }
    if decoder_file::FORMAT.is_of(header) {
        return Err(ErrorKind::IsDecoder);
    }
    let (version, written_by) = FORMAT.version_of(header)?;
    if version > 1 && header.text(CHECKSUM).is_none() {
        return Err(ErrorKind::Metadata { key: CHECKSUM, reason: "is missing".to_owned() });
    }
    let meta = Meta {
        generator: required(header, "generator")?,
        critic: header.text("discriminator").map(|json| understood("discriminator", json)).transpose()?,
        progress: required(header, "progress")?,
        config: header.text("config").map(str::to_owned),
        seed_style: match header.text("seed_style") {
            Some(name) => understood("seed_style", &json!(name).to_string())?,
            None => SeedStyle::default(),
        },
        class_names: class_names(header)?,
        source: header.text("source").map(printable),
    };
    let violations = meta.violations();
    if violations.is_empty() { Ok((meta, written_by)) } else { Err(ErrorKind::Config { violations }) }
}

/// The names of the classes, fit to be shown; none in files of networks without, and of earlier versions.
fn class_names(header: &Header) -> Result<Vec<String>, ErrorKind> {
    let Some(json) = header.text("class_names") else { return Ok(Vec::new()) };
    let names: Vec<String> = understood("class_names", json)?;
    Ok(names.iter().map(|name| printable(name)).collect())
}

fn required<T: DeserializeOwned>(header: &Header, key: &'static str) -> Result<T, ErrorKind> {
    match header.text(key) {
        Some(json) => understood(key, json),
        None => Err(ErrorKind::Metadata { key, reason: "is missing".to_owned() }),
    }
}

fn understood<T: DeserializeOwned>(key: &'static str, json: &str) -> Result<T, ErrorKind> {
    let wrong = |error| ErrorKind::Metadata { key, reason: format!("cannot be understood: {error}") };
    serde_json::from_str(json).map_err(wrong)
}
