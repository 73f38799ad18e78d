//! The server: who is heard, what is sent, and which function answers.

mod assets;
mod body;
mod connections;
mod explained;
mod guarded;
mod picture;
mod routes;

pub(crate) use body::{Input, receive};
pub(crate) use connections::serve;
pub(crate) use picture::png;
pub(crate) use routes::router;
