"""Builds the static page that captions sounds in the browser.

    npm ci --prefix examples/web
    aac-export-tflite --run everyday --seconds 10 --run-search --output build/everyday.tflite
    python examples/web/build_page.py --model build/everyday.tflite --output build/web
    python -m http.server --bind 127.0.0.1 --directory build/web

The folder has the page, the model and the LiteRT.js runtime from `node_modules`, and any web server can serve it. The
two large files are stored compressed with gzip, and the page decompresses them.
"""

import argparse
import gzip
import json
import pathlib
import shutil
import sys
import zipfile

SOURCE = pathlib.Path(__file__).resolve().parent
PAGE = ["index.html", "style.css", *sorted(path.name for path in SOURCE.glob("*.js"))]
# With the relaxed SIMD of WebAssembly, and for browsers without it. Both run on one thread: threads would need a server
# that sends cross-origin isolation headers.
RUNTIMES = ["litert_wasm_internal", "litert_wasm_compat_internal"]


class BuildError(Exception):
    """The page cannot be built."""


def read_model(path):
    """Reads the description and the vocabulary of an exported model.

    Args:
        path: `pathlib.Path` of a model of `aac-export-tflite --seconds`.

    Returns:
        dict, its `model.json` with `words`, the vocabulary as a list.

    Raises:
        BuildError: if it is not such a model.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("model.json"))
            words = archive.read("vocabulary.txt").decode().splitlines()
    except FileNotFoundError:
        raise BuildError(f"{path} does not exist: export it with aac-export-tflite --seconds 10") from None
    except (OSError, KeyError, zipfile.BadZipFile):
        raise BuildError(f"{path} is not a model of aac-export-tflite") from None
    if "seconds" not in about:
        raise BuildError(f"{path} takes waveforms of any length, which LiteRT.js cannot: export it with --seconds 10")
    return {**about, "words": words}


def build(model, output, modules):
    """Writes the page.

    Args:
        model: `pathlib.Path` of the exported model.
        output: `pathlib.Path` of the folder; files of earlier builds are replaced.
        modules: `pathlib.Path` of `node_modules`.

    Returns:
        dict of the downloads of a visitor, {path in the folder: bytes}.

    Raises:
        BuildError: if the model or the runtime cannot be used.
    """
    about, core, utils = read_model(model), modules / "@litertjs" / "core", modules / "@litertjs" / "wasm-utils"
    if not core.is_dir():
        raise BuildError(f"{core} does not exist: run npm ci --prefix {SOURCE}")
    for folder in ("runtime", "model"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    for name in PAGE:
        shutil.copyfile(SOURCE / name, output / name)
    # Workers resolve no package names.
    library = (core / "dist" / "index.js").read_text().replace('"@litertjs/wasm-utils"', '"./wasm-utils.js"')
    (output / "runtime" / "litert.js").write_text(library)
    shutil.copyfile(utils / "dist" / "index.js", output / "runtime" / "wasm-utils.js")
    for name in RUNTIMES:
        shutil.copyfile(core / "wasm" / f"{name}.js", output / "runtime" / f"{name}.js")
        compress(core / "wasm" / f"{name}.wasm", output / "runtime" / f"{name}.wasm.gz")
    compress(model, output / "model" / "captioner.tflite.gz")
    (output / "model" / "model.json").write_text(json.dumps(about))
    unused = RUNTIMES[1]
    files = [path for path in output.rglob("*") if path.is_file() and not path.name.startswith(unused)]
    return {path.relative_to(output).as_posix(): path.stat().st_size for path in sorted(files)}


def compress(source, target):
    """Writes a file compressed with gzip; equal content gives equal bytes."""
    target.write_bytes(gzip.compress(source.read_bytes(), mtime=0))


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", required=True, type=pathlib.Path, metavar="FILE", help="model of aac-export-tflite --seconds"
    )
    parser.add_argument("--output", required=True, type=pathlib.Path, metavar="DIR", help="folder of the page")
    parser.add_argument(
        "--modules",
        type=pathlib.Path,
        default=SOURCE / "node_modules",
        metavar="DIR",
        help="folder in which npm installed @litertjs/core (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    try:
        files = build(options.model, options.output, options.modules)
    except (BuildError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.output}: a visitor downloads {sum(files.values()) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
