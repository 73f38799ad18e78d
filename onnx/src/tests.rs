//! Written models, read again: their structure, and what they compute against what the generator draws.

use std::collections::{HashMap, HashSet};

use candle_core::{DType, Device, Result, Tensor, bail};
use prost::Message;
use stylegan_generator::{Generator, GeneratorConfig, Noise, Norm, SeedStyle, Truncation};
use stylegan_ops::{Key, Parameters, RandomTensors, Widths};

use crate::proto::{Extent, FLOAT, INT64, Model, Node, ValueInfo};
use crate::{Settings, export};

const SETTINGS: Settings = Settings { lod: 0.0, truncation_cutoff: 3, noise: true };

/// No two numbers alike that a mistake could exchange.
fn small() -> GeneratorConfig {
    GeneratorConfig {
        resolution: 32.into(),
        z_dim: 12,
        w_dim: 10,
        mapping_layers: 3,
        mapping_fmaps: 14,
        widths: Widths { fmap_base: 64, fmap_max: 9, ..Widths::default() },
        ..GeneratorConfig::default()
    }
}

/// Parameters of a network, none of them at a value where it does nothing.
fn parameters(config: &GeneratorConfig) -> Result<Parameters> {
    let parameters = Parameters::new(Key::new("init", &[1]));
    Generator::new(config, &parameters.builder(DType::F32, &Device::Cpu))?;
    for (name, var) in parameters.vars() {
        let noise =
            Key::new("perturbed", &[]).child(&name, 0).normal(var.shape(), DType::F32, &Device::Cpu)?;
        var.set(&(var.as_tensor() + (noise * 0.3)?)?)?;
    }
    Ok(parameters)
}

fn exported(config: &GeneratorConfig, settings: Settings) -> Result<(Model, Generator)> {
    let parameters = parameters(config)?;
    let builder = parameters.frozen(DType::F32, &Device::Cpu);
    let bytes = export(config, &builder, settings, [("resolution", config.resolution.short())])?;
    let model = Model::decode(bytes.as_slice()).map_err(candle_core::Error::wrap)?;
    Ok((model, Generator::new(config, &builder)?))
}

/// Every value is named once and defined before its use, and everything stored is whole and used.
fn assert_well_formed(model: &Model, case: &str) {
    let graph = model.graph.as_ref().unwrap();
    let mut defined: HashSet<&str> = graph.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(defined.len(), graph.inputs.len(), "{case}");
    for tensor in &graph.initializers {
        assert!(defined.insert(&tensor.name), "{case}: `{}` is stored twice", tensor.name);
        let size = if tensor.data_type == FLOAT { 4 } else { 8 };
        let count: i64 = tensor.dims.iter().product();
        assert_eq!(tensor.raw_data.len() as i64, size * count, "{case}: `{}`", tensor.name);
    }
    let mut used = HashSet::new();
    for node in &graph.nodes {
        for input in node.inputs.iter().filter(|input| !input.is_empty()) {
            assert!(defined.contains(input.as_str()), "{case}: `{}` reads `{input}`", node.name);
            used.insert(input.as_str());
        }
        for output in &node.outputs {
            assert!(defined.insert(output), "{case}: `{output}` is computed twice");
        }
    }
    for output in &graph.outputs {
        assert!(defined.contains(output.name.as_str()), "{case}: `{}`", output.name);
    }
    for tensor in &graph.initializers {
        assert!(used.contains(tensor.name.as_str()), "{case}: `{}` is not used", tensor.name);
    }
}

/// Name and axes of an input or output.
fn signature(info: &ValueInfo) -> String {
    let tensor = info.kind.as_ref().and_then(|kind| kind.tensor.as_ref()).unwrap();
    assert_eq!(tensor.element, FLOAT);
    let axes: Vec<String> = tensor.shape.as_ref().unwrap().dims.iter().map(axis).collect();
    format!("{} [{}]", info.name, axes.join(", "))
}

fn axis(dim: &crate::proto::Dimension) -> String {
    match dim.extent.as_ref().unwrap() {
        Extent::Value(value) => value.to_string(),
        Extent::Param(name) => name.clone(),
    }
}

/// What the model computes, by candle's own operations.
fn evaluate(model: &Model, inputs: &[(&str, &Tensor)]) -> Result<Tensor> {
    let graph = model.graph.as_ref().unwrap();
    let mut values: HashMap<&str, Tensor> =
        inputs.iter().map(|&(name, tensor)| (name, tensor.clone())).collect();
    for tensor in &graph.initializers {
        let dtype = if tensor.data_type == INT64 { DType::I64 } else { DType::F32 };
        let dims: Vec<usize> = tensor.dims.iter().map(|&dim| dim as usize).collect();
        let value = Tensor::from_raw_buffer(&tensor.raw_data, dtype, &dims, &Device::Cpu)?;
        values.insert(&tensor.name, value);
    }
    for node in &graph.nodes {
        let arguments: Vec<Tensor> =
            node.inputs.iter().filter_map(|name| values.get(name.as_str())).cloned().collect();
        values.extend(node.outputs.iter().map(String::as_str).zip(compute(node, &arguments)?));
    }
    Ok(values[graph.outputs[0].name.as_str()].clone())
}

fn compute(node: &Node, x: &[Tensor]) -> Result<Vec<Tensor>> {
    let attribute = |name: &str| node.attributes.iter().find(|attribute| attribute.name == name).unwrap();
    let float = |name: &str| f64::from(attribute(name).float);
    let int = |name: &str| attribute(name).int as usize;
    let ints = |name: &str| attribute(name).ints.iter().map(|&number| number as usize).collect::<Vec<_>>();
    let one = match (node.op_type.as_str(), x) {
        ("Add", [a, b]) => a.broadcast_add(b)?,
        ("Sub", [a, b]) => a.broadcast_sub(b)?,
        ("Mul", [a, b]) => a.broadcast_mul(b)?,
        ("Div", [a, b]) => a.broadcast_div(b)?,
        ("Sqrt", [a]) => a.sqrt()?,
        ("ReduceMean", [a]) if int("keepdims") == 1 => a.mean_keepdim(ints("axes"))?,
        ("LeakyRelu", [a]) => a.maximum(&(a * float("alpha"))?)?,
        ("Gemm", [a, weight, bias @ ..]) if int("transB") == 1 => {
            let y = a.matmul(&weight.t()?)?;
            bias.iter().try_fold(y, |y, bias| y.broadcast_add(bias))?
        }
        ("Conv", [a, weight, bias @ ..]) => {
            let (_, _, height, width) = weight.dims4()?;
            assert_eq!((ints("kernel_shape"), ints("pads").len()), (vec![height, width], 4));
            let y = a.conv2d(weight, ints("pads")[0], 1, 1, int("group"))?;
            bias.iter().try_fold(y, |y, bias| y.broadcast_add(&bias.reshape(((), 1, 1))?))?
        }
        ("Resize", [a, scales]) => {
            assert_eq!(scales.to_vec1::<f32>()?, [1.0, 1.0, 2.0, 2.0]);
            let (_, _, height, width) = a.dims4()?;
            a.upsample_nearest2d(2 * height, 2 * width)?
        }
        ("Concat", parts) => Tensor::cat(parts, int("axis"))?,
        ("Reshape", [a, shape]) => {
            let shape = shape.to_vec1::<i64>()?;
            assert_eq!(shape[0], 0);
            let rest = shape[1..].iter().map(|&dim| dim as usize);
            a.reshape(std::iter::once(a.dim(0)?).chain(rest).collect::<Vec<_>>())?
        }
        ("Split", [a]) => return a.chunk(2, int("axis")),
        (op_type, x) => bail!("`{op_type}` of {} tensors", x.len()),
    };
    Ok(vec![one])
}

/// Exports a network, and compares what the model computes for three latents with what the generator draws.
fn assert_draws_as_the_generator(case: &str, config: &GeneratorConfig, settings: Settings) -> Result<()> {
    let (model, generator) = exported(config, settings)?;
    assert_well_formed(&model, case);
    let z = generator.latents(&[1, 2, 3], SeedStyle::Native)?;
    let labels = (config.label_dim > 0)
        .then(|| Key::new("labels", &[]).normal((3, config.label_dim), DType::F32, &Device::Cpu))
        .transpose()?;
    let w_plus = generator.broadcast(&generator.mapping().forward(&z, labels.as_ref())?)?;
    let noise = if settings.noise { Noise::Const } else { Noise::None };
    let mut drawn = Vec::new();
    for psi in [0.6, -1.5] {
        let truncation = Truncation { psi, cutoff: settings.truncation_cutoff };
        let expected =
            generator.synthesis().forward(&generator.truncate(&w_plus, truncation)?, settings.lod, &noise)?;
        let psi_input = Tensor::new(psi as f32, &Device::Cpu)?;
        let mut inputs = vec![("z", &z), ("psi", &psi_input)];
        inputs.extend(labels.as_ref().map(|labels| ("labels", labels)));
        let image = evaluate(&model, &inputs)?;
        assert_eq!(image.dims(), expected.dims(), "{case}");
        let largest = |x: &Tensor| x.abs()?.max_all()?.to_scalar::<f32>();
        let (off, scale) = (largest(&(&image - &expected)?)?, largest(&expected)?);
        assert!(off <= 1e-4 * scale, "{case}, psi {psi}: {off} off of {scale}");
        assert!(largest(&(expected.get(0)? - expected.get(1)?)?)? > 0.01 * scale, "{case}: all alike");
        drawn.push(image);
    }
    let moved = (&drawn[0] - &drawn[1])?.abs()?.max_all()?.to_scalar::<f32>()?;
    assert_eq!(moved > 0.0, settings.truncation_cutoff > 0, "{case}: psi moves it by {moved}");
    Ok(())
}

#[test]
fn every_level_truncation_and_noise() -> Result<()> {
    for (case, settings) in [
        ("full size", SETTINGS),
        ("fading in 16x16", Settings { lod: 1.25, ..SETTINGS }),
        ("fading in 8x8", Settings { lod: 2.75, ..SETTINGS }),
        ("4x4", Settings { lod: 3.0, ..SETTINGS }),
        ("no truncation", Settings { truncation_cutoff: 0, ..SETTINGS }),
        ("all layers truncated", Settings { truncation_cutoff: 100, ..SETTINGS }),
        ("no noise", Settings { noise: false, ..SETTINGS }),
    ] {
        assert_draws_as_the_generator(case, &small(), settings)?;
    }
    Ok(())
}

#[test]
fn every_switch_of_a_network() -> Result<()> {
    let row_a = GeneratorConfig {
        mapping_layers: 0,
        w_dim: 12,
        styles: false,
        const_input: false,
        noise: false,
        norm: Norm::Pixel,
        blur: false,
        ..small()
    };
    let row_b = GeneratorConfig { blur: true, ..row_a.clone() };
    let shaped = |resolution: &str, num_channels, config: GeneratorConfig| {
        let resolution = resolution.parse().map_err(candle_core::Error::msg)?;
        Result::Ok(GeneratorConfig { resolution, num_channels, ..config })
    };
    let wide = shaped("32x24", 4, small())?;
    let high = shaped("16x20", 1, small())?;
    let wide_without_constant = shaped("32x24", 3, row_a.clone())?;
    let row_c = GeneratorConfig { const_input: false, noise: false, ..small() };
    let row_d = GeneratorConfig { noise: false, ..small() };
    for (case, config) in [
        ("row A", row_a),
        ("row B", row_b),
        ("row C", row_c),
        ("row D", row_d),
        ("8x8", GeneratorConfig { resolution: 8.into(), ..small() }),
        ("wide, four channels", wide),
        ("high, grey", high),
        ("wide, row A", wide_without_constant),
        ("one mapping layer", GeneratorConfig { mapping_layers: 1, ..small() }),
        ("labels", GeneratorConfig { label_dim: 5, ..small() }),
        ("labels, no mapping", GeneratorConfig { label_dim: 5, mapping_layers: 0, w_dim: 24, ..small() }),
        ("no norm", GeneratorConfig { norm: Norm::None, ..small() }),
        ("pixel norm", GeneratorConfig { norm: Norm::Pixel, ..small() }),
        ("batch norm", GeneratorConfig { norm: Norm::Batch, ..small() }),
        ("no styles", GeneratorConfig { styles: false, const_input: false, ..small() }),
        ("no blur", GeneratorConfig { blur: false, ..small() }),
        (
            "widths",
            GeneratorConfig { widths: Widths { fmap_base: 40, fmap_decay: 0.7, fmap_max: 30 }, ..small() },
        ),
        ("epsilon", GeneratorConfig { norm_epsilon: 0.01, ..small() }),
        ("bias before blur", GeneratorConfig { bias_before_blur: true, ..small() }),
        ("noise of a block", GeneratorConfig { noise_per_block: true, ..small() }),
    ] {
        assert_draws_as_the_generator(case, &config, SETTINGS)?;
    }
    Ok(())
}

#[test]
fn a_model_says_what_it_is() -> Result<()> {
    let (model, _) =
        exported(&GeneratorConfig { label_dim: 5, ..small() }, Settings { lod: 1.0, ..SETTINGS })?;
    assert_eq!((model.ir_version, model.producer_name.as_str()), (8, "stylegan"));
    assert_eq!(model.producer_version, env!("CARGO_PKG_VERSION"));
    let [opset] = model.opset_import.as_slice() else { panic!("{:?}", model.opset_import) };
    assert_eq!((opset.domain.as_str(), opset.version), ("", 17));
    let [resolution] = model.metadata_props.as_slice() else { panic!("{:?}", model.metadata_props) };
    assert_eq!((resolution.key.as_str(), resolution.value.as_str()), ("resolution", "32"));
    let graph = model.graph.unwrap();
    let inputs: Vec<String> = graph.inputs.iter().map(signature).collect();
    assert_eq!(inputs, ["z [batch, 12]", "labels [batch, 5]", "psi []"]);
    let outputs: Vec<String> = graph.outputs.iter().map(signature).collect();
    assert_eq!(outputs, ["image [batch, 3, 16, 16]"]);
    Ok(())
}

#[test]
fn stored_weights_are_those_that_layers_use() -> Result<()> {
    let config = small();
    let (model, _) = exported(&config, SETTINGS)?;
    let stored = |name: &str| {
        let graph = model.graph.as_ref().unwrap();
        let tensor = graph.initializers.iter().find(|tensor| tensor.name == name).unwrap();
        f64::from(f32::from_le_bytes(tensor.raw_data[..4].try_into().unwrap()))
    };
    for (name, var) in parameters(&config)?.vars() {
        let factor = match name.as_str() {
            "mapping.dense1.weight" => 0.01 * (2.0 / 14f64).sqrt(),
            "mapping.dense1.bias" => 0.01,
            "synthesis.layer1.weight" => (2.0 / 81f64).sqrt(),
            "synthesis.layer3.style_weight" => (1.0 / 10f64).sqrt(),
            "synthesis.to_rgb_32.weight" => (1.0 / 4f64).sqrt(),
            "synthesis.layer1.noise_strength" | "synthesis.layer1.noise_const" | "w_avg" => 1.0,
            _ => continue,
        };
        let first = f64::from(var.flatten_all()?.get(0)?.to_scalar::<f32>()?);
        let off = (stored(&name) - factor * first).abs();
        assert!(off <= 1e-6 * (factor * first).abs(), "{name}: {off} off");
    }
    Ok(())
}

#[test]
fn what_cannot_be_exported() -> Result<()> {
    let refused = |config: &GeneratorConfig, settings| exported(config, settings).unwrap_err().to_string();
    let outside = refused(&small(), Settings { lod: 3.5, ..SETTINGS });
    assert!(outside.contains("level of detail 3.5"), "{outside}");
    let parameters = parameters(&small())?;
    let export = |config: &GeneratorConfig| {
        export(config, &parameters.frozen(DType::F32, &Device::Cpu), SETTINGS, []).unwrap_err().to_string()
    };
    let impossible = export(&GeneratorConfig { resolution: 33.into(), ..small() });
    assert!(impossible.contains("`generator.resolution` is 33"), "{impossible}");
    let missing = export(&GeneratorConfig { resolution: 64.into(), ..small() });
    assert!(missing.contains("synthesis.layer8"), "{missing}");
    Ok(())
}
