"""`aac-download`: downloads published datasets, and what parts of the package need."""

import difflib

from aac_tf.cli.checks import check_output_folder
from aac_tf.cli.console import make_parser, print_json, run_command
from aac_tf.cli.flags import add_json_flag
from aac_tf.errors import AacError
from aac_tf.utils.files import local_path


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("aac-download",),
        "Download a dataset into the folder that training reads, or the weights that captioning and scoring need into "
        "the cache folder. The licence is shown first. An interrupted download is resumed by the same command; files "
        "are checked against the published checksums.",
        "aac-download --list\n"
        "aac-download clotho --output data/clotho\n"
        "aac-download clotho --only '*captions*'\n"
        "aac-download esc50 --dry-run",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="what to download; --list shows the names")
    parser.add_argument("--output", metavar="FOLDER", help="folder of the dataset (default: its name)")
    parser.add_argument("--only", metavar="PATTERN", help="download only files with such names, such as '*.csv'")
    parser.add_argument(
        "--mirror",
        metavar="URL",
        action="append",
        default=[],
        help="address of a folder with files of the same names, to try before the publisher's; may be repeated",
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the archives, in FOLDER/.downloads, after they are unpacked"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be downloaded, without network")
    parser.add_argument("--list", action="store_true", help="list what can be downloaded")
    add_json_flag(parser, "print the result as a JSON object, or several with --list")
    return run_command(_download, parser, arguments)


def _download(options, console):
    from aac_tf.cli.tools import TOOLS
    from aac_tf.downloads import read_catalogue

    known = {**read_catalogue(), **TOOLS}
    if options.list:
        return _list(known, options)
    if options.name is None:
        raise ValueError(f"expected the NAME of what to download: {', '.join(known)}")
    if options.name not in known:
        close = difflib.get_close_matches(options.name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}"
        raise ValueError(f"unknown name {options.name}; {hint}")
    for mirror in options.mirror:
        if not mirror.startswith(("https://", "http://")):
            raise ValueError(f"--mirror {mirror}: expected an address https://... of a folder")
    run = _tool if options.name in TOOLS else _dataset
    result = run(options.name, known[options.name], options, console)
    if options.json:
        print_json(result)
    return None


def _list(known, options):
    for name, item in known.items():
        if options.json:
            facts = ("about", "licence", "homepage", "size", "use")
            print_json({"name": name, **{fact: getattr(item, fact) for fact in facts}})
        else:
            print(f"{name}\n  {_described(item)}\n  licence: {item.licence}")


def _described(item):
    return f"{item.about} ({item.size or 'size unknown'})"


def _introduce(item, console):
    console.show(_described(item))
    console.show(f"licence: {item.licence}; {item.homepage}")


def _dataset(name, published, options, console):
    from aac_tf.downloads import fetch, plan

    folder = local_path(options.output or name)
    check_output_folder(folder)
    steps = plan(published, folder, options.mirror, options.only)
    _introduce(published, console)
    if options.dry_run:
        files = [
            {
                "name": step.file.name,
                "addresses": list(step.addresses),
                "checksum": step.file.checksum,
                "target": str(step.target),
                "done": step.done,
            }
            for step in steps
        ]
        _show_plan(files, options)
        return {"name": name, "folder": str(folder), "files": files}
    fetch(published, folder, options.mirror, options.only, options.keep, console.show)
    use = published.use.format(folder=folder)
    if not options.json:
        print(f"{folder}: {use}")
    return {"name": name, "folder": str(folder), "use": use}


def _tool(name, tool, options, console):
    unused = {"--output": options.output, "--only": options.only, "--keep": options.keep}
    for flag, value in unused.items():
        if value:
            raise ValueError(f"{flag} is for datasets; {name} is kept in the cache folder: set AAC_TF_CACHE")
    _introduce(tool, console)
    if options.dry_run:
        from aac_tf.utils.download import on_mirror

        files = [
            {"addresses": [*(on_mirror(mirror, url) for mirror in options.mirror), url], "checksum": checksum}
            for url, checksum in tool.files.items()
        ]
        _show_plan(files, options)
        return {"name": name, "files": files}
    folder = str(_first_of(tool, options, console))
    if not options.json:
        print(f"{folder}: {tool.use}")
    return {"name": name, "folder": folder, "use": tool.use}


def _first_of(tool, options, console):
    """The folder of a tool, fetched from the first mirror that has it, otherwise from the publisher."""
    for mirror in options.mirror:
        try:
            return tool.fetch(mirror, options)
        except AacError as error:
            console.show(f"not from {mirror}: {error}")
    return tool.fetch(None, options)


def _show_plan(files, options):
    if options.json:
        return
    for file in files:
        print(" or ".join(file["addresses"]))
        checked = file["checksum"] or "no published checksum"
        print(f"  {checked}" + (f" -> {file['target']}" if "target" in file else ""))
        if file.get("done"):
            print("  already there")
