//! Other networks are told by name; parts of a StyleGAN as well.

use super::assembler::{dict, ints, network, network_with, pickle, rewritten, tensor, text, torch};
use super::{fixture, message};

fn is(what: &str) -> String {
    format!("`x.pkl` is {what}, not of StyleGAN (v1)")
}

#[test]
fn other_networks_of_nvidia() {
    let official = |version, function: &str| message("x.pkl", &pickle(&[&network(version, function)]));
    assert_eq!(official(4, "G_main"), is("a network of StyleGAN2 (`G_main`)"));
    assert_eq!(official(3, "D_stylegan2"), is("a network of StyleGAN2 (`D_stylegan2`)"));
    assert_eq!(official(3, "G_paper"), is("a network of Progressive GAN"));
    assert_eq!(official(1, "G_style"), is("a network `G_style` (version 1)"));
    assert_eq!(message("x.pkl", &pickle(&[b"ctfutil\nNetwork\n)\x81"])), is("a pickle of Progressive GAN"));
    let persistent = |source: &str| {
        let arguments = dict(&[("module_src", text(source))]);
        pickle(&[
            b"}",
            &text("G_ema"),
            b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n",
            &arguments,
            b"\x85Rs",
        ])
    };
    for (source, name) in [
        ("def modulated_conv2d(", "a pickle of StyleGAN2-ADA (PyTorch)"),
        ("def modulated_conv2d( … def design_lowpass_filter(", "a pickle of StyleGAN3"),
        ("", "a pickle of StyleGAN2-ADA or StyleGAN3 (PyTorch)"),
    ] {
        assert_eq!(message("x.pkl", &persistent(source)), is(name));
    }
}

#[test]
fn other_files_of_pytorch() {
    let one = || tensor(1, &[1], &[1]);
    let of = |entries: &[(&str, Vec<u8>)]| message("x.pkl", &torch(&[&dict(entries)], &[0; 4]));
    for (key, name) in [
        ("to_rgb1.conv.weight", "a state dict of StyleGAN2"),
        ("convs.0.conv.modulation.weight", "a state dict of StyleGAN2"),
        ("synthesis.b4.const", "a state dict of StyleGAN2-ADA"),
        ("synthesis.input.freqs", "a state dict of StyleGAN3"),
        ("layer1.0.conv1.weight", "another file of PyTorch (`layer1.0.conv1.weight`, …)"),
    ] {
        assert_eq!(of(&[(key, one())]), is(name));
    }
    assert_eq!(of(&[("g_ema", dict(&[("to_rgb1.bias", one())]))]), is("a state dict of StyleGAN2"));
    let lightning = [("state_dict", dict(&[("g.a", one())])), ("pytorch-lightning_version", text("2"))];
    assert_eq!(of(&lightning), is("a checkpoint of PyTorch Lightning"));
    assert_eq!(of(&[]), is("a file of PyTorch without names"));
    let program = torch(&[b"c__torch__.model\nModel\n)\x81"], &[]);
    assert_eq!(message("x.pkl", &program), is("a TorchScript program"));
    assert_eq!(
        message("x.pkl", &torch(&[b"c__main__\nGenerator\n)\x81"], &[])),
        "`x.pkl` asks for `__main__.Generator`, which no checkpoint needs; nothing of it was run"
    );
}

#[test]
fn networks_of_stylegan_that_compute_something_else() {
    let of = |name: &str| message("x.pth", &std::fs::read(fixture(name)).unwrap());
    assert_eq!(
        of("mmgeneration_names.pth"),
        "`x.pth` is of mmgeneration's StyleGAN (v1), which has an extra activation in the layers that up-sample, before \
         their blur: not supported"
    );
    assert_eq!(
        of("siskonemilia_names.pth"),
        "`x.pth` is of SiskonEmilia's StyleGAN (v1), which has its activations after the styles, and bilinear \
         up-sampling before the convolutions: not supported"
    );
    let critic =
        [("from_rgb.0.weight", tensor(1, &[1], &[1])), ("final_block.dense0.weight", tensor(1, &[1], &[1]))];
    assert_eq!(
        message("x.pth", &torch(&[&dict(&critic)], &[0; 4])),
        "`x.pth` cannot be converted: it holds huangzh13's critic alone, which draws nothing"
    );
    // Another kernel where the blur's is.
    let paper: Vec<u8> =
        [1, 2, 1, 2, 4, 2, 1, 2, 1].iter().flat_map(|&number| (number as f32 / 16.0).to_le_bytes()).collect();
    let other = rewritten(&fixture("lernapparat_res16.pt"), |_, bytes| {
        if bytes == paper { vec![0; bytes.len()] } else { bytes }
    });
    assert_eq!(
        message("x.pth", &other),
        "`x.pth` is of lernapparat's StyleGAN (v1), which has another blur than the paper's [1, 2, 1]: not supported"
    );
}

#[test]
fn parts_of_a_network() {
    let cannot = |reason: &str| format!("`x.pkl` cannot be converted: {reason}");
    let official = |networks: &[&str]| {
        let networks: Vec<u8> = networks.iter().flat_map(|function| network(3, function)).collect();
        message("x.pkl", &pickle(&[b"(", &networks, b"t"]))
    };
    assert_eq!(official(&["D_basic"]), cannot("it holds a critic alone, which draws nothing"));
    assert_eq!(official(&["G_synthesis"]), cannot("it holds `G_synthesis` alone, which draws nothing"));
    assert_eq!(official(&["G_style", "D_basic", "G_style"]), "`x.pkl` lacks the tensor `4x4/Conv/bias`");
    assert_eq!(official(&[]), cannot("it is a pickle of something else"));
}

#[test]
fn another_architecture_than_the_papers() {
    for (key, value) in [
        ("use_styles", b"\x89".to_vec()),
        ("const_input_layer", b"\x89".to_vec()),
        ("use_pixel_norm", b"\x88".to_vec()),
        ("nonlinearity", text("relu")),
        ("blur_filter", b"N".to_vec()),
        ("blur_filter", ints(&[1, 3, 3, 1])),
    ] {
        assert_eq!(
            message("x.pkl", &pickle(&[&network_with(3, "G_style", &[(key, value)])])),
            format!(
                "`x.pkl` cannot be converted: its network was built with another `{key}` than the paper's"
            )
        );
    }
    let usual = [
        ("use_styles", b"\x88".to_vec()),
        ("nonlinearity", text("lrelu")),
        ("blur_filter", ints(&[1, 2, 1])),
    ];
    assert_eq!(
        message("x.pkl", &pickle(&[&network_with(3, "G_style", &usual)])),
        "`x.pkl` lacks the tensor `4x4/Conv/bias`"
    );
}

#[test]
fn numbers_of_another_kind() {
    let good = std::fs::read(fixture("tf_res16_gs_only_proto3.pkl")).unwrap();
    let with = |from: &[u8], to: &[u8]| {
        let place = good.windows(from.len()).position(|window| window == from).unwrap();
        message("x.pkl", &[&good[..place], to, &good[place + from.len()..]].concat())
    };
    let variable = "`x.pkl` cannot be converted: the variable ";
    assert!(
        with(b"X\x02\0\0\0f4", b"X\x02\0\0\0c8")
            .starts_with(&format!("{variable}`lod` has numbers of type `c8`"))
    );
    let turned = with(b"X\x01\0\0\0<", b"X\x01\0\0\0>");
    assert!(
        turned.ends_with("has numbers of type `f4` with the highest byte first, which are not read"),
        "{turned}"
    );
    // The argument says another side than the layers have.
    let place = good.windows(10).position(|window| window == b"resolution").unwrap();
    let mut other = good.clone();
    assert_eq!(&other[place + 12..place + 14], b"K\x10");
    other[place + 13] = 32;
    assert_eq!(
        message("x.pkl", &other),
        "`x.pkl` cannot be converted: it says that its side is 32, but its layers go up to 16"
    );
}
