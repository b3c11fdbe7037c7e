"""`aac-demo`: a page on which a browser captions sounds."""

import importlib.util
import signal
import threading
import webbrowser

from aac_tf.cli.checks import check_runs
from aac_tf.cli.console import make_parser, print_json, run_command
from aac_tf.cli.flags import (
    add_json_flag,
    add_run_flag,
    add_search_flags,
    check_number,
    given_runs,
    search_overrides,
)
from aac_tf.cli.runs import load_captioner, open_runs


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("aac-demo",),
        "Open a page that captions sounds: drop a file or record one, and see the caption, what the model attended to, "
        "and the timeline. The page is served by this machine to itself, and nothing leaves it. Ctrl-C ends it.",
        "aac-demo\naac-demo --run runs/demo --beam 5 --port 8000",
    )
    add_run_flag(parser, default="everyday", several=True)
    add_search_flags(parser)
    parser.add_argument(
        "--examples",
        metavar="FOLDER",
        help="offer the first 12 sound files in FOLDER as examples (default: synthetic sounds)",
    )
    parser.add_argument(
        "--max-seconds",
        type=float,
        default=3600,
        metavar="S",
        help="longer sounds are refused (default: %(default)s)",
    )
    parser.add_argument(
        "--max-megabytes", type=float, default=500, metavar="MB", help="larger files are refused (default: %(default)s)"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines open the page (default: %(default)s)",
    )
    parser.add_argument(
        "--port", type=int, metavar="N", help="port to listen on (default: the first free one from 7860)"
    )
    parser.add_argument(
        "--share", action="store_true", help="also get a public address, through a server of gradio's makers"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the page in the browser")
    add_json_flag(parser, "print the page's addresses as a JSON object")
    return run_command(_demo, parser, arguments)


def _demo(options, console):
    check_number("--max-seconds", options.max_seconds, above=0)
    check_number("--max-megabytes", options.max_megabytes, above=0)
    check_number("--port", options.port, at_least=1, at_most=65535)
    from aac_tf.page.examples import find_examples
    from aac_tf.page.serve import find_port, private_folder

    overrides, (runs, rerank) = search_overrides(options), open_runs(options)
    check_runs(runs, overrides, rerank)
    examples = None if options.examples is None else find_examples(options.examples)
    port = find_port(options.host, options.port)
    if importlib.util.find_spec("gradio") is None:
        raise OSError('gradio is not installed: pip install "aac_tf[demo]"')
    console.show("starting; this takes some seconds")
    signal.signal(signal.SIGTERM, _terminate)
    with private_folder() as folder:
        _serve(options, console, runs, rerank, overrides, examples, port, folder)
    return None


def _serve(options, console, runs, rerank, overrides, examples, port, folder):
    captioner = load_captioner(options, runs, overrides, rerank)
    from aac_tf.page.examples import write_examples
    from aac_tf.page.layout import build_page
    from aac_tf.page.serve import serve
    from aac_tf.page.view import warm_up

    if options.beam is not None:
        captioner.search = captioner.search_for(options.beam)
    examples = examples or write_examples(folder)
    warm_up(captioner)
    name, max_bytes = " and ".join(given_runs(options)), int(options.max_megabytes * 1e6)
    page = build_page(captioner, name, runs[0], examples, folder, options.max_seconds, max_bytes)
    local, public = serve(page, folder, options.host, port, max_bytes, options.share)
    if options.json:
        print_json({"address": local, "public_address": public})
    else:
        print(public or local, flush=True)
    console.show("Ctrl-C ends it")
    if not options.no_browser:
        webbrowser.open(local)
    try:
        threading.Event().wait()
    except _Terminated:
        raise
    except KeyboardInterrupt:
        console.show("ended")
    finally:
        page.close(verbose=False)


class _Terminated(KeyboardInterrupt):
    """The command was ended by a signal, whose number `run_command` turns into the exit code."""

    def __init__(self, signum):
        super().__init__("terminated")
        self.signum = signum


def _terminate(signum, frame):
    """Ends the command as Ctrl-C does, so that its files are deleted."""
    raise _Terminated(signum)
