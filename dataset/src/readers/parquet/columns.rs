//! Which columns hold pictures and labels.
//!
//! Data sets of Hugging Face keep a picture as `{bytes, path}`, and say in the metadata `huggingface` which columns are class
//! labels and what the classes are called (<https://huggingface.co/docs/datasets/image_dataset>).

use ::parquet::basic::{ConvertedType, LogicalType, Type};
use ::parquet::file::metadata::FileMetaData;
use ::parquet::schema::types::ColumnDescriptor;
use serde::Deserialize;
use serde_json::value::{Map, Value};
use stylegan_base::printable;

/// What a column of pictures is mostly called.
const PICTURES: [&str; 2] = ["image", "img"];
/// What one of classes is called, where nothing is said of it.
const LABEL: &str = "label";
/// Under which key of a file it is told what its columns are.
const METADATA: &str = "huggingface";
/// Columns that are named where none is of pictures.
const LISTED: usize = 8;

/// The columns that are read, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) pictures: usize,
    pub(super) label: Option<LabelColumn>,
}

/// A column of classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LabelColumn {
    pub(super) number: usize,
    pub(super) name: String,
    /// What the classes are called, if that is told.
    pub(super) class_names: Vec<String>,
}

impl Columns {
    /// Those of a file.
    pub(super) fn find(metadata: &FileMetaData) -> Result<Self, String> {
        let columns = metadata.schema_descr().columns();
        let name_of = |column: &ColumnDescriptor| column.path().parts().first().cloned().unwrap_or_default();
        let of_pictures: Vec<usize> =
            (0..columns.len()).filter(|&number| is_of_pictures(&columns[number])).collect();
        let named =
            of_pictures.iter().find(|&&number| PICTURES.contains(&name_of(&columns[number]).as_str()));
        let listed = |numbers: &mut dyn Iterator<Item = usize>| {
            let names: Vec<String> = numbers
                .take(LISTED)
                .map(|number| format!("`{}`", printable(&columns[number].path().string())))
                .collect();
            names.join(", ")
        };
        let pictures = match (named, &of_pictures[..]) {
            (Some(&number), _) | (None, &[number]) => number,
            (None, []) => {
                return Err(format!("it has no column of pictures, but {}", listed(&mut (0..columns.len()))));
            }
            (None, several) => {
                return Err(format!(
                    "several of its columns may be pictures: {}",
                    listed(&mut several.iter().copied())
                ));
            }
        };

        let features = features(metadata);
        let is_told = |column: &ColumnDescriptor| features.get(&name_of(column)).is_some_and(is_class_label);
        let label = |is_it: &dyn Fn(&ColumnDescriptor) -> bool| {
            (0..columns.len()).find(|&number| is_of_classes(&columns[number]) && is_it(&columns[number]))
        };
        let label = label(&is_told).or_else(|| label(&|column| name_of(column) == LABEL)).map(|number| {
            let name = name_of(&columns[number]);
            let class_names = features.get(&name).map(class_names).unwrap_or_default();
            LabelColumn { number, name: printable(&name), class_names }
        });
        Ok(Self { pictures, label })
    }
}

/// Whether values are bytes, one to a row: those in `{bytes, path}`, or of a column that is no text.
fn is_of_pictures(column: &ColumnDescriptor) -> bool {
    let is_text = matches!(
        column.logical_type_ref(),
        Some(LogicalType::String | LogicalType::Json | LogicalType::Enum)
    ) || matches!(
        column.converted_type(),
        ConvertedType::UTF8 | ConvertedType::JSON | ConvertedType::ENUM
    );
    let is_named = match column.path().parts() {
        [_] => !is_text,
        [_, inner] => inner == "bytes",
        _ => false,
    };
    is_named && column.physical_type() == Type::BYTE_ARRAY && column.max_rep_level() == 0
}

/// Whether values are whole numbers, one to a row.
fn is_of_classes(column: &ColumnDescriptor) -> bool {
    column.path().parts().len() == 1
        && matches!(column.physical_type(), Type::INT32 | Type::INT64)
        && column.max_rep_level() == 0
}

#[derive(Default, Deserialize)]
struct Told {
    #[serde(default)]
    info: Info,
}

#[derive(Default, Deserialize)]
struct Info {
    #[serde(default)]
    features: Map<String, Value>,
}

/// What a file tells of its columns.
fn features(metadata: &FileMetaData) -> Map<String, Value> {
    let told = metadata.key_value_metadata().into_iter().flatten().find(|pair| pair.key == METADATA);
    let told = told.and_then(|pair| serde_json::from_str::<Told>(pair.value.as_deref()?).ok());
    told.unwrap_or_default().info.features
}

fn is_class_label(feature: &Value) -> bool {
    feature.get("_type").and_then(Value::as_str) == Some("ClassLabel")
}

fn class_names(feature: &Value) -> Vec<String> {
    let names = feature.get("names").and_then(Value::as_array);
    let names = names.and_then(|names| names.iter().map(|name| name.as_str().map(printable)).collect());
    names.unwrap_or_default()
}
