//! The binary `stylegan`.

fn main() {}
