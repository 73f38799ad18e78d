//! Curves as PNG and SVG.
//!
//! A [`Figure`] is a page of [`Panel`]s over one x axis, each with [`Curve`]s. Both formats show the same: a PNG is drawn with a font
//! that is part of the program, an SVG names fonts that look like it.
//!
//! ```
//! use stylegan_plots::{Curve, Figure, Panel};
//!
//! let points = (0..100).map(|kimg| (f64::from(kimg), 50.0 / f64::from(kimg + 1))).collect();
//! let curve = Curve { run: "00000-faces".to_owned(), name: "critic".to_owned(), points, smooth: 1 };
//! let panel = Panel { title: "loss".to_owned(), log: true, curves: vec![curve] };
//! let figure = Figure { x_label: "kimg".to_owned(), panels: vec![panel], ..Figure::default() };
//!
//! let size = "640x480".parse()?;
//! assert_eq!(figure.picture(size)?.dimensions(), (640, 480));
//! assert!(figure.svg(size)?.starts_with("<svg "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod axis;
mod colors;
mod draw;
mod figure;
mod font;
mod layout;
mod raster;
mod render;
mod stroke;

pub use figure::{Band, Curve, Error, Figure, LEAST_SIDE, MOST_RUNS, MOST_SIDE, Panel};
