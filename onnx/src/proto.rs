//! ONNX's protobuf messages.
//!
//! Names and numbers are those of `onnx.proto` (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>), as far as a
//! generator needs them.

use prost::{Message, Oneof};

/// `ModelProto`
#[derive(Message)]
pub(crate) struct Model {
    #[prost(int64, tag = "1")]
    pub(crate) ir_version: i64,
    #[prost(string, tag = "2")]
    pub(crate) producer_name: String,
    #[prost(string, tag = "3")]
    pub(crate) producer_version: String,
    #[prost(string, tag = "6")]
    pub(crate) doc_string: String,
    #[prost(message, optional, tag = "7")]
    pub(crate) graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) opset_import: Vec<OperatorSetId>,
    #[prost(message, repeated, tag = "14")]
    pub(crate) metadata_props: Vec<StringStringEntry>,
}

/// `OperatorSetIdProto`
#[derive(Message)]
pub(crate) struct OperatorSetId {
    /// Empty for the standard operators.
    #[prost(string, tag = "1")]
    pub(crate) domain: String,
    #[prost(int64, tag = "2")]
    pub(crate) version: i64,
}

/// `StringStringEntryProto`
#[derive(Message)]
pub(crate) struct StringStringEntry {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

/// `GraphProto`
#[derive(Message)]
pub(crate) struct Graph {
    /// Each after those that compute its inputs.
    #[prost(message, repeated, tag = "1")]
    pub(crate) nodes: Vec<Node>,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) initializers: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) inputs: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub(crate) outputs: Vec<ValueInfo>,
}

/// `NodeProto`
#[derive(Message)]
pub(crate) struct Node {
    /// Names of values; an empty one leaves an optional input out.
    #[prost(string, repeated, tag = "1")]
    pub(crate) inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) outputs: Vec<String>,
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    #[prost(string, tag = "4")]
    pub(crate) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) attributes: Vec<Attribute>,
}

/// `AttributeProto`
#[derive(Message)]
pub(crate) struct Attribute {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(float, tag = "2")]
    pub(crate) float: f32,
    #[prost(int64, tag = "3")]
    pub(crate) int: i64,
    #[prost(string, tag = "4")]
    pub(crate) string: String,
    #[prost(int64, repeated, tag = "8")]
    pub(crate) ints: Vec<i64>,
    /// Which of the above is meant.
    #[prost(int32, tag = "20")]
    pub(crate) kind: i32,
}

impl Attribute {
    /// `AttributeProto.AttributeType.FLOAT`
    const FLOAT: i32 = 1;
    const INT: i32 = 2;
    const STRING: i32 = 3;
    const INTS: i32 = 7;

    fn new(name: &str, kind: i32) -> Self {
        Self { name: name.to_owned(), kind, ..Self::default() }
    }

    pub(crate) fn float(name: &str, value: f32) -> Self {
        Self { float: value, ..Self::new(name, Self::FLOAT) }
    }

    pub(crate) fn int(name: &str, value: i64) -> Self {
        Self { int: value, ..Self::new(name, Self::INT) }
    }

    pub(crate) fn string(name: &str, value: &str) -> Self {
        Self { string: value.to_owned(), ..Self::new(name, Self::STRING) }
    }

    pub(crate) fn ints(name: &str, values: &[i64]) -> Self {
        Self { ints: values.to_vec(), ..Self::new(name, Self::INTS) }
    }
}

/// `TensorProto.DataType.FLOAT`
pub(crate) const FLOAT: i32 = 1;
/// `TensorProto.DataType.INT64`
pub(crate) const INT64: i32 = 7;

/// `TensorProto`
#[derive(Message)]
pub(crate) struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    pub(crate) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(crate) data_type: i32,
    #[prost(string, tag = "8")]
    pub(crate) name: String,
    /// Little-endian.
    #[prost(bytes = "vec", tag = "9")]
    pub(crate) raw_data: Vec<u8>,
}

/// `ValueInfoProto`
#[derive(Message)]
pub(crate) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) kind: Option<Type>,
    #[prost(string, tag = "3")]
    pub(crate) doc_string: String,
}

/// `TypeProto`
#[derive(Message)]
pub(crate) struct Type {
    #[prost(message, optional, tag = "1")]
    pub(crate) tensor: Option<TensorType>,
}

/// `TypeProto.Tensor`
#[derive(Message)]
pub(crate) struct TensorType {
    #[prost(int32, tag = "1")]
    pub(crate) element: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) shape: Option<Shape>,
}

/// `TensorShapeProto`
#[derive(Message)]
pub(crate) struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub(crate) dims: Vec<Dimension>,
}

/// `TensorShapeProto.Dimension`
#[derive(Message)]
pub(crate) struct Dimension {
    #[prost(oneof = "Extent", tags = "1, 2")]
    pub(crate) extent: Option<Extent>,
}

#[derive(Oneof)]
pub(crate) enum Extent {
    /// A number.
    #[prost(int64, tag = "1")]
    Value(i64),
    /// A name for whatever number comes.
    #[prost(string, tag = "2")]
    Param(String),
}

impl ValueInfo {
    /// A tensor of f32.
    pub(crate) fn new(name: &str, dims: impl IntoIterator<Item = Extent>, doc_string: &str) -> Self {
        let dims = dims.into_iter().map(|extent| Dimension { extent: Some(extent) }).collect();
        let tensor = TensorType { element: FLOAT, shape: Some(Shape { dims }) };
        Self {
            name: name.to_owned(),
            kind: Some(Type { tensor: Some(tensor) }),
            doc_string: doc_string.to_owned(),
        }
    }
}
