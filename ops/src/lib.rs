//! Tensor operations of StyleGAN that candle lacks or does slowly.
