"""What the module draws is what the program draws: run by scripts/check-wheel, which says where both are."""

import os
import subprocess
from pathlib import Path

import numpy
from PIL import Image
from stylegan_rs import Generator

ROOT = Path(__file__).resolve().parents[2]
NETWORK = ROOT / "demo" / "faces-64.safetensors"
PROGRAM = os.environ["STYLEGAN"]


def program(*words):
    subprocess.run([PROGRAM, *map(str, words)], check=True, capture_output=True)


def refused(call):
    try:
        call()
    except (ValueError, IndexError) as error:
        return str(error)
    raise AssertionError("it was not refused")


def test_pictures_are_the_programs(tmp_path):
    faces = Generator.open(NETWORK)
    assert faces.size == (64, 64) and faces.label_dim == 0
    pictures = faces.draw([3, 1000], psi=0.5, noise="none")
    assert pictures.dtype == numpy.uint8 and pictures.shape == (2, 64, 64, 3)
    program(
        "sample", "--checkpoint", NETWORK, "--seeds", "3,1000", "--truncation-psi", 0.5, "--noise-mode", "none",
        "--out", tmp_path,
    )  # fmt: skip
    for picture, seed in zip(pictures, [3, 1000]):
        drawn = numpy.asarray(Image.open(tmp_path / f"seed{seed:04}.png"))
        assert (picture == drawn).all()


def test_latents_are_the_programs(tmp_path):
    faces = Generator.open(str(NETWORK))
    for space in ["z", "w"]:
        path = tmp_path / f"{space}.npz"
        program(
            "sample", "--checkpoint", NETWORK, "--seeds", "5,6", "--save-latents", path, "--latent-space", space,
            "--out", tmp_path / f"{space}.png",
        )  # fmt: skip
        saved = numpy.load(path)[space]
        assert saved.dtype == numpy.float32
        assert (getattr(faces, space)([5, 6]) == saved).all()
    # As NVIDIA's projector names them, and as a file of one array.
    for name in ["all.npz", "all.npy"]:
        path = tmp_path / name
        program(
            "sample", "--checkpoint", NETWORK, "--seeds", "5,6", "--truncation-psi", 1, "--save-latents", path,
            "--out", tmp_path / f"{name}.png",
        )  # fmt: skip
        saved = numpy.load(path)
        saved = saved["w"] if name.endswith(".npz") else saved
        assert (saved == faces.w_plus([5, 6])).all()
    assert (faces.draw_w(saved) == faces.draw([5, 6], psi=1)).all()
    # And back: what numpy writes, the program draws.
    numpy.savez(tmp_path / "mine.npz", w=faces.w_plus([7]))
    program("sample", "--checkpoint", NETWORK, "--latents", tmp_path / "mine.npz", "--out", tmp_path / "mine.png")
    drawn = numpy.asarray(Image.open(tmp_path / "mine.png"))
    assert (drawn == faces.draw([7], psi=1)[0]).all()


def test_walks_and_mixes():
    faces = Generator.open(NETWORK)
    a, b = faces.w([1]), faces.w([2])
    walk = faces.draw_w(numpy.concatenate([a + t * (b - a) for t in (0, 0.5, 1)]), psi=0.7)
    assert (walk[0] == faces.draw([1])[0]).all() and (walk[2] == faces.draw([2])[0]).all()
    assert (walk[1] != walk[0]).any()
    mixed = faces.w_plus([1])
    mixed[:, :4] = faces.w_plus([2])[:, :4]
    assert (faces.draw_w(mixed) != faces.draw([1], psi=1)).any()
    assert numpy.abs(faces.w_avg - faces.w(range(500)).mean(0)).max() < 0.5


def test_what_is_refused():
    faces = Generator.open(NETWORK)
    assert "there is no checkpoint" in refused(lambda: Generator.open("missing"))
    assert "not 0" in refused(lambda: faces.draw([]))
    assert "psi is a finite number" in refused(lambda: faces.draw([1], psi=float("nan")))
    assert "noise is" in refused(lambda: faces.draw([1], noise="loud"))
    assert "has no labels" in refused(lambda: faces.draw([1], class_=3))
    assert "where the network takes" in refused(lambda: faces.draw_w(numpy.zeros((1, 3))))
    assert "w is [n, w_dim]" in refused(lambda: faces.draw_w(numpy.zeros(3)))
    assert "infinities" in refused(lambda: faces.draw_w(faces.w([1]) * numpy.nan))
