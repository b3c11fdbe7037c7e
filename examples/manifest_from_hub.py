"""Writes a dataset of the Hugging Face hub as CSV files and sounds that aac_tf trains on.

pip install datasets
python examples/manifest_from_hub.py USER/DATASET my-clips --audio audio --captions caption
aac-train --config clotho_yamnet data.source=manifest data.root=my-clips
"""

import argparse
import csv
import pathlib


def write_manifest(splits, folder, audio="audio", captions="caption"):
    """Writes a CSV file and a folder of sounds for each split.

    Args:
        splits: dict of split to rows, each a dict. The sound is a dict with the `bytes` of a sound file and its `path`.
        folder: path of the folder to write.
        audio: name of the column with the sounds.
        captions: name of the column with the caption, or with a list of captions.
    """
    for split, rows in splits.items():
        sounds = pathlib.Path(folder, split)
        sounds.mkdir(parents=True, exist_ok=True)
        with open(f"{sounds}.csv", "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["file_name", "caption"])
            for number, row in enumerate(rows):
                sound = row[audio]
                ending = pathlib.Path(sound["path"] or "").suffix or ".wav"
                path = sounds / f"{number:06}{ending}"
                path.write_bytes(sound["bytes"] or pathlib.Path(sound["path"]).read_bytes())
                texts = [row[captions]] if isinstance(row[captions], str) else row[captions]
                table.writerows([f"{split}/{path.name}", text] for text in texts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="USER/DATASET on the hub, or a local folder")
    parser.add_argument("folder", help="folder to write")
    parser.add_argument("--audio", default="audio", help="column of the sounds")
    parser.add_argument("--captions", default="caption", help="column of the captions")
    options = parser.parse_args()

    from datasets import Audio, load_dataset

    # The files as they are: decoding them here would need further libraries.
    published = load_dataset(options.dataset).cast_column(options.audio, Audio(decode=False))
    write_manifest(published, options.folder, options.audio, options.captions)
