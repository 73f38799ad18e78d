//! Our names of tensors, taken apart.

/// A tensor of a network by what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    WAvg,
    LabelEmbed,
    /// Of the mapping network.
    Dense {
        index: usize,
        part: &'a str,
    },
    Const,
    /// Of the synthesis network.
    Layer {
        index: usize,
        part: &'a str,
    },
    ToRgb {
        side: usize,
        part: &'a str,
    },
    FromRgb {
        side: usize,
        part: &'a str,
    },
    /// Of the critic.
    Block {
        side: usize,
        layer: &'a str,
        part: &'a str,
    },
}

impl<'a> Name<'a> {
    /// None for a name that no network has.
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        let number = |text: &str, prefix: &str| text.strip_prefix(prefix)?.parse().ok();
        let parts: Vec<&str> = name.split('.').collect();
        Some(match parts[..] {
            ["w_avg"] => Self::WAvg,
            ["mapping", "label_embed"] => Self::LabelEmbed,
            ["mapping", dense, part] => Self::Dense { index: number(dense, "dense")?, part },
            ["synthesis", "const"] => Self::Const,
            ["synthesis", name, part] => match number(name, "layer") {
                Some(index) => Self::Layer { index, part },
                None => Self::ToRgb { side: number(name, "to_rgb_")?, part },
            },
            [name, part] => Self::FromRgb { side: number(name, "from_rgb_")?, part },
            [block, layer, part] => Self::Block { side: number(block, "block_")?, layer, part },
            _ => return None,
        })
    }
}

/// Side of a synthesis layer in pixels.
pub(crate) fn side_of(layer: usize) -> usize {
    4 << (layer / 2)
}

/// Whether a synthesis layer doubles the side.
pub(crate) fn upscales(layer: usize) -> bool {
    layer >= 2 && layer.is_multiple_of(2)
}
