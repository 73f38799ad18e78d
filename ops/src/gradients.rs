//! How gradients get to where they are asked for.
//!
//! candle starts each gradient as zeros, and adds what operations give to it. A variable that operations of this crate take
//! as an argument gets its gradient past that: the first is kept as it is, and only others are added to it.
//!
//! Several gradients stand in one tensor, since an operation of candle's has one result. They lie one behind the other in
//! the order of the arguments, each with the values of its argument in their order.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use candle_core::backprop::GradStore;
use candle_core::{Result, Shape, Tensor, TensorId};

use crate::engine::Engine;

thread_local! {
    /// The gradients of variables that a pass of this thread has found so far; nothing while there is none.
    static FOUND: RefCell<Option<HashMap<TensorId, Tensor>>> = const { RefCell::new(None) };
}

/// What [`Tensor::backward`] gives, with fewer passes over memory: the gradient of `loss` in every variable.
///
/// # Errors
/// If an operation cannot be differentiated or the device fails.
pub fn backward(loss: &Tensor) -> Result<GradStore> {
    FOUND.set(Some(HashMap::new()));
    let gradients = loss.backward();
    let found = FOUND.take().unwrap_or_default();
    let mut gradients = gradients?;
    for (id, gradient) in found {
        let gradient = match gradients.get_id(id) {
            Some(other) => (other + gradient)?,
            None => gradient,
        };
        gradients.insert_id(id, gradient);
    }
    Ok(gradients)
}

/// The gradient of `argument` for candle, or nothing where nobody will ask for it or it gets there by [`backward`].
pub(crate) fn tracked(
    argument: &Tensor,
    gradient: impl FnOnce() -> Result<Tensor>,
) -> Result<Option<Tensor>> {
    if !argument.track_op() {
        return Ok(None);
    }
    let gradient = gradient()?;
    if !argument.is_variable() {
        return Ok(Some(gradient));
    }
    FOUND.with_borrow_mut(|found| {
        let Some(found) = found else { return Ok(Some(gradient)) };
        match found.entry(argument.id()) {
            Entry::Vacant(entry) => {
                entry.insert(gradient.detach());
            }
            Entry::Occupied(mut entry) => {
                let sum = (entry.get() + gradient)?.detach();
                entry.insert(sum);
            }
        }
        Ok(None)
    })
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
