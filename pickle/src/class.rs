//! The classes and functions that a pickle may name.

/// The type of the numbers of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// 64-bit floating point.
    F64,
    /// 32-bit floating point.
    F32,
    /// 16-bit floating point.
    F16,
    /// The upper 16 bits of 32-bit floating point.
    BF16,
    /// Signed, of 64 bits.
    I64,
    /// Signed, of 32 bits.
    I32,
    /// Signed, of 16 bits.
    I16,
    /// Signed, of 8 bits.
    I8,
    /// Unsigned, of 8 bits.
    U8,
    /// True or false, a byte.
    Bool,
}

impl Number {
    /// How many bytes a number takes.
    pub fn size_bytes(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }
}

/// A class or function of the list. None is ever called: an instance remembers its class and what it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A network of the original.
    Network,
    /// A dictionary by another name.
    Dict,
    /// Makes the `NumPy` array that its state describes.
    Reconstruct,
    /// Makes a `NumPy` array of bytes, type, shape and order.
    FromBuffer,
    /// Makes a `NumPy` number of a type and bytes.
    Scalar,
    /// Type of the numbers of a `NumPy` array.
    DType,
    /// Makes bytes of a text.
    Encode,
    /// Makes a tensor of a storage, an offset, a shape and strides.
    Tensor,
    /// Makes a parameter of a tensor.
    Parameter,
    /// A module of a `TorchScript` program, whose state are its attributes.
    Module,
    /// Type of a storage.
    Storage(Number),
    /// A class that may stand beside what matters.
    Inert,
}

impl Class {
    /// The class `name` of `module`, if it is in the list.
    pub(super) fn find(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("dnnlib.tflib.network", "Network") => Self::Network,
            ("dnnlib.util" | "dnnlib", "EasyDict")
            | ("collections", "OrderedDict" | "defaultdict")
            | ("builtins" | "__builtin__", "dict") => Self::Dict,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Self::Reconstruct,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Self::Scalar,
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Self::FromBuffer,
            ("numpy", "dtype") => Self::DType,
            ("_codecs", "encode") => Self::Encode,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::Tensor,
            ("torch._utils", "_rebuild_parameter") => Self::Parameter,
            ("torch", name) if name.ends_with("Storage") => Self::Storage(match name {
                "DoubleStorage" => Number::F64,
                "FloatStorage" => Number::F32,
                "HalfStorage" => Number::F16,
                "BFloat16Storage" => Number::BF16,
                "LongStorage" => Number::I64,
                "IntStorage" => Number::I32,
                "ShortStorage" => Number::I16,
                "CharStorage" => Number::I8,
                "ByteStorage" => Number::U8,
                "BoolStorage" => Number::Bool,
                _ => return None,
            }),
            // Their names are made up; what they compute stands elsewhere in the file, and is not looked at.
            (module, _) if module == "__torch__" || module.starts_with("__torch__.") => Self::Module,
            ("numpy", "ndarray")
            | ("torch", "Size" | "device")
            | ("argparse", "Namespace")
            | (
                "torch.jit._pickle",
                "build_intlist" | "build_doublelist" | "build_boollist" | "build_tensorlist",
            )
            | ("builtins" | "__builtin__", "set" | "frozenset" | "list" | "tuple" | "bytearray" | "bytes") => {
                Self::Inert
            }
            _ => return None,
        })
    }
}
