//! A graph that grows node by node.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use stylegan_ops::{LEAKY_RELU_SLOPE, NORM_EPSILON};

use crate::proto::{self, Attribute, FLOAT, INT64, Node};

/// A value of the graph, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value(String);

impl Value {
    /// The input of the graph of this name.
    pub(crate) fn input(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// Nodes and stored tensors so far.
///
/// Each operation is a node of ONNX's standard operators.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    initializers: Vec<proto::Tensor>,
    scope: String,
}

impl Graph {
    /// Names the nodes to come after the part of the network that `vb` gives the tensors of.
    pub(crate) fn enter(&mut self, vb: &VarBuilder) {
        self.scope = vb.prefix();
    }

    /// Nodes and stored tensors; the last node's value gets the name `output`.
    pub(crate) fn finish(mut self, output: &str) -> (Vec<Node>, Vec<proto::Tensor>) {
        if let Some(name) = self.nodes.last_mut().and_then(|node| node.outputs.first_mut()) {
            output.clone_into(name);
        }
        (self.nodes, self.initializers)
    }

    /// A stored tensor by its name in the part of the network that `vb` gives the tensors of.
    pub(crate) fn tensor(&mut self, vb: &VarBuilder, name: &str, tensor: &Tensor) -> Result<Value> {
        self.store(vb.pp(name).prefix(), tensor)
    }

    /// A number.
    pub(crate) fn number(&mut self, number: f64) -> Result<Value> {
        let name = number.to_string();
        self.store(name, &Tensor::new(number, &Device::Cpu)?)
    }

    fn store(&mut self, name: String, tensor: &Tensor) -> Result<Value> {
        if !self.is_stored(&name) {
            let mut raw_data = Vec::with_capacity(tensor.elem_count() * size_of::<f32>());
            tensor.to_dtype(DType::F32)?.write_bytes(&mut raw_data)?;
            let dims = tensor.dims().iter().map(|&dim| dim as i64).collect();
            self.initializers.push(proto::Tensor { dims, data_type: FLOAT, name: name.clone(), raw_data });
        }
        Ok(Value(name))
    }

    /// A list of whole numbers, as shapes are given.
    fn list(&mut self, numbers: &[i64]) -> Value {
        let name = format!("{numbers:?}");
        if !self.is_stored(&name) {
            let raw_data = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            let dims = vec![numbers.len() as i64];
            self.initializers.push(proto::Tensor { dims, data_type: INT64, name: name.clone(), raw_data });
        }
        Value(name)
    }

    fn is_stored(&self, name: &str) -> bool {
        self.initializers.iter().any(|tensor| tensor.name == name)
    }

    /// A node with as many outputs as asked for.
    fn nodes<const OUTPUTS: usize>(
        &mut self,
        op_type: &str,
        inputs: &[&Value],
        attributes: Vec<Attribute>,
    ) -> [Value; OUTPUTS] {
        let name = format!("{}/{}:{op_type}", self.scope, self.nodes.len());
        let outputs = std::array::from_fn(|output| match output {
            0 => Value(name.clone()),
            _ => Value(format!("{name}:{output}")),
        });
        self.nodes.push(Node {
            inputs: inputs.iter().map(|value| value.0.clone()).collect(),
            outputs: outputs.iter().map(|value| value.0.clone()).collect(),
            name,
            op_type: op_type.to_owned(),
            attributes,
        });
        outputs
    }

    fn node(&mut self, op_type: &str, inputs: &[&Value], attributes: Vec<Attribute>) -> Value {
        let [output] = self.nodes(op_type, inputs, attributes);
        output
    }

    pub(crate) fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Add", &[a, b], vec![])
    }

    pub(crate) fn sub(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Sub", &[a, b], vec![])
    }

    pub(crate) fn mul(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Mul", &[a, b], vec![])
    }

    pub(crate) fn div(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Div", &[a, b], vec![])
    }

    /// `a + (b - a) · t`
    pub(crate) fn lerp(&mut self, a: &Value, b: &Value, t: &Value) -> Value {
        let way = self.sub(b, a);
        let way = self.mul(&way, t);
        self.add(a, &way)
    }

    /// The mean over these axes, which stay as axes of one.
    pub(crate) fn mean(&mut self, x: &Value, axes: &[i64]) -> Value {
        self.node("ReduceMean", &[x], vec![Attribute::ints("axes", axes), Attribute::int("keepdims", 1)])
    }

    /// `sqrt(mean(x²) + epsilon)`, the mean as of [`Graph::mean`].
    pub(crate) fn deviation(&mut self, x: &Value, axes: &[i64], epsilon: f64) -> Result<Value> {
        let square = self.mul(x, x);
        let mean = self.mean(&square, axes);
        let epsilon = self.number(epsilon)?;
        let mean = self.add(&mean, &epsilon);
        Ok(self.node("Sqrt", &[&mean], vec![]))
    }

    /// `x · rsqrt(mean(x²) + ε)`, the mean over the features.
    pub(crate) fn pixel_norm(&mut self, x: &Value) -> Result<Value> {
        let deviation = self.deviation(x, &[1], NORM_EPSILON)?;
        Ok(self.div(x, &deviation))
    }

    pub(crate) fn leaky_relu(&mut self, x: &Value) -> Value {
        self.node("LeakyRelu", &[x], vec![Attribute::float("alpha", LEAKY_RELU_SLOPE as f32)])
    }

    /// `x · weightᵀ + bias`, the weight `[out, in]`.
    pub(crate) fn dense(&mut self, x: &Value, weight: &Value, bias: Option<&Value>) -> Value {
        let inputs: Vec<_> = [x, weight].into_iter().chain(bias).collect();
        self.node("Gemm", &inputs, vec![Attribute::int("transB", 1)])
    }

    /// A convolution in `groups` groups by a square kernel, with the zero padding that keeps the size.
    pub(crate) fn conv(
        &mut self,
        x: &Value,
        weight: &Value,
        bias: Option<&Value>,
        kernel: i64,
        groups: usize,
    ) -> Value {
        let inputs: Vec<_> = [x, weight].into_iter().chain(bias).collect();
        let attributes = vec![
            Attribute::ints("kernel_shape", &[kernel; 2]),
            Attribute::ints("pads", &[kernel / 2; 4]),
            Attribute::int("group", groups as i64),
        ];
        self.node("Conv", &inputs, attributes)
    }

    /// Each pixel four times.
    pub(crate) fn upscale2x(&mut self, x: &Value) -> Result<Value> {
        let scales =
            self.store("[1, 1, 2, 2]".to_owned(), &Tensor::new(&[1f32, 1., 2., 2.], &Device::Cpu)?)?;
        let attributes = vec![
            Attribute::string("mode", "nearest"),
            Attribute::string("coordinate_transformation_mode", "asymmetric"),
            Attribute::string("nearest_mode", "floor"),
        ];
        let no_region = Value(String::new());
        Ok(self.node("Resize", &[x, &no_region, &scales], attributes))
    }

    /// One behind the other along the features.
    pub(crate) fn concat(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Concat", &[a, b], vec![Attribute::int("axis", 1)])
    }

    /// `[batch, ...]` to `[batch, shape]`
    pub(crate) fn reshape<const AXES: usize>(&mut self, x: &Value, shape: [usize; AXES]) -> Value {
        // 0 leaves an axis as it is.
        let shape: Vec<i64> = std::iter::once(0).chain(shape.map(|dim| dim as i64)).collect();
        let shape = self.list(&shape);
        self.node("Reshape", &[x, &shape], vec![])
    }

    /// Both halves of the features.
    pub(crate) fn halves(&mut self, x: &Value) -> [Value; 2] {
        self.nodes("Split", &[x], vec![Attribute::int("axis", 1)])
    }
}
