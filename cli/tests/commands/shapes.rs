//! Pictures that are not square, grey, transparent, or of 16 bits, from a folder to what networks draw.

use image::{ColorType, DynamicImage, GrayImage, ImageBuffer, Luma, Rgba, RgbaImage};
use stylegan_checkpoint::Checkpoint;

use crate::scene::Scene;
use crate::train::{TINY, snapshot, train};

/// A folder with `photos`, pictures of 16x12 by their number.
fn scene_of(picture: impl Fn(u32) -> DynamicImage) -> Scene {
    let scene = Scene::empty();
    std::fs::create_dir(scene.path("photos")).unwrap();
    for number in 0..8 {
        picture(number).save(scene.path(&format!("photos/{number}.png"))).unwrap();
    }
    scene
}

fn grey(number: u32) -> DynamicImage {
    GrayImage::from_fn(16, 12, |x, y| [(x * 11 + y * 3 + number * 19) as u8].into()).into()
}

/// A disk on nothing, which is green where nobody sees it.
fn disk(number: u32) -> DynamicImage {
    let (left, top) = (f64::from(number % 4) + 6.0, f64::from(number / 4) + 5.0);
    RgbaImage::from_fn(16, 12, |x, y| {
        let is_inside = (f64::from(x) - left).hypot(f64::from(y) - top) < 4.0;
        if is_inside { Rgba([250, 120, (number * 30) as u8, 255]) } else { Rgba([0, 255, 0, 0]) }
    })
    .into()
}

fn open(scene: &Scene, name: &str) -> DynamicImage {
    image::open(scene.path(name)).unwrap()
}

/// Size and channels of a picture.
fn kind(scene: &Scene, name: &str) -> (u32, u32, ColorType) {
    let picture = open(scene, name);
    (picture.width(), picture.height(), picture.color())
}

#[test]
fn a_set_of_another_ratio_trains_and_draws_in_it() {
    let scene = Scene::empty();
    scene.photos("photos", 8, (32, 24));
    let square = train(&scene, "--kimg 0.004 --out square");
    assert!(square.contains("\n8 were not square: their middle was taken ("), "{square}");
    let proposal = "\nnearly all have a ratio of 4:3: `--resolution 16x12` takes them as they are\n";
    assert!(square.contains(proposal), "{square}");

    let said = train(&scene, "--resolution 16x12");
    assert!(said.starts_with("packed 8 pictures of 16x12 in `runs/.cache/photos-16x12-"), "{said}");
    assert!(!said.contains("middle was taken") && !said.contains("ratio"), "{said}");
    assert!(said.contains("\nModel     StyleGAN, 16x12, G "), "{said}");
    for level in ["4x3", "8x6", "16x12"] {
        assert!(said.contains(&format!("\n            {level:<7} ")), "{said}");
    }
    let run = "runs/00000-tiny";
    assert_eq!(kind(&scene, &format!("{run}/reals.png")), (3 * 16, 2 * 12, ColorType::Rgb8));
    for fakes in scene.names(run).iter().filter(|name| name.starts_with("fakes")) {
        assert_eq!(kind(&scene, &format!("{run}/{fakes}")), (3 * 16, 2 * 12, ColorType::Rgb8));
    }
    let stats = String::from_utf8(scene.bytes(&format!("{run}/stats.jsonl"))).unwrap();
    assert!(stats.lines().last().unwrap().contains(r#""resolution":"16x12""#), "{stats}");

    let network = snapshot(&scene, "runs");
    let shape = Checkpoint::open(&network).unwrap().meta().generator.resolution.to_string();
    assert_eq!(shape, "16x12");
    let network = network.display();
    let draw = |command: &str| scene.draws(&format!("{command} --checkpoint {network}"));
    assert!(draw("sample --seeds 1-4 --grid 2x2 --out grid.png").starts_with("wrote 4 pictures of 16x12 "));
    assert_eq!(kind(&scene, "grid.png"), (32, 24, ColorType::Rgb8));
    draw("mix --rows 1,2 --cols 3 --styles 0-1 --out mix.png");
    assert_eq!(kind(&scene, "mix.png"), (2 * 16 + 2, 3 * 12 + 2, ColorType::Rgb8));
    draw("interpolate --seeds 1,2 --frames 3 --out walk.gif");
    assert_eq!((open(&scene, "walk.gif").width(), open(&scene, "walk.gif").height()), (16, 12));
    let said = draw("export --out net.onnx");
    assert!(said.contains("a generator of 16x12 pictures"), "{said}");
    let inspected = scene.run(&format!("inspect {network}"));
    assert!(inspected.stdout.contains("\nresolution   16x12\n"), "{}", inspected.stdout);

    // A picture's recipe draws it again.
    scene.draws(&format!("sample --checkpoint {network} --like grid.png --out again.png"));
    assert_eq!(scene.bytes("grid.png"), scene.bytes("again.png"));
}

#[test]
fn networks_of_another_ratio_grow() {
    let scene = Scene::empty();
    scene.photos("photos", 8, (32, 24));
    train(&scene, "--resolution 8x6 --kimg 0.024");
    let said = train(&scene, "--resolution 16x12 --resume runs/00000-tiny");
    assert!(said.contains("grows from 8x6 to 16x12, "), "{said}");
    let ran = scene.run(&format!("train --data photos {TINY} --resolution 16 --resume runs/00000-tiny"));
    assert!(ran.code == 1 && ran.stderr.contains("have another shape"), "{}", ran.stderr);
}

#[test]
fn grey_pictures_train_a_grey_network() {
    let scene = scene_of(grey);
    let said = train(&scene, "--resolution 16x12 --kimg 0.004 --out color");
    let proposal = "\nnone has colors: `--channels 1` makes networks of grey pictures\n";
    assert!(said.contains(proposal), "{said}");
    let said = train(&scene, "--resolution 16x12 --channels 1");
    assert!(!said.contains("grey and were given") && !said.contains("none has colors"), "{said}");
    assert!(said.contains("\nModel     StyleGAN, 16x12, grey, G "), "{said}");
    let run = "runs/00000-tiny";
    assert_eq!(kind(&scene, &format!("{run}/reals.png")), (48, 24, ColorType::L8));
    let network = snapshot(&scene, "runs");
    let network = network.display();
    scene.draws(&format!("sample --checkpoint {network} --seeds 1 --out a.png"));
    assert_eq!(kind(&scene, "a.png"), (16, 12, ColorType::L8));
    scene.draws(&format!("interpolate --checkpoint {network} --seeds 1,2 --frames 2 --out walk.gif"));
    scene.draws(&format!("sample --checkpoint {network} --seeds 1 --out a.safetensors"));
    let numbers = candle_core::safetensors::load(scene.path("a.safetensors"), &candle_core::Device::Cpu);
    assert_eq!(numbers.unwrap()["images"].dims(), [1, 1, 12, 16]);
    // A pack of other channels is named.
    scene.draws("dataset pack photos --out packed --resolution 16x12");
    let ran = scene.run(&format!("train --data packed {TINY} --resolution 16x12 --channels 1 --out other"));
    assert_eq!(
        (ran.code, &*ran.stderr),
        (
            1,
            "error: the pictures of the packed data set `packed` have 3 channels, not 1\n\n\
             hint: pack the original pictures anew with these channels, or train with `--channels 3`\n"
        )
    );
}

#[test]
fn transparent_pictures_train_a_network_of_transparent_pictures() {
    let scene = scene_of(disk);
    let said = train(&scene, "--resolution 16x12 --kimg 0.004 --out color");
    assert!(said.contains("\n8 were transparent and were set on white\n"), "{said}");
    assert!(said.contains("\n`--channels 4` keeps what is transparent\n"), "{said}");
    let said = train(&scene, "--resolution 16x12 --channels 4 --mirror off");
    assert!(!said.contains("set on white"), "{said}");
    let run = "runs/00000-tiny";
    let reals = open(&scene, &format!("{run}/reals.png")).into_rgba8();
    assert_eq!(reals.dimensions(), (48, 24));
    // What nobody sees is gone, and what is seen is as it was.
    assert!(reals.pixels().all(|pixel| matches!(pixel.0, [0, 0, 0, 0] | [250, 120, _, 255])));
    assert!(reals.pixels().any(|pixel| pixel.0[3] == 0) && reals.pixels().any(|pixel| pixel.0[3] == 255));
    let network = snapshot(&scene, "runs");
    let network = network.display();
    scene.draws(&format!("sample --checkpoint {network} --seeds 1-2 --grid 3x1 --out a.png"));
    assert_eq!(kind(&scene, "a.png"), (48, 12, ColorType::Rgba8));
    assert_eq!(open(&scene, "a.png").into_rgba8().get_pixel(40, 5).0, [0; 4]);
}

#[test]
fn pictures_of_sixteen_bits_train_as_they_are() {
    let scene = scene_of(|number| {
        let depth = |x, y| Luma([(30_000 + 2_000 * number + 40 * x + y) as u16]);
        DynamicImage::ImageLuma16(ImageBuffer::from_fn(16, 12, depth))
    });
    let said = train(&scene, "--resolution 16x12 --channels 1 --out coarse");
    assert!(said.contains("\n8 had 16 bits a channel and were rounded to 8\n"), "{said}");
    assert!(said.contains("\n`--bits 16` keeps what their 16 bits tell apart\n"), "{said}");
    let whole = "--resolution 16x12 --channels 1 --bits 16";
    let said = train(&scene, &format!("{whole} --out whole"));
    assert!(
        said.contains("packed 8 pictures of 16x12 and 16 bits in ") && !said.contains("rounded"),
        "{said}"
    );
    // Others than with 8 bits, and the same of a folder that was packed with 16.
    scene.draws("dataset pack photos --resolution 16x12 --channels 1 --bits 16 --out deep");
    scene.draws(&format!("train --data deep {TINY} --resolution 16x12 --channels 1 --out packed"));
    // A head of the length that the first eight bytes tell, then all numbers of the network.
    let [coarse, whole, packed] = ["coarse", "whole", "packed"].map(|out| {
        let bytes = std::fs::read(snapshot(&scene, out)).unwrap();
        let head = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + head..].to_vec()
    });
    assert!(coarse != whole && whole == packed);
}
