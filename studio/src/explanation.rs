//! Errors in sentences.

use std::error::Error as StdError;
use std::iter::successors;

use serde::Serialize;

use crate::Error;
use crate::files::Kept;

/// What is known to help against an error.
pub type HintOf = fn(&(dyn StdError + 'static)) -> Option<String>;

/// An error in sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Explanation {
    pub(crate) error: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Explanation {
    /// What an error says, and what is known to help against it or one of its causes.
    pub(crate) fn of(error: &Error, kept: &Kept, hint_of: HintOf) -> Self {
        // The error of a room below stands for itself, which a transparent variant would hide.
        let first: &(dyn StdError + 'static) = match error {
            Error::Other(error) => error.as_ref(),
            error => error,
        };
        let chain: Vec<_> =
            successors(Some(first), |error: &&(dyn StdError + 'static)| (*error).source()).collect();
        let words = |error: &dyn StdError| kept.in_clients_words(&error.to_string());
        Self {
            error: words(first),
            causes: chain[1..].iter().map(|error| words(*error)).collect(),
            hint: chain.iter().find_map(|error| hint_of(*error)),
        }
    }
}
