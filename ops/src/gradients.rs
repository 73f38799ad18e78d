//! Several gradients in one tensor, since an operation of candle's has one result.
//!
//! They lie one behind the other in the order of the arguments, each with the values of its argument in their order.

use candle_core::{Result, Shape, Tensor};

use crate::engine::Engine;

/// The gradient of `argument`, or nothing where nobody will ask for it.
pub(crate) fn tracked(
    argument: &Tensor,
    gradient: impl FnOnce() -> Result<Tensor>,
) -> Result<Option<Tensor>> {
    if argument.track_op() { gradient().map(Some) } else { Ok(None) }
}

/// The gradients of some arguments.
pub(crate) fn pack<E: Engine>(engine: &E, gradients: Vec<E::Values>) -> Result<(E::Values, Shape)> {
    Ok(packed(engine, engine.concat(gradients)?))
}

/// Gradients that lie one behind the other already.
pub(crate) fn packed<E: Engine>(engine: &E, gradients: E::Values) -> (E::Values, Shape) {
    let len = engine.len(engine.all(&gradients));
    (gradients, len.into())
}

/// The gradients of those arguments that are tracked. With each stands whether its own is there at all.
pub(crate) fn unpack<const N: usize>(
    packed: &Tensor,
    arguments: [(&Tensor, bool); N],
) -> Result<[Option<Tensor>; N]> {
    let mut start = 0;
    let mut gradients = [const { None }; N];
    for (gradient, (argument, is_there)) in gradients.iter_mut().zip(arguments) {
        if is_there {
            let len = argument.elem_count();
            *gradient = tracked(argument, || packed.narrow(0, start, len)?.reshape(argument.shape()))?;
            start += len;
        }
    }
    Ok(gradients)
}
