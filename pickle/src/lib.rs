//! Python's pickles as plain data.
//!
//! A pickle is a program for a small machine with a stack. This machine knows the instructions of protocols 2 to 5 and
//! a list of classes ([`Class`]); it makes plain values of them and runs nothing. A class that is not in the list ends
//! it. Long texts and bytes stay in the file: a value says where they are.
//!
//! What it makes is bounded: so many instructions, values and kept letters, so deep, without loops, and of bounded size
//! even if everything that is shared were copied out. It knows nothing of networks.
//!
//! ```
//! use std::io::Cursor;
//! use stylegan_pickle::Pickle;
//!
//! // `pickle.dumps({"labels": [3, 5]}, protocol=2)`
//! let bytes = b"\x80\x02}q\x00X\x06\x00\x00\x00labelsq\x01]q\x02(K\x03K\x05es.";
//! let pickle = Pickle::read(&mut Cursor::new(bytes), 0, bytes.len() as u64)?;
//! assert_eq!(pickle.root().get("labels").and_then(|labels| labels.sizes()), Some(vec![3, 5]));
//! # Ok::<(), stylegan_pickle::Fault>(())
//! ```

mod bounds;
mod class;
mod fault;
mod machine;
mod value;

pub use class::{Class, Number};
pub use fault::Fault;
pub use value::{Id, Item, Pickle, Span, Value};
