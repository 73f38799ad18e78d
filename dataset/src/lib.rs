//! Pictures in: folders and zips, the packed pyramid, the order of training.
