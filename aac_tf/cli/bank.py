"""`aac-bank`: finds sounds in unlabelled recordings and writes a bank of them."""

from aac_tf.cli.checks import check_new_output_folder
from aac_tf.cli.console import FAILED, PARTLY, make_parser, print_json, run_command, start_tensorflow
from aac_tf.cli.flags import add_json_flag
from aac_tf.labelling import stretches
from aac_tf.labelling.recordings import find_recordings
from aac_tf.utils.counting import counted

_LIMITS = {
    "threshold": ("SCORE", stretches.THRESHOLD, "minimum score of the sound, from 0 to 1"),
    "margin": ("SCORE", stretches.MARGIN, "minimum distance to the score of the next sound"),
    "min_seconds": ("S", stretches.MIN_SECONDS, "shorter stretches are left out"),
    "max_seconds": ("S", stretches.MAX_SECONDS, "longer stretches are divided into equal parts"),
}


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("aac-bank",),
        "Find the stretches of recordings in which YAMNet hears a single sound, and write them, labelled, to a folder "
        "that scenes.bank takes. The environment variable AAC_TF_YAMNET names a copy of YAMNet's weights.",
        "aac-bank recordings --output my-bank --licence CC0\naac-train ... scenes.bank=ESC-50,my-bank",
        partly=True,
    )
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="folder of recordings; subfolders are included")
    parser.add_argument("--output", required=True, metavar="BANK", help="folder to write; it must not exist yet")
    parser.add_argument(
        "--derive",
        action="store_true",
        help="the folders are labelled banks: derive sounds that they lack from those that they have, as a bank to use "
        "beside them",
    )
    parser.add_argument(
        "--stand-ins",
        action="store_true",
        help="with --derive: for sounds with no or few recordings, such as singing, also write recordings that stand "
        "in for them in scenes; training then draws YAMNet embeddings of the sound in their place",
    )
    parser.add_argument(
        "--licences",
        "--licenses",
        metavar="NAMES",
        help="with --derive: use only clips with these licences, as scenes.licences does: free (CC0, CC BY, MIT, "
        "public domain), CC BY-SA, ...; LICENCE=FOLDER names the licence of a folder whose CSV file has none",
    )
    for name, (metavar, default, about) in _LIMITS.items():
        flag, about = f"--{name.replace('_', '-')}", f"{about} (default: {default:g})"
        parser.add_argument(flag, type=float, metavar=metavar, default=default, help=about)
    parser.add_argument(
        "--source", metavar="NAME", help="name of the collection, for the table (default: that of the folder)"
    )
    parser.add_argument(
        "--licence", "--license", default="", metavar="NAME", help="licence of the recordings, for the table"
    )
    add_json_flag(parser, "print the counts as a JSON object")
    return run_command(_grow, parser, arguments)


def _grow(options, console):
    if options.derive:
        return _derive(options, console)
    if options.stand_ins:
        raise ValueError("--stand-ins needs --derive, as they are recordings of a labelled bank")
    if options.licences is not None:
        raise ValueError("--licences needs --derive; the licence of unlabelled recordings is given by --licence NAME")
    limits = {name: getattr(options, name) for name in _LIMITS}
    stretches.check_limits(**limits)
    recordings = find_recordings(options.folders)
    check_new_output_folder(options.output)
    start_tensorflow(options)
    from aac_tf.embeddings import YamnetEmbedder
    from aac_tf.labelling.grow import grow_bank

    growth = grow_bank(
        recordings,
        options.output,
        YamnetEmbedder(),
        options.source,
        options.licence,
        console.progress("recordings"),
        console.show,
        **limits,
    )
    return _report(growth, len(recordings), options, console)


def _derive(options, console):
    if options.licence or options.source:
        raise ValueError(
            "with --derive, what is derived has the source and the licence of its recording: remove --source and "
            "--licence; LICENCE=FOLDER, such as CC-BY=my-sounds, names the licence of a folder whose CSV file has none"
        )
    changed = [name.replace("_", "-") for name, (_, default, _) in _LIMITS.items() if getattr(options, name) != default]
    if changed:
        raise ValueError(f"--{changed[0]} is for unlabelled recordings: with --derive, each rule has limits of its own")
    from aac_tf.scenes.banks.labels import read_labels
    from aac_tf.scenes.files import bank_folders
    from aac_tf.scenes.licences import LicenceFilter, licence_names

    given, folders = zip(*bank_folders(options.folders))
    table, recordings = read_labels(folders)
    count, licences = len(recordings), None
    if options.licences is not None:
        licences = LicenceFilter(licence_names(options.licences), given)
        kept = licences.select(recordings, table, folders)
        console.show(kept.describe())
        count = kept.clips[0]
    check_new_output_folder(options.output)
    start_tensorflow(options)
    from aac_tf.embeddings import YamnetEmbedder
    from aac_tf.labelling.derive import derive_bank

    encoder = YamnetEmbedder()
    report = console.progress("recordings"), console.show
    growth = derive_bank(folders, options.output, encoder, *report, licences=licences, stand_ins=options.stand_ins)
    return _report(growth, count, options, console)


def _report(growth, recordings, options, console):
    pieces, used = sum(growth.pieces.values()), recordings - len(growth.skipped)
    if options.json:
        categories = {
            category: {
                "pieces": count,
                "recordings": growth.recordings[category],
                "seconds": growth.seconds[category],
            }
            for category, count in growth.pieces.most_common()
        }
        counts = {"recordings": used, "skipped": growth.skipped, "pieces": pieces, "categories": categories}
        print_json({"bank": options.output, **counts})
    else:
        for category, count in growth.pieces.most_common():
            found = f"{counted(count, 'piece')} from {counted(growth.recordings[category], 'recording')}"
            print(f"{category}\t{found}, {growth.seconds[category]:.0f} s")
    found = f"{counted(pieces, 'piece')} of {counted(len(growth.pieces), 'sound')}"
    console.show(f"{found} in {counted(used, 'recording')}, {len(growth.skipped)} skipped")
    if not pieces:
        more = "no sound dominates; a lower --threshold or --margin finds more"
        if options.derive:
            more = "YAMNet hears nothing that the banks lack in what the rules make of their recordings"
            more += "" if options.stand_ins else "; --stand-ins writes recordings that stand in for it"
        console.show(f"nothing was written: {more}")
    if growth.skipped or not pieces:
        return PARTLY if pieces else FAILED
    return None
