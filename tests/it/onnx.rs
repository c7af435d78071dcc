//! Builds small ONNX files in memory: single operators for the conformance tests, and whole models
//! with random weights, of the shape of the shipped ones, for everything else.

use prost::Message;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use sha2::{Digest, Sha256};
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto, type_proto,
};

/// The seal of a model that was not sealed yet.
pub(crate) const UNSEALED: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// A sample type of ONNX tensors.
pub(crate) trait Element: Copy {
    /// Its number in ONNX.
    const TYPE: i32;
    /// Its bytes, lowest first.
    fn bytes(self) -> Vec<u8>;
}

macro_rules! element {
    ($($kind:ty = $number:literal),*) => {
        $(impl Element for $kind {
            const TYPE: i32 = $number;
            fn bytes(self) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }
        })*
    };
}
element!(f32 = 1, u8 = 2, i8 = 3, i32 = 6, i64 = 7, f64 = 11);

/// A graph under construction.
#[derive(Default)]
pub(crate) struct Graph(GraphProto);

impl Graph {
    /// Declares an input of element type `kind`; a side of 0 is free.
    pub(crate) fn input(&mut self, name: &str, kind: i32, sides: &[i64]) {
        self.0.input.push(tensor_info(name, kind, sides));
    }

    /// Declares an output of element type `kind`; a side of 0 is free.
    pub(crate) fn output(&mut self, name: &str, kind: i32, sides: &[i64]) {
        self.0.output.push(tensor_info(name, kind, sides));
    }

    /// Adds a constant and returns its name.
    pub(crate) fn constant<T: Element>(
        &mut self,
        name: &str,
        sides: &[i64],
        values: &[T],
    ) -> String {
        self.0.initializer.push(TensorProto {
            name: name.to_owned(),
            data_type: T::TYPE,
            dims: sides.to_vec(),
            raw_data: values.iter().flat_map(|value| value.bytes()).collect(),
            ..TensorProto::default()
        });
        name.to_owned()
    }

    /// Adds a node with one output, which has the node's name, and returns that name.
    pub(crate) fn node(
        &mut self,
        operator: &str,
        name: &str,
        inputs: &[&str],
        attributes: &[AttributeProto],
    ) -> String {
        self.0.node.push(NodeProto {
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: vec![name.to_owned()],
            name: format!("{name}/node"),
            op_type: operator.to_owned(),
            attribute: attributes.to_vec(),
            ..NodeProto::default()
        });
        name.to_owned()
    }

    /// Adds a quantisation and a dequantisation of `tensor` to unsigned bytes.
    fn rounded(&mut self, name: &str, tensor: &str, scale: f32, zero_point: u8) -> String {
        let scale = self.constant(&format!("{name}/scale"), &[], &[scale]);
        let zero = self.constant(&format!("{name}/zero"), &[], &[zero_point]);
        let quantised = format!("{name}/quantised");
        self.node("QuantizeLinear", &quantised, &[tensor, &scale, &zero], &[]);
        self.node(
            "DequantizeLinear",
            &format!("{name}/dequantised"),
            &[&quantised, &scale, &zero],
            &[],
        )
    }

    /// The file's content, without metadata.
    pub(crate) fn into_model(mut self) -> ModelProto {
        self.0.name = "graph".to_owned();
        ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto { version: 17, ..OperatorSetIdProto::default() }],
            graph: Some(self.0),
            ..ModelProto::default()
        }
    }
}

/// An attribute that is a list of numbers.
pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    let kind = attribute_proto::AttributeType::Ints as i32;
    let (name, ints) = (name.to_owned(), values.to_vec());
    AttributeProto { name, r#type: kind, ints, ..AttributeProto::default() }
}

/// An attribute that is a number.
pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    let kind = attribute_proto::AttributeType::Int as i32;
    AttributeProto { name: name.to_owned(), r#type: kind, i: value, ..AttributeProto::default() }
}

/// An attribute that is a word.
pub(crate) fn word(name: &str, value: &str) -> AttributeProto {
    let kind = attribute_proto::AttributeType::String as i32;
    let (name, s) = (name.to_owned(), value.as_bytes().to_vec());
    AttributeProto { name, r#type: kind, s, ..AttributeProto::default() }
}

fn tensor_info(name: &str, kind: i32, sides: &[i64]) -> ValueInfoProto {
    let side = |(index, &side): (usize, &i64)| Dimension {
        value: Some(match side {
            0 => dimension::Value::DimParam(format!("{name}{index}")),
            _ => dimension::Value::DimValue(side),
        }),
        ..Dimension::default()
    };
    let shape = TensorShapeProto { dim: sides.iter().enumerate().map(side).collect() };
    let tensor = type_proto::Tensor { elem_type: kind, shape: Some(shape) };
    let value = Some(type_proto::Value::TensorType(tensor));
    let r#type = Some(TypeProto { value, ..TypeProto::default() });
    ValueInfoProto { name: name.to_owned(), r#type, ..ValueInfoProto::default() }
}

/// Convolutions with a skip in every network of a [`tiny_model`].
const BODY: usize = 2;

/// A model of `stages` networks with random weights, built as the shipped ones are: a 6x6
/// convolution of stride 2, rectified, 3x3 convolutions with a skip around each, a 3x3 convolution
/// to four planes and a shuffle to full size; they see the estimate and the blurred plane. The
/// quantised form has int8 weights with a scale a channel, uint8 activations and int32 biases between
/// pairs of quantisation and dequantisation.
pub(crate) fn tiny_model(stages: usize, channels: usize, seed: u64, quantised: bool) -> ModelProto {
    let kind = Kind { body: BODY, coarse: None, channels, inputs: "estimate blurred", quantised };
    random_model(stages, kind, seed)
}

/// The same with a coarse branch of so many convolutions behind each first one, and networks that see
/// all planes there are.
pub(crate) fn coarse_model(stages: usize, coarse: usize, seed: u64, quantised: bool) -> ModelProto {
    let inputs = "estimate sigma weak blurred trust";
    let kind = Kind { body: 1, coarse: Some(coarse), channels: 6, inputs, quantised };
    random_model(stages, kind, seed)
}

/// A model of one network like those of a [`tiny_model`], without convolutions with a skip: a small
/// file, and as much memory while it runs as so many `channels` of the whole frame take.
pub(crate) fn wide_model(channels: usize) -> ModelProto {
    let inputs = "estimate blurred";
    let kind = Kind { body: 0, coarse: None, channels, inputs, quantised: false };
    let mut model = random_model(1, kind, 1);
    // However a frame is divided, all of it is seen.
    set_metadata(&mut model, "deblurd.halo", "4096");
    model
}

/// What the networks of a model are like.
#[derive(Clone, Copy)]
struct Kind {
    /// Convolutions with a skip.
    body: usize,
    /// The same in the coarse branch, where there is one.
    coarse: Option<usize>,
    channels: usize,
    /// Names of the planes that they see.
    inputs: &'static str,
    quantised: bool,
}

impl Kind {
    /// Samples that they see on every side.
    fn reach(self) -> usize {
        3 + 2 * (self.body + 1) + self.coarse.map_or(0, |coarse| 2 + 4 * coarse)
    }

    /// What the sides of frames must be multiples of.
    fn alignment(self) -> usize {
        if self.coarse.is_some() { 4 } else { 2 }
    }
}

fn random_model(stages: usize, kind: Kind, seed: u64) -> ModelProto {
    let (graph, random) = (Graph::default(), Pcg64::seed_from_u64(seed));
    let mut network = Network { graph, random, kind };
    (0..stages).for_each(|stage| network.add_stage(stage));
    let mut model = network.graph.into_model();
    let entries = [
        ("deblurd.contract", "3".to_owned()),
        ("deblurd.name", "tiny".to_owned()),
        ("deblurd.stages", stages.to_string()),
        ("deblurd.inputs", kind.inputs.to_owned()),
        ("deblurd.consistency", vec!["1.5"; stages].join(" ")),
        ("deblurd.alignment", kind.alignment().to_string()),
        ("deblurd.halo", kind.reach().next_multiple_of(kind.alignment()).to_string()),
        ("deblurd.sigma_min", "0".to_owned()),
        ("deblurd.sigma_max", "12.75".to_owned()),
        ("deblurd.regulariser", "spectral".to_owned()),
        ("deblurd.domain", "gamma, mean-free".to_owned()),
        ("deblurd.seal", UNSEALED.to_owned()),
    ];
    for (key, value) in entries {
        set_metadata(&mut model, key, &value);
    }
    model
}

/// Sets an entry of the metadata.
pub(crate) fn set_metadata(model: &mut ModelProto, key: &str, value: &str) {
    model.metadata_props.retain(|entry| entry.key != key);
    let entry = StringStringEntryProto { key: key.to_owned(), value: value.to_owned() };
    model.metadata_props.push(entry);
}

/// The bytes of the file, with the zeros of its seal replaced by the hash of the bytes that have
/// them. A model without such zeros stays as it is.
pub(crate) fn sealed(model: &ModelProto) -> Vec<u8> {
    let mut bytes = model.encode_to_vec();
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let zeros = UNSEALED.as_bytes();
    if let Some(place) = bytes.windows(zeros.len()).position(|window| window == zeros) {
        bytes[place..place + zeros.len()].copy_from_slice(hash.as_bytes());
    }
    bytes
}

/// Scales of the quantised form: all activations lie within 2.
const SIGNED: (f32, u8) = (1.0 / 64.0, 128);
const POSITIVE: (f32, u8) = (1.0 / 128.0, 0);

/// The attributes of a shuffle from four planes to one.
fn shuffle() -> [AttributeProto; 2] {
    [int("blocksize", 2), word("mode", "CRD")]
}

struct Network {
    graph: Graph,
    random: Pcg64,
    kind: Kind,
}

impl Network {
    fn add_stage(&mut self, stage: usize) {
        let Kind { body, coarse, channels, inputs, .. } = self.kind;
        let planes = inputs.split(' ').count() + usize::from(stage > 0);
        let suffix = if stage == 0 { String::new() } else { (stage + 1).to_string() };
        let (z, f) = (format!("z{suffix}"), format!("f{suffix}"));
        self.graph.input(&z, f32::TYPE, &[1, planes as i64, 0, 0]);
        self.graph.output(&f, f32::TYPE, &[1, 1, 0, 0]);
        let prefix = format!("stage{}", stage + 1);
        let input = self.rounded(&format!("{prefix}/input"), z, SIGNED);
        let head = format!("{prefix}/head");
        let head = self.convolution(&head, &input, (planes, channels), (6, 2), SIGNED);
        let mut a = self.rectified(head);
        if let Some(coarse) = coarse {
            a = self.coarse_branch(&format!("{prefix}/coarse"), &a, coarse);
        }
        let a = self.additions(&prefix, a, body);
        let tail = format!("{prefix}/tail");
        let tail = self.convolution(&tail, &a, (channels, 4), (3, 1), POSITIVE);
        let tail = self.rounded(&format!("{prefix}/output"), tail, SIGNED);
        self.graph.node("DepthToSpace", &f, &[&tail], &shuffle());
    }

    /// Convolutions with a skip around each, one behind the other.
    fn additions(&mut self, prefix: &str, start: String, count: usize) -> String {
        let channels = self.kind.channels;
        (1..=count).fold(start, |a, body| {
            let name = format!("{prefix}/body{body}");
            let branch = self.convolution(&name, &a, (channels, channels), (3, 1), POSITIVE);
            let branch = self.rectified(branch);
            let sum = self.graph.node("Add", &format!("{name}/sum"), &[&a, &branch], &[]);
            self.rounded(&format!("{name}/rounded"), sum, POSITIVE)
        })
    }

    fn coarse_branch(&mut self, prefix: &str, a: &str, count: usize) -> String {
        let channels = self.kind.channels;
        let down = format!("{prefix}/down");
        let down = self.convolution(&down, a, (channels, channels), (2, 2), POSITIVE);
        let start = self.rectified(down);
        let below = self.additions(prefix, start, count);
        let up = format!("{prefix}/up");
        let up = self.convolution(&up, &below, (channels, 4 * channels), (1, 1), POSITIVE);
        let up = self.rectified(up);
        let name = format!("{prefix}/shuffle");
        let shuffled = self.graph.node("DepthToSpace", &name, &[&up], &shuffle());
        let sum = self.graph.node("Add", &format!("{prefix}/sum"), &[a, &shuffled], &[]);
        self.rounded(&format!("{prefix}/rounded"), sum, POSITIVE)
    }

    fn rounded(&mut self, name: &str, tensor: String, (scale, zero_point): (f32, u8)) -> String {
        if self.kind.quantised {
            self.graph.rounded(name, &tensor, scale, zero_point)
        } else {
            tensor
        }
    }

    fn rectified(&mut self, tensor: String) -> String {
        let relu = self.graph.node("Relu", &format!("{tensor}/relu"), &[&tensor], &[]);
        self.rounded(&format!("{relu}/rounded"), relu, POSITIVE)
    }

    /// A convolution from `channels.0` to `channels.1` planes.
    fn convolution(
        &mut self,
        name: &str,
        tensor: &str,
        channels: (usize, usize),
        (side, stride): (usize, i64),
        source: (f32, u8),
    ) -> String {
        let (weight, bias) = self.weights(name, channels, side, source.0);
        let padding = (side as i64 - 1) / 2;
        let attributes = [
            ints("kernel_shape", &[side as i64; 2]),
            ints("strides", &[stride; 2]),
            ints("pads", &[padding; 4]),
        ];
        self.graph.node("Conv", name, &[tensor, &weight, &bias], &attributes)
    }

    /// Random weights that keep samples about as large as they are, and a bias.
    fn weights(
        &mut self,
        name: &str,
        (inputs, outputs): (usize, usize),
        side: usize,
        source_scale: f32,
    ) -> (String, String) {
        let shape = [outputs, inputs, side, side].map(|side| side as i64);
        let fan_in = inputs * side * side;
        let reach = (2.0 / fan_in as f32).sqrt();
        let weights: Vec<f32> =
            (0..outputs * fan_in).map(|_| self.random.random_range(-reach..reach)).collect();
        let bias: Vec<f32> = (0..outputs).map(|_| self.random.random_range(-0.05..0.05)).collect();
        let count = [outputs as i64];
        if !self.kind.quantised {
            let weight = self.graph.constant(&format!("{name}/weight"), &shape, &weights);
            return (weight, self.graph.constant(&format!("{name}/bias"), &count, &bias));
        }
        let greatest = |of: &[f32]| of.iter().fold(1e-8_f32, |most, weight| most.max(weight.abs()));
        let scales: Vec<f32> =
            weights.chunks_exact(fan_in).map(|of| greatest(of) / 127.0).collect();
        #[expect(clippy::cast_possible_truncation, reason = "within 127 by the scale")]
        let integers: Vec<i8> = (0..weights.len())
            .map(|index| (weights[index] / scales[index / fan_in]).round_ties_even() as i8)
            .collect();
        let units: Vec<f32> = scales.iter().map(|scale| scale * source_scale).collect();
        #[expect(clippy::cast_possible_truncation, reason = "saturates, far away")]
        let biases: Vec<i32> =
            bias.iter().zip(&units).map(|(bias, unit)| (bias / unit).round() as i32).collect();
        let weight = self.dequantised(&format!("{name}/weight"), &shape, &integers, &scales);
        (weight, self.dequantised(&format!("{name}/bias"), &count, &biases, &units))
    }

    fn dequantised<T: Element + Default>(
        &mut self,
        name: &str,
        shape: &[i64],
        integers: &[T],
        scales: &[f32],
    ) -> String {
        let count = [scales.len() as i64];
        let zeros = vec![T::default(); scales.len()];
        let integers = self.graph.constant(&format!("{name}/integers"), shape, integers);
        let scale = self.graph.constant(&format!("{name}/scales"), &count, scales);
        let zero = self.graph.constant(&format!("{name}/zeros"), &count, &zeros);
        self.graph.node("DequantizeLinear", name, &[&integers, &scale, &zero], &[int("axis", 0)])
    }
}
