//! Pictures of a network, as the explorer asks for them.

mod command;
mod draw;
mod latents;
mod layers;
mod networks;
mod recipe;

pub(crate) use command::command;
pub(crate) use draw::{Draw, grid, mix, picture};
pub(crate) use latents::{
    LatentFiles, directions, download, of_draws, upload as upload_latents, w_plus as of_keyframes,
};
pub(crate) use layers::{layer, layers};
pub(crate) use networks::{MOST_BYTES, list, one, upload as upload_network};
pub(crate) use recipe::recipe;
