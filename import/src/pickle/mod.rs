//! Python pickles as plain data.
//!
//! A pickle is a program for a small machine with a stack. This machine knows the instructions of protocols 2 to 5 and
//! a list of classes ([`Class`]); it makes plain values of them and runs nothing. A class that is not in the list ends
//! it. Long texts and bytes stay in the file: a value says where they are.
//!
//! What it makes is bounded: so many instructions, values and kept letters, so deep, without loops, and of bounded size
//! even if everything that is shared were copied out. It knows nothing of networks.

mod bounds;
mod class;
mod fault;
mod machine;
mod value;

pub(crate) use class::{Class, Number};
pub(crate) use fault::Fault;
pub(crate) use value::{Item, Pickle, Span, Value};
