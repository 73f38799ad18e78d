//! What the page asks for, a file for each kind of request.

pub(crate) mod command;
pub(crate) mod draw;
pub(crate) mod film;
pub(crate) mod job;
pub(crate) mod latents;
pub(crate) mod layers;
pub(crate) mod networks;
pub(crate) mod photos;
pub(crate) mod projection;
pub(crate) mod recipe;
pub(crate) mod runs;
