//! The types of numbers in a file.

use candle_core::DType;
use safetensors::Dtype;

const TYPES: [(DType, Dtype); 4] = [
    (DType::F64, Dtype::F64),
    (DType::F32, Dtype::F32),
    (DType::F16, Dtype::F16),
    (DType::BF16, Dtype::BF16),
];

/// The type of floating point numbers in the file, if it is one.
pub(super) fn file_type(dtype: DType) -> Option<Dtype> {
    TYPES.iter().find(|(ours, _)| *ours == dtype).map(|(_, file)| *file)
}

/// The same the other way round.
pub(crate) fn tensor_type(dtype: Dtype) -> Option<DType> {
    TYPES.iter().find(|(_, file)| *file == dtype).map(|(ours, _)| *ours)
}

/// Each type once, larger ones first.
pub fn distinct_dtypes(dtypes: impl Iterator<Item = DType>) -> Vec<DType> {
    let mut dtypes: Vec<DType> = dtypes.collect();
    dtypes.sort_unstable_by_key(|dtype| (std::cmp::Reverse(dtype.size_in_bytes()), dtype.as_str()));
    dtypes.dedup();
    dtypes
}
