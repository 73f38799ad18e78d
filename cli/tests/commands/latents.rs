//! `stylegan sample` from latents, and numbers in place of pixels.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use image::DynamicImage;
use stylegan_checkpoint::Checkpoint;
use stylegan_generator::{Generator, Noise, SeedStyle, Truncation};
use stylegan_media::to_u8;

use crate::scene::Scene;

const SAMPLE: &str = "sample --checkpoint net.safetensors";

fn generator(scene: &Scene, name: &str) -> Generator {
    Checkpoint::open(scene.path(name)).unwrap().generator(&Device::Cpu).unwrap()
}

/// z, w and `w_plus` of seeds 3 and 4, not truncated.
fn latents(generator: &Generator) -> [(&'static str, Tensor); 3] {
    let z = generator.latents(&[3, 4], SeedStyle::Native).unwrap();
    let w = generator.mapping().forward(&z, None).unwrap();
    let w_plus = generator.broadcast(&w).unwrap();
    [("z", z), ("w", w), ("w_plus", w_plus)]
}

fn write(scene: &Scene, file: &str, name: &str, tensor: &Tensor) {
    let tensors = HashMap::from([(name, tensor.clone())]);
    candle_core::safetensors::save(&tensors, scene.path(file)).unwrap();
}

#[test]
fn latents_of_seeds_draw_what_the_seeds_draw() {
    let scene = Scene::new();
    scene.draws(&format!("{SAMPLE} --seeds 3,4 --out seeds"));
    scene.draws(&format!("{SAMPLE} --seeds 3,4 --truncation-psi 1 --out whole"));
    for (name, tensor) in latents(&generator(&scene, "net.safetensors")) {
        for dtype in [DType::F32, DType::F64] {
            write(&scene, "latents.safetensors", name, &tensor.to_dtype(dtype).unwrap());
            let draw = |options: &str, out: &str| {
                let words = scene
                    .draws(&format!("{SAMPLE} --latents latents.safetensors {options} --out {out} --force"));
                assert_eq!(words, format!("wrote 2 pictures of 16x16 to `{out}`\n"));
                assert_eq!(scene.names(out), ["latent0000.png", "latent0001.png"]);
                ["latent0000.png", "latent0001.png"].map(|file| scene.picture(&format!("{out}/{file}")))
            };
            let seeds = |out: &str| ["3", "4"].map(|seed| scene.picture(&format!("{out}/seed000{seed}.png")));
            // w of all layers is drawn as it is unless somebody asks for another psi.
            let usual = if name == "w_plus" { seeds("whole") } else { seeds("seeds") };
            assert_eq!(draw("", "latents"), usual, "{name}");
            assert_eq!(draw("--truncation-psi 0.7", "latents"), seeds("seeds"), "{name}");
            assert_eq!(draw("--truncation-cutoff 8", "latents"), seeds("seeds"), "{name}");
        }
        scene.draws(&format!("{SAMPLE} --latents latents.safetensors --grid 1x2 --out grid.png --force"));
        assert_eq!(scene.picture("grid.png").dimensions(), (16, 32));
    }
}

#[test]
fn numbers_are_those_of_the_network() {
    let scene = Scene::new();
    let words = scene.draws(&format!("{SAMPLE} --seeds 4,3,3 --dtype f32 --out images.safetensors"));
    assert_eq!(words, "wrote 3 pictures of 16x16 to `images.safetensors`\n");
    let generator = generator(&scene, "net.safetensors");
    let z = generator.latents(&[4, 3], SeedStyle::Native).unwrap();
    let expected = generator.draw(&z, None, 0.0, Truncation::default(), &Noise::Const).unwrap();
    let mut found = candle_core::safetensors::load(scene.path("images.safetensors"), &Device::Cpu).unwrap();
    let images = found.remove("images").unwrap();
    assert!(found.is_empty());
    assert_eq!((images.dims(), images.dtype()), (&[3, 3, 16, 16][..], DType::F32));
    let off = (images.narrow(0, 0, 2).unwrap() - expected).unwrap().abs().unwrap().max_all().unwrap();
    assert!(off.to_scalar::<f32>().unwrap() < 1e-5, "{off}");
    // The pixels are these numbers, quantized.
    scene.draws(&format!("{SAMPLE} --seeds 3,4 --out pixels"));
    let pixels: Vec<DynamicImage> =
        ["4", "3", "3"].map(|seed| scene.picture(&format!("pixels/seed000{seed}.png")).into()).into();
    assert_eq!(to_u8(&images).unwrap(), pixels);

    let before = scene.bytes("images.safetensors");
    scene.refuses(
        &format!("{SAMPLE} --seeds 1 --out images.safetensors"),
        1,
        "error: `images.safetensors` exists; nothing was overwritten\n\n\
         hint: give another name, or `--force` to overwrite it\n",
    );
    scene.draws(&format!("{SAMPLE} --seeds 4,3,3 --out images.safetensors --force"));
    assert_eq!(scene.bytes("images.safetensors"), before);
    scene.refuses(
        &format!("{SAMPLE} --seeds 1 --grid 1x1 --out new.safetensors"),
        2,
        "error: `--grid` makes one picture, but `--out new.safetensors` is none\n\n\
         hint: give a file, `--out NAME.png`, or leave `--grid` out\n",
    );
    scene.refuses(
        &format!("{SAMPLE} --seeds 1 --dtype f32 --out new.png"),
        2,
        "error: `--dtype` is for numbers, but `--out new.png` is for pictures\n\n\
         hint: numbers are written into a file, `--out NAME.safetensors`\n",
    );
}

#[test]
fn latents_that_do_not_fit() {
    let scene = Scene::new();
    scene.checkpoint("labels.safetensors", 0.0, 3);
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    for (name, shape, message) in [
        ("z", &[2, 10][..], "`z` of `bad.safetensors` has shape [2, 10] where the network takes [n, 12]"),
        ("w", &[2, 12], "`w` of `bad.safetensors` has shape [2, 12] where the network takes [n, 10]"),
        (
            "w_plus",
            &[2, 5, 10],
            "`w_plus` of `bad.safetensors` has shape [2, 5, 10] where the network takes [n, 6, 10]",
        ),
    ] {
        write(&scene, "bad.safetensors", name, &zeros(shape));
        for out in ["out.png", "out", "out.safetensors"] {
            scene.refuses(
                &format!("{SAMPLE} --latents bad.safetensors --out {out}"),
                1,
                &format!("error: {message}\n"),
            );
        }
    }
    let hint = "hint: it is a safetensors or `.npz` file with a tensor `z [n, z_dim]`, `w [n, w_dim]` or `w_plus [n, num_layers, \
                w_dim]`\n";
    scene.refuses(
        &format!("{SAMPLE} --latents net.safetensors --out out.png"),
        1,
        &format!("error: `net.safetensors` holds no latents\n\n{hint}"),
    );
    scene.refuses(
        &format!("{SAMPLE} --latents missing.safetensors --out out.png"),
        1,
        "error: there is no file `missing.safetensors`\n",
    );
    write(&scene, "w.safetensors", "w", &zeros(&[3, 10]));
    scene.refuses(
        &format!("{SAMPLE} --latents w.safetensors --grid 1x2 --out out.png"),
        2,
        "error: `--grid 1x2` has 2 cells, but there are 3 latents\n\nhint: leave `--grid` out for a grid that fits\n",
    );
    // Labels enter before w.
    let labels = "sample --checkpoint labels.safetensors --latents w.safetensors";
    scene.draws(&format!("{labels} --out labels.png"));
    scene.refuses(
        &format!("{labels} --class 1 --out out.png"),
        2,
        "error: `--class` was given, but `w` is behind the labels' place in the network\n",
    );
    let ran = scene.run(&format!("{SAMPLE} --out out.png"));
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--seeds <LIST>"), "{}", ran.stderr);
}

/// A file of `NumPy` with one array of f32.
fn npy(tensor: &Tensor) -> Vec<u8> {
    let sizes: Vec<String> = tensor.dims().iter().map(usize::to_string).collect();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}\n", sizes.join(", "));
    let numbers = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let data: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

#[test]
fn latents_of_numpy_draw_what_those_of_safetensors_draw() {
    let scene = Scene::new();
    let [_, (_, w), (_, w_plus)] = latents(&generator(&scene, "net.safetensors"));
    write(&scene, "w_plus.safetensors", "w_plus", &w_plus);
    std::fs::write(scene.path("w_plus.npy"), npy(&w_plus)).unwrap();
    let npz = |name: &str, tensor: &Tensor| {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        archive.start_file("w.npy", zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, &npy(tensor)).unwrap();
        std::fs::write(scene.path(name), archive.finish().unwrap().into_inner()).unwrap();
    };
    npz("projected_w.npz", &w_plus);
    npz("w.npz", &w);
    for latents in ["w_plus.safetensors", "w_plus.npy", "projected_w.npz"] {
        scene.draws(&format!("{SAMPLE} --latents {latents} --out {latents}.png"));
        assert_eq!(
            scene.picture(&format!("{latents}.png")),
            scene.picture("w_plus.safetensors.png"),
            "{latents}"
        );
    }
    scene.draws(&format!("{SAMPLE} --latents w.npz --out w.png"));
    scene.draws(&format!("{SAMPLE} --seeds 3,4 --out seeds.png"));
    assert_eq!(scene.picture("w.png"), scene.picture("seeds.png"));
    scene.draws("sample --like w.png --latents w.npz --checkpoint net.safetensors --out again.png");
    assert_eq!(scene.bytes("again.png"), scene.bytes("w.png"));
    std::fs::write(scene.path("one.npy"), npy(&w_plus.get(0).unwrap())).unwrap();
    scene.refuses(
        &format!("{SAMPLE} --latents one.npy --out out.png"),
        1,
        "error: `one.npy` has shape [6, 10], but no name that says what it is\n\n\
         hint: `numpy.savez` names it: `z=` or `w=` of [n, dim], `w_plus=` of [n, num_layers, w_dim]\n",
    );
}
