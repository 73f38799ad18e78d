//! Checkpoints of other programs: `convert`, `inspect`, what is drawn from one, and training that goes on from one.

use serde_json::Value;
use stylegan_checkpoint::{Checkpoint, Network};
use stylegan_import::Foreign;

use crate::scene::Scene;

/// A folder with a sample of another program.
fn with(sample: &str, name: &str) -> Scene {
    let scene = Scene::empty();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../import/tests/fixtures");
    std::fs::copy(folder.join(sample), scene.path(name)).unwrap();
    scene
}

#[test]
fn an_official_pickle_becomes_a_checkpoint_that_draws() {
    let scene = with("tf_res16_proto4.pkl", "net.pkl");
    let words = scene.draws("convert net.pkl net.safetensors");
    let size = scene.bytes("net.safetensors").len() as f64 / f64::from(1 << 20);
    assert_eq!(
        words,
        format!(
            "`net.pkl` is a checkpoint of official StyleGAN (pickle of protocol 4)\n\
             wrote g, d, g_ema to `net.safetensors`, {size:.1} MiB\n"
        )
    );
    scene.draws("sample --checkpoint net.safetensors --seeds 0-3 --out faces.png");
    assert_eq!(scene.picture("faces.png").dimensions().1 % 16, 0);
    let ran = scene.run("inspect net.safetensors");
    assert!(
        ran.stdout.contains("\nsource       official StyleGAN (pickle of protocol 4), hash "),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("\ntrained for  not told by the file\n"), "{}", ran.stdout);

    scene.draws("convert net.pkl small.safetensors --sampling-only --dtype f16 --resolution 16");
    assert_eq!(Checkpoint::open(scene.path("small.safetensors")).unwrap().networks(), [Network::GEma]);
    assert!(2 * scene.bytes("small.safetensors").len() < scene.bytes("net.safetensors").len());
}

#[test]
fn foreign_files_are_described() {
    let scene = with("tf_res16_proto4.pkl", "network-snapshot-000140.pkl");
    let ran = scene.run("inspect network-snapshot-000140.pkl");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let hash = Foreign::open(scene.path("network-snapshot-000140.pkl")).unwrap().hash().to_owned();
    let expected = format!(
        "file         network-snapshot-000140.pkl\n\
         kind         official StyleGAN (pickle of protocol 4): g, d, g_ema\n\
         size         0.0 MiB\n\
         hash         {hash}\n\
         resolution   16x16\n\
         trained for  140 kimg\n\
         lod          0 (full size)\n\
         z, w         6, 6 numbers\n\
         mapping      8 layers of 6, lrmul 0.01\n\
         labels       none\n\
         synthesis    6 layers\n\
         widths       4: 6, 8: 6, 16: 3\n"
    );
    assert_eq!(&ran.stdout[..expected.len().min(ran.stdout.len())], expected);
    let networks: Vec<&str> = ran.stdout[expected.len()..].lines().collect();
    assert_eq!(networks.len(), 3, "{networks:?}");
    // What is said before is true afterwards.
    scene.draws("convert network-snapshot-000140.pkl net.safetensors");
    let after = scene.run("inspect net.safetensors").stdout;
    assert!(networks.iter().all(|line| after.contains(line)), "{after}");

    let scene = with("rosinality_g_running_only_legacy.model", "net.model");
    let ran = scene.run("inspect net.model --json");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let facts: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(facts["kind"], "rosinality's StyleGAN (PyTorch, legacy)");
    assert_eq!(
        (&facts["resolution"], &facts["kimg"], &facts["side"]),
        (&Value::Null, &Value::Null, &1024.into())
    );
    assert_eq!(facts["widths"][8]["feature_maps"], 1);
    let text = scene.run("inspect net.model").stdout;
    assert!(
        text.contains("\nresolution   not told by the file; its layers, which follow, go up to 1024x1024\n"),
        "{text}"
    );
}

#[test]
fn a_pickle_draws_as_the_file_that_it_is_converted_to() {
    let scene = with("tf_res16_proto4.pkl", "net.pkl");
    scene.draws("convert net.pkl net.safetensors");
    for command in [
        "sample --seeds 0-3",
        "sample --seeds 0-3 --noise-mode random --truncation-psi 1",
        "mix --rows 0 --cols 1,2 --styles 0-2",
        "interpolate --seeds 1,2 --frames 3",
    ] {
        for network in ["net.pkl", "net.safetensors"] {
            scene.draws(&format!("{command} --checkpoint {network} --out {network}.png --force"));
        }
        assert_eq!(scene.picture("net.pkl.png"), scene.picture("net.safetensors.png"), "{command}");
        scene.draws("sample --like net.pkl.png --checkpoint net.pkl --out again.png --force");
        assert_eq!(scene.bytes("again.png"), scene.bytes("net.pkl.png"), "{command}");
    }

    // A model names the file that it is of, and differs in nothing else.
    let model = |network: &str| {
        scene.draws(&format!("export --checkpoint {network} --out {network}.onnx"));
        let json = scene.run(&format!("inspect {network} --json")).stdout;
        let facts: Value = serde_json::from_str(&json).unwrap();
        let hash = facts["hash"].as_str().unwrap().as_bytes().to_owned();
        let mut bytes = scene.bytes(&format!("{network}.onnx"));
        let place = bytes.windows(hash.len()).position(|window| window == hash).unwrap();
        bytes[place..place + hash.len()].fill(b'0');
        bytes
    };
    assert_eq!(model("net.pkl"), model("net.safetensors"));
}

#[test]
fn the_side_is_asked_for() {
    let scene = with("rosinality_g_running_only_legacy.model", "net.model");
    scene.refuses(
        "convert net.model net.safetensors",
        2,
        "error: `net.model` does not say for which side its network was trained; its layers go up to 1024x1024\n\n\
         hint: `--resolution N` says it, such as 256\n",
    );
    scene.draws("convert net.model net.safetensors --resolution 32");
    scene.draws("sample --checkpoint net.safetensors --seeds 1 --out face.png");
    assert_eq!(scene.picture("face.png").dimensions(), (32, 32));
    scene.draws("sample --checkpoint net.model --resolution 32 --seeds 1 --out direct.png");
    assert_eq!(scene.picture("direct.png"), scene.picture("face.png"));
    for command in
        ["sample --checkpoint net.model --seeds 1 --out a.png", "export --checkpoint net.model --out a.onnx"]
    {
        scene.refuses(
            command,
            2,
            "error: `net.model` does not say for which side its network was trained; its layers go up to 1024x1024\n\n\
             hint: `--resolution N` says it, such as 256\n",
        );
    }
    for command in [
        "convert net.safetensors again.safetensors",
        "sample --checkpoint net.safetensors --seeds 1 --out a.png",
        "export --checkpoint net.safetensors --out a.onnx",
    ] {
        scene.refuses(
            &format!("{command} --resolution 32"),
            2,
            "error: `--resolution` is for files of other programs, which do not say it\n",
        );
    }
}

#[test]
fn what_is_not_opened() {
    let scene = Scene::empty();
    std::fs::write(scene.path("evil.pkl"), b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.").unwrap();
    for command in [
        "convert evil.pkl out.safetensors",
        "inspect evil.pkl",
        "sample --checkpoint evil.pkl --seeds 1 --out face.png",
        "export --checkpoint evil.pkl --out model.onnx",
    ] {
        scene.refuses(
            command,
            1,
            "error: `evil.pkl` asks for `os.system`, which no checkpoint needs; nothing of it was run\n\n\
             hint: a file that asks for other classes may do harm where it is unpickled; get it from its authors\n",
        );
    }
    std::fs::write(
        scene.path("three.pkl"),
        b"\x80\x02ctorch_utils.persistence\n_reconstruct_persistent_obj\n.",
    )
    .unwrap();
    scene.refuses(
        "inspect three.pkl",
        1,
        "error: `three.pkl` is a pickle of StyleGAN2-ADA or StyleGAN3 (PyTorch), not of StyleGAN (v1)\n\n\
         hint: StyleGAN networks of the original, rosinality, genforce, lernapparat and huangzh13 can be converted\n",
    );
}

#[test]
fn networks_of_other_ports_draw_as_they_are() {
    for (sample, name, side) in [
        ("lernapparat_res16.pt", "karras.for_g_all.pt", 16),
        ("huangzh13_res128_labels.pth", "GAN_GEN_SHADOW_3_10.pth", 32),
    ] {
        let scene = with(sample, name);
        let class = if side == 32 { " --class 1" } else { "" };
        scene.draws(&format!("convert {name} net.safetensors"));
        for network in [name, "net.safetensors"] {
            scene.run(&format!("sample --checkpoint {network} --seeds 3{class} --out {network}.png"));
        }
        assert_eq!(scene.picture(&format!("{name}.png")), scene.picture("net.safetensors.png"));
        assert_eq!(scene.picture("net.safetensors.png").width(), side);
    }
}

#[test]
fn what_is_no_network_of_ours_is_named() {
    for (sample, words) in [
        (
            "mmgeneration_names.pth",
            "is of mmgeneration's StyleGAN (v1), which has an extra activation in the layers that up-sample, before their \
             blur: not supported\n\nhint: its weights would draw other pictures here than where they come from\n",
        ),
        (
            "siskonemilia_names.pth",
            "is of SiskonEmilia's StyleGAN (v1), which has its activations after the styles, and bilinear up-sampling \
             before the convolutions: not supported\n\nhint: its weights would draw other pictures here than where they \
             come from\n",
        ),
    ] {
        let scene = with(sample, "net.pth");
        for command in
            ["convert net.pth out.safetensors", "sample --checkpoint net.pth --seeds 1 --out a.png"]
        {
            scene.refuses(command, 1, &format!("error: `net.pth` {words}"));
        }
    }
}

#[test]
fn what_is_no_checkpoint_is_called_what_it_is() {
    let scene = Scene::empty();
    let again = "the download failed: fetch it again, and look at its size";
    for (name, bytes, words, hint) in [
        (
            "page.pkl",
            &b"<!DOCTYPE html><html><title>Quota exceeded"[..],
            "a web page, not a checkpoint",
            again,
        ),
        ("empty.pkl", b"", "empty", again),
        (
            "my net.pkl.gz",
            b"\x1f\x8b\x08\x08\xac\x11\x08k\x02\xffnet.pkl",
            "packed by gzip, not a checkpoint",
            "`gunzip -k 'my net.pkl.gz'` unpacks it",
        ),
        (
            "w.npy",
            b"\x93NUMPY\x01\0v\0{'descr': '<f4'",
            "a NumPy file, not a checkpoint",
            "`stylegan sample --latents` draws from latents of NumPy",
        ),
        (
            "pointer.pkl",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "a Git LFS pointer, not a checkpoint",
            "`git lfs pull` fetches the file itself",
        ),
        ("net.h5", b"\x89HDF\r\n\x1a\n\0\0\0\0", "an HDF5 file, not a checkpoint", CHECKPOINTS),
        (
            "none.zip",
            b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            "a zip archive, not a checkpoint",
            CHECKPOINTS,
        ),
    ] {
        std::fs::write(scene.path(name), bytes).unwrap();
        for command in ["inspect", "sample --seeds 1 --out a.png --checkpoint"] {
            let words = format!("error: `{name}` is {words}\n\nhint: {hint}\n");
            scene.refuses(&format!("{command} '{name}'"), 1, &words);
        }
    }
}

const CHECKPOINTS: &str = "checkpoints are written by `stylegan train` as `network-snapshot-*.safetensors`";

const SHAPE: &str = "--set generator.resolution=16 --set generator.z_dim=6 --set generator.w_dim=6 \
                     --set generator.mapping_fmaps=6 --set generator.fmap_base=24 --set generator.fmap_max=6";
const SHORT: &str = "--set schedule.initial_resolution=8 --set schedule.steady_kimg=0.1 --set schedule.fade_kimg=0.1 \
                     --set schedule.batch=8 --set run.tick_kimg=0.016 --kimg 0.24";

#[test]
fn training_goes_on_from_an_official_snapshot() {
    let scene = with("tf_res16_proto4.pkl", "net.pkl");
    scene.photos("photos", 12, (16, 16));
    scene.draws("convert net.pkl net.safetensors");
    let ran = scene.run(&format!("train --data photos {SHAPE} {SHORT} --resume net.pkl"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for words in [
        "`net.pkl` has no training state: its networks go on, the optimizers start afresh",
        "`net.pkl` does not tell how long it was trained: it goes on at 0.2 kimg, where the schedule comes to its \
         level of detail, 0",
    ] {
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    let run = scene.names("runs").into_iter().find(|name| name.starts_with("00000-")).unwrap();
    let before = Checkpoint::open(scene.path("net.safetensors")).unwrap();
    let after = Checkpoint::open(scene.path(&format!("runs/{run}"))).unwrap();
    assert_eq!((after.meta().progress.nimg, after.meta().progress.lod), (240, 0.0));
    for network in Network::ALL {
        // Five steps of Adam move no weight far, and leave none where it was.
        let (before, after) = (before.tensors(network).unwrap(), after.tensors(network).unwrap());
        let name = if network == Network::D { "block_16.conv0.weight" } else { "synthesis.layer5.weight" };
        let moved = (&before[name] - &after[name]).unwrap().abs().unwrap().max_all().unwrap();
        let moved = moved.to_scalar::<f32>().unwrap();
        assert!(moved > 0.0 && moved < 0.1, "{network} {moved}");
    }

    // The converted file goes on in the same way.
    scene.run(&format!("train --data photos {SHAPE} {SHORT} --resume net.safetensors --out converted"));
    let converted = scene.names("converted").into_iter().find(|name| name.starts_with("00000-")).unwrap();
    let snapshot = "network-snapshot-000000.240.safetensors";
    assert_eq!(
        scene.bytes(&format!("converted/{converted}/{snapshot}")),
        scene.bytes(&format!("runs/{run}/{snapshot}"))
    );

    let ran = scene.run(&format!(
        "train --data photos --set generator.resolution=16 {SHORT} --resume net.safetensors --out other"
    ));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("`generator.z_dim` is 256, but was 6"), "{}", ran.stderr);
}

#[test]
fn no_training_goes_on_from_an_averaged_generator_alone() {
    let scene = with("rosinality_g_running_only_legacy.model", "net.model");
    scene.photos("photos", 12, (16, 16));
    let shape = "--set generator.resolution=16 --set generator.z_dim=5 --set generator.w_dim=5";
    let ran = scene.run(&format!("train --data photos {shape} {SHORT} --resume net.model --allow-changes"));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("`net.model` has no `d`: it was written for sampling alone"),
        "{}",
        ran.stderr
    );
}
