//! A projection from where it is to its end.

use tracing::{field, info_span};

use crate::{Projection, Result};

/// Steps between two saves.
const SAVED_EVERY: u32 = 100;

/// Takes all steps that are left, unless `is_stopped` says so between two of them; `save` is called at regular steps, at the stop
/// and at the end. Returns whether the end is reached.
///
/// It opens a span `projecting` with `total` and `done`.
///
/// # Errors
/// If the numbers go bad or the device fails, or with the error of `save`.
pub fn run(
    projection: &mut Projection<'_>,
    is_stopped: &dyn Fn() -> bool,
    save: &mut dyn FnMut(&Projection<'_>) -> Result<()>,
) -> Result<bool> {
    let steps = projection.options().steps;
    let resolution = projection.resolution();
    let span = info_span!("projecting", %resolution, total = u64::from(steps), done = field::Empty);
    let _entered = span.enter();
    span.record("done", u64::from(projection.steps_done()));
    while projection.steps_done() < steps {
        if is_stopped() {
            save(projection)?;
            return Ok(false);
        }
        projection.step()?;
        let done = projection.steps_done();
        span.record("done", u64::from(done));
        if done.is_multiple_of(SAVED_EVERY) && done < steps {
            save(projection)?;
        }
    }
    save(projection)?;
    Ok(true)
}
