//! `stylegan config`

use stylegan_trainer::TrainConfig;

use crate::scene::Scene;

#[test]
fn a_configuration_is_printed_with_its_meaning_and_can_be_trained() {
    let scene = Scene::empty();
    let ran = scene.run("config --config ffhq-256 --set generator.fmap_max=99");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    for part in [
        "# The run folder and what is written there.\n[run]\n",
        "\n# Length of the whole training, in kimg.\ntotal_kimg = ",
        "\n# Most feature maps of any layer.\nfmap_max = 99\n",
        "\n# Most feature maps of any layer, if others than in the generator.\n# fmap_max = 99\n",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    std::fs::write(scene.path("own.toml"), &ran.stdout).unwrap();
    let expected = TrainConfig::load(Some("ffhq-256"), &["generator.fmap_max=99".to_owned()]).unwrap();
    assert_eq!(TrainConfig::load(scene.path("own.toml").to_str(), &[]).unwrap(), expected);
    // Without a name it is what `train` takes.
    let usual = scene.run("config").stdout;
    assert_eq!(toml_of(&usual), TrainConfig::load(Some("faces-64"), &[]).unwrap());
}

fn toml_of(text: &str) -> TrainConfig {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    TrainConfig::load(path.to_str(), &[]).unwrap()
}

#[test]
fn differences_are_printed_alone() {
    let scene = Scene::empty();
    let ran = scene.run("config --preset ffhq-1024-r1 --set run.keep_last=3 --diff");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.starts_with("# behind each value: that of the defaults\n\n[run]\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\nkeep_last = 3  # 2\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\n[loss]\nkind = \"logistic_r1\"  # \"wgan_gp\"\n"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("z_dim"), "{}", ran.stdout);
    let expected = TrainConfig::load(Some("ffhq-1024-r1"), &["run.keep_last=3".to_owned()]).unwrap();
    assert_eq!(toml_of(&ran.stdout), expected);

    let ran = scene.run("config --preset ffhq-256 --diff ffhq-128");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.contains("\n[generator]\nresolution = 256  # 128\n"), "{}", ran.stdout);
    let ran = scene.run("config --preset ffhq-256 --diff ffhq-256");
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "", "nothing differs from `ffhq-256`\n")
    );
    for options in ["--diff ffhq-12", "--preset ffhq-12"] {
        scene.refuses(&format!("config {options}"), 2, &scene.run("config --config ffhq-12").stderr);
    }
    scene.refuses(
        "config --set generator.resolutions=32",
        2,
        "error: `--set generator.resolutions=32`: unknown key `generator.resolutions`\n\n\
         hint: did you mean `generator.resolution`? `stylegan config` lists every key\n",
    );
}
