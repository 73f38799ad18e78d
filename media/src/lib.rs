//! Pixels out: PNG files, grids, GIF.
