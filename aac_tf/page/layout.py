"""The layout of the page with gradio, and the functions that its controls call."""

import importlib.resources
import pathlib
import re
from typing import Any, Dict

import gradio as gr

from aac_tf.audio import AudioError
from aac_tf.page.recording import remove_playback
from aac_tf.page.timeline import FORMATS, write_rows
from aac_tf.page.view import describe
from aac_tf.runs import Run
from aac_tf.runs.card import trained_on
from aac_tf.runs.fetch import open_run

AT_ONCE = 2  # sounds that are captioned at the same time; others wait
KEPT_SECONDS = 3600  # how long uploads and the files to play stay on the disk
_INPUT_HEIGHT = 150
_PROGRESS = gr.Progress()  # as a default, which gradio replaces by that of the request
_SCRIPTS = ("tracks.js", "player.js", "timeline.js", "viewer.js")
STYLE = """
.aac-viewer { min-height: 110px; } /* room for the progress of the first sound */
.aac-viewer .html-container { padding: 0; }
.gradio-container { max-width: 1100px !important; margin: 0 auto !important; }
footer { display: none !important; }
"""


def build_page(captioner, name, run, examples, folder, max_seconds, max_bytes):
    """Lays out the page.

    Args:
        captioner: `Captioner`.
        name: str, the name of its run.
        run: path of its run folder.
        examples: `{name: path}` of sounds to try.
        folder: path of a folder for the files that browsers play.
        max_seconds: float, longest sound that is accepted.
        max_bytes: int, largest file that `serve` accepts.

    Returns:
        `gradio.Blocks`.
    """

    def answer(path, name, report):
        remove_playback(folder, KEPT_SECONDS)
        try:
            view = describe(captioner, path, name, folder, max_seconds, report)
        except AudioError as error:
            return {"error": f"{name}: {error.reason}"}
        return {**view, "audio": f"gradio_api/file={view['audio']}", "formats": list(FORMATS)}

    # Both empty their input, for the next sound.
    def answer_upload(path, progress=_PROGRESS):
        return None, answer(path, pathlib.Path(path).name, progress)

    def answer_recording(path, progress=_PROGRESS):
        return None, answer(path, "Recording", progress)

    def example(title, path):
        def answer_example(progress=_PROGRESS):
            return answer(path, title, progress)

        return answer_example

    with gr.Blocks(
        title="Audio captioning with aac_tf", analytics_enabled=False, delete_cache=(KEPT_SECONDS, KEPT_SECONDS)
    ) as page:
        gr.Markdown(
            f"# Describe a sound\nThe model `{name}` describes a sound in a sentence. It was {trained_on(run)}."
        )
        with gr.Row(equal_height=True):
            # Not `gr.Audio`, which refuses the formats that the browser does not know.
            file = gr.File(label=f"Sound file{limits(max_seconds, max_bytes)}", height=_INPUT_HEIGHT, scale=3)
            recorder = gr.Audio(
                sources=["microphone"], type="filepath", label="Microphone", editable=False, scale=2, min_width=240
            )
        with gr.Row():
            buttons = {gr.Button(title, size="sm", min_width=100): (title, path) for title, path in examples.items()}
        viewer = gr.HTML(
            html_template=_read("viewer.html"),
            css_template=_read("viewer.css"),
            js_on_load="\n".join(map(_read, _SCRIPTS)),
            apply_default_css=False,
            server_functions=[write_timeline],
            elem_classes="aac-viewer",
        )
        with gr.Accordion(f"About the model {name}", open=False):
            gr.Markdown(model_card(run))
        options: Dict[str, Any] = {
            "concurrency_limit": AT_ONCE,
            "concurrency_id": "captions",
            "api_visibility": "private",
            "show_progress_on": viewer,
        }
        file.upload(answer_upload, file, [file, viewer], **options)
        recorder.stop_recording(answer_recording, recorder, [recorder, viewer], **options)
        for button, (title, path) in buttons.items():
            button.click(example(title, path), None, viewer, **options)
    return page


def limits(max_seconds, max_bytes):
    """Says how long and how large a sound may be.

    Example:
        >>> from aac_tf.page.layout import limits
        >>> limits(3600, 500_000_000)
        ', up to 60 min and 500 MB'
    """
    length = f"{max_seconds / 60:.4g} min" if max_seconds >= 60 else f"{max_seconds:g} s"
    return f", up to {length} and {max_bytes / 1e6:.4g} MB"


def write_timeline(request):
    """Writes the timeline in a format, with what the user changed; the page's script calls it.

    Args:
        request: dict with `rows`, `format` and `name`, the name of the sound.

    Returns:
        dict with `name` of the file and its `text`, or with an `error`.
    """
    try:
        name, text = write_rows(request["rows"], request["format"], request["name"])
    except ValueError as error:
        return {"error": str(error)}
    return {"name": name, "text": text}


def model_card(run):
    """The card of a run in Markdown, without the metadata before its text."""
    readme = open_run(run).folder / Run.CARD
    if not readme.is_file():
        return f"This run was {trained_on(run)}. It was not published, so it has no card."
    return re.sub(r"\A---\n.*?\n---\n", "", readme.read_text(encoding="utf-8"), flags=re.DOTALL)


def _read(name):
    return importlib.resources.files("aac_tf.page").joinpath("viewer", name).read_text(encoding="utf-8")
