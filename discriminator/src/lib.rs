//! The critic, and the gradient of its score with respect to the picture.
