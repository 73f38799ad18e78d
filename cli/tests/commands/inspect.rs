//! `stylegan inspect`

use serde_json::Value;
use stylegan_checkpoint::Checkpoint;

use crate::scene::Scene;

#[test]
fn a_checkpoint_is_described_for_people() {
    let scene = Scene::empty();
    scene.checkpoint("net.safetensors", 1.25, 0);
    let ran = scene.run("inspect net.safetensors");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let hash = Checkpoint::open(scene.path("net.safetensors")).unwrap().hash();
    let expected = format!(
        "file         net.safetensors\n\
         kind         StyleGAN checkpoint for training (g, d, g_ema)\n\
         written by   stylegan {}\n\
         size         0.1 MiB\n\
         hash         {hash}\n\
         resolution   16x16\n\
         trained for  123.456 kimg\n\
         lod          1.25 (8x8, fading in)\n\
         z, w         12, 10 numbers\n\
         mapping      3 layers of 14, lrmul 0.01\n\
         labels       none\n\
         synthesis    6 layers\n\
         widths       4: 8, 8: 8, 16: 8\n",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(&ran.stdout[..expected.len().min(ran.stdout.len())], expected);
    let networks: Vec<&str> = ran.stdout[expected.len()..].lines().collect();
    assert_eq!(networks.len(), 3, "{networks:?}");
    for (line, name) in networks.iter().zip(["g ", "d ", "g_ema "]) {
        assert!(line.starts_with(name) && line.contains(" parameters in "), "{line}");
    }
}

#[test]
fn a_checkpoint_is_described_for_programs() {
    let scene = Scene::new();
    let ran = scene.run("inspect --json net.safetensors");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let facts: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(facts["resolution"], 16);
    assert_eq!(facts["num_layers"], 6);
    assert_eq!(facts["kimg"], 123.456);
    assert_eq!(facts["lod"], 0.0);
    assert_eq!(facts["generator"]["z_dim"], 12);
    // mapping 12x14+14 + 14x14+14 + 14x10+10; const 8x16; 5 convolutions of 8x8x9; 6 x (8 bias + 8 noise + 16x10+16
    // style); 3 to_rgb of 8x3+3.
    let expected = 182 + 210 + 150 + 128 + 5 * 576 + 6 * 192 + 3 * 27;
    assert_eq!(facts["networks"][2]["network"], "g_ema");
    assert_eq!(facts["networks"][2]["parameters"], expected);
    assert_eq!(facts["networks"][2]["dtypes"][0], "f32");
}

#[test]
fn a_picture_says_which_seed_stands_where() {
    let scene = Scene::new();
    scene.draws("sample --checkpoint net.safetensors --seeds 8-10,3 --grid 3x2 --out 'my faces.png'");
    let json: Value = serde_json::from_str(&scene.run("inspect net.safetensors --json").stdout).unwrap();
    let hash = json["hash"].as_str().unwrap().to_owned();
    let ran = scene.run("inspect 'my faces.png'");
    assert_eq!(
        ran.stdout,
        format!(
            "file         my faces.png\n\
             kind         picture of `stylegan sample`\n\
             checkpoint   {hash}\n\
             seeds         8   9  10\n              3\n\
             drawn with   psi 0.7 in 8 layers, stored noise, native seeds\n\
             again        stylegan sample --like 'my faces.png' --checkpoint CHECKPOINT --out again.png\n"
        ),
        "{}",
        ran.stderr
    );
    let recipe: Value = serde_json::from_str(&scene.run("inspect --json 'my faces.png'").stdout).unwrap();
    assert_eq!((&recipe["seeds"], &recipe["checkpoint"]), (&"8-10,3".into(), &hash.into()));
    for command in ["mix --rows 0,1 --cols 2 --styles 0-2", "interpolate --seeds 0,1 --frames 3"] {
        scene.draws(&format!("{command} --checkpoint net.safetensors --out {}.png", &command[..3]));
        assert_eq!(scene.run(&format!("inspect {}.png", &command[..3])).code, 0, "{command}");
    }
    image::RgbImage::new(4, 4).save(scene.path("plain.png")).unwrap();
    let ran = scene.run("inspect plain.png");
    assert!(ran.stderr.starts_with("error: `plain.png` has no recipe in it\n"), "{}", ran.stderr);
}
