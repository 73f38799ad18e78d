//! The networks that a checkpoint can hold.

use std::fmt;

/// A network of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// The generator as it is trained.
    G,
    /// The critic.
    D,
    /// The running mean of the generator's weights, from which pictures are drawn.
    GEma,
}

impl Network {
    /// Every network that a checkpoint can hold.
    pub const ALL: [Self; 3] = [Self::G, Self::D, Self::GEma];

    /// What the names of its tensors start with, before a dot.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::G => "g",
            Self::D => "d",
            Self::GEma => "g_ema",
        }
    }

    /// The name of its tensor `name` in a file.
    pub(crate) fn full_name(self, name: &str) -> String {
        format!("{}.{name}", self.prefix())
    }

    /// The name that a tensor of a file has in this network; none if it belongs to another.
    pub fn own_name(self, full_name: &str) -> Option<&str> {
        full_name.strip_prefix(self.prefix())?.strip_prefix('.')
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.prefix())
    }
}
