//! What to do about an error.

/// An error that may know what helps.
///
/// A hint says facts, such as which side fits all pictures. It names no flag and no command: those belong to the program
/// that asks, and are worded there.
pub trait Hint: std::error::Error {
    /// What to do about it, if something is known to help: lower case, no full stop.
    fn hint(&self) -> Option<String>;
}
