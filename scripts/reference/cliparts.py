"""Picks the cliparts of Debian's openclipart-png, public domain, that fill their frame: what the decoder of demo/ saw.

  apt-get download openclipart-png && dpkg-deb -x openclipart-png_*.deb cliparts
  python cliparts.py cliparts OUT [--held-out OUT2]

Squares of 160 pixels, nearly opaque, not mostly paper, in which something happens. With --held-out, every tenth goes
there.
"""

import argparse
import pathlib

import numpy
from PIL import Image

SIDE = 160


def picked(path):
    """The clipart on white, or none."""
    try:
        image = Image.open(path)
        width, height = image.size
        if min(width, height) < 100 or width * height > 4e6:
            return None
        image = image.convert("RGBA")
    except (OSError, ValueError):
        return None
    image.thumbnail((400, 400), Image.LANCZOS)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.LANCZOS)
    pixels = numpy.asarray(image).astype(float)
    rgb = pixels[..., :3]
    is_opaque = (pixels[..., 3] > 250).mean() >= 0.9
    is_paper = (rgb.min(-1) > 245).mean() > 0.25
    if not is_opaque or is_paper or rgb.std() < 25 or numpy.abs(numpy.diff(rgb, axis=1)).mean() < 4:
        return None
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.split()[3])
    return white


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("cliparts", type=pathlib.Path)
    ap.add_argument("out", type=pathlib.Path)
    ap.add_argument("--held-out", type=pathlib.Path)
    a = ap.parse_args()
    for folder in filter(None, (a.out, a.held_out)):
        folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for path in sorted(a.cliparts.rglob("*.png")):
        if image := picked(path):
            folder = a.held_out if a.held_out and count % 10 == 5 else a.out
            image.save(folder / f"{count:04}-{path.stem[:40]}.png")
            count += 1
    print(f"picked {count}")


if __name__ == "__main__":
    main()
