//! Losses, growing schedule, Adam, EMA, the training loop, run folders, events.
