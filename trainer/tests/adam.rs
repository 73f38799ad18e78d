//! Adam's steps are those of an independent implementation: with a first moment, and in the middle of a training.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::Init;
use stylegan_golden::{Golden, TestDevice};
use stylegan_ops::{Key, Parameters, backward};
use stylegan_trainer::{Adam, AdamConfig, TransferAdam};

/// Variables with these values.
fn variables(values: &HashMap<String, Tensor>) -> Parameters {
    let parameters = Parameters::new(Key::new("adam", &[0]));
    let builder = parameters.builder(DType::F32, &Device::Cpu);
    for (name, value) in values {
        builder.get_with_hints(value.shape(), name, Init::Const(0.0)).unwrap();
    }
    parameters.assign(values).unwrap();
    parameters
}

/// One step from gradients that are given.
fn step(adam: &mut Adam, parameters: &Parameters, gradients: &HashMap<String, Tensor>, rate: f64) {
    let terms = parameters
        .vars()
        .into_iter()
        .map(|(name, var)| (var.as_tensor() * &gradients[&name]).unwrap().sum_all().unwrap());
    let loss = terms.reduce(|sum, term| (sum + term).unwrap()).unwrap();
    adam.step(&loss.detach(), &backward(&loss).unwrap(), rate).unwrap();
}

fn config() -> AdamConfig {
    TransferAdam::default().into()
}

#[test]
fn the_first_step_moves_every_weight() {
    for name in ["transfer_reflect", "transfer_zero"] {
        let golden: Golden = TestDevice::cpu(DType::F32).golden(name);
        let weights = TestDevice::cpu(DType::F32).golden("transfer_weights").weights("decoder.");
        let parameters = variables(&weights);
        let mut adam = Adam::new(config(), &parameters, |_| true).unwrap();
        step(&mut adam, &parameters, &golden.weights("grad.decoder."), 1e-4);
        for (name, var) in parameters.vars() {
            // The tolerance on record is for gradients of one's own; from the golden ones the step itself is all there is.
            let expected = golden.get(&format!("adam.after.{name}"));
            let error = (var.as_tensor() - expected).unwrap().abs().unwrap().max_all().unwrap();
            assert!(error.to_scalar::<f32>().unwrap() <= 1e-6, "{name}: {error}");
        }
        // The weights of the channel that is 0 everywhere stay.
        let of_channel = |tensor: &Tensor| {
            tensor.narrow(1, 5, 1).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        let after = parameters.vars().into_iter().find(|(name, _)| name == "conv4_1.weight").unwrap().1;
        assert_eq!(of_channel(&after), of_channel(&weights["conv4_1.weight"]));
    }
}

#[test]
fn the_seventh_step_corrects_both_moments() {
    let golden = TestDevice::cpu(DType::F32).golden("transfer_reflect");
    let name = "conv1_1.weight".to_owned();
    let parameters = variables(&HashMap::from([(name.clone(), golden.get("adam.warm.param"))]));
    let mut adam = Adam::new(config(), &parameters, |_| true).unwrap();
    let (first, second) = (golden.get("adam.warm.m"), golden.get("adam.warm.v"));
    adam.restore(6, |moment| Some(if moment.ends_with("first_moment") { &first } else { &second })).unwrap();
    step(&mut adam, &parameters, &HashMap::from([(name, golden.get("adam.warm.grad"))]), 1e-2);
    golden.assert_close("adam.warm.after", parameters.vars()[0].1.as_tensor());
    for (moment, value) in adam.moments() {
        let of = if moment.ends_with("first_moment") { "m" } else { "v" };
        golden.assert_close(&format!("adam.warm.{of}.after"), value);
    }
}
