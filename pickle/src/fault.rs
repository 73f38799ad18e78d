//! Why a pickle is refused.

use std::io;

/// Why a pickle is refused; continues a sentence that names the file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system could not read on.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It ends before its last instruction.
    #[error("it ends in the middle, after byte {at}")]
    Truncated {
        /// How many bytes there are.
        at: u64,
    },
    /// An instruction that no protocol from 2 to 5 has, or none that a checkpoint needs.
    #[error("the instruction {code:#04x} at byte {at} is unknown")]
    Instruction {
        /// The instruction.
        code: u8,
        /// Where it stands.
        at: u64,
    },
    /// An instruction that makes no sense where it stands.
    #[error("the instruction at byte {at} {what}")]
    Nonsense {
        /// What it does, as a verb.
        what: &'static str,
        /// Where it stands.
        at: u64,
    },
    /// A protocol of the past or the future.
    #[error("its protocol is {found}, but 2 to 5 are known")]
    Protocol {
        /// The one it has.
        found: u8,
    },
    /// A class or function that is not in the list.
    #[error("it asks for `{name}`")]
    Class {
        /// Its module and name.
        name: String,
    },
    /// More than any checkpoint needs.
    #[error("it {0}")]
    Excess(String),
}
