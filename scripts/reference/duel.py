"""Measures what scripts/measure/duel trained: a table on standard output, `stylegan` and `PyTorch` to be plotted."""

import json
import pathlib
import subprocess
import sys

METRICS = ["--metrics", "swd,kid-small"]


def lines(path):
    return [json.loads(line) for line in open(path)]


def measured(stylegan, data, *fakes):
    output = subprocess.run(
        [stylegan, "metrics", *METRICS, "--reals", data, "--json", *fakes], check=True, capture_output=True
    )
    return json.loads(output.stdout)


def main():
    stylegan, data, out = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    run = out / "00000-ours"
    ours = lines(run / "stats.jsonl")
    theirs = lines(out / "torch" / "stats.jsonl")
    curves = {"stylegan": [], "PyTorch": []}
    for line in theirs:
        # The tick of ours that ends nearest to that time.
        nearest = min(ours, key=lambda tick: abs(tick["elapsed_sec"] - line["elapsed_sec"]))
        snapshot = run / f"network-snapshot-{round(nearest['kimg']):06}.safetensors"
        curves["stylegan"].append((nearest, measured(stylegan, data, "--checkpoint", snapshot, "--fakes", "1000")))
        fakes = out / "torch" / f"fakes-{line['tick']:04}"
        curves["PyTorch"].append((line, measured(stylegan, str(out / "reals"), "--fakes", str(fakes))))
    for name, curve in curves.items():
        (out / name).mkdir()
        with open(out / name / "stats.jsonl", "w") as stats:
            for tick, (line, numbers) in enumerate(curve, 1):
                keys = {key: line[key] for key in ("kimg", "elapsed_sec")}
                print(json.dumps(dict(tick=tick, **keys, **numbers)), file=stats)
    print("| seconds | kimg | swd | kid-small | PyTorch: kimg | swd | kid-small |\n|--:|--:|--:|--:|--:|--:|--:|")
    for (a, ours), (b, theirs) in zip(*curves.values()):
        cells = [f"{b['elapsed_sec']:.0f}"]
        for line, numbers in ((a, ours), (b, theirs)):
            cells += [f"{line['kimg']:.0f}", f"{numbers['swd']:.1f}", f"{numbers['kid-small']:.3f}"]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
