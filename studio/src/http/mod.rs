//! The server: who is heard, what is sent, and which function answers.

mod assets;
mod body;
mod connections;
mod explained;
mod guard;
mod routes;

pub(crate) use body::{Input, Upload};
pub(crate) use connections::serve;
pub(crate) use explained::Explanation;
pub(crate) use guard::Guard;
pub use guard::Token;
pub(crate) use routes::router;
