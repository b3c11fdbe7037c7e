"""A job as an Apache Beam pipeline: shards are spread over workers, and their counts added up."""

import collections
import json

import apache_beam as beam
import tensorflow as tf
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions, StreamingOptions, WorkerOptions
from apache_beam.utils.shared import Shared

from aac_tf.many.job import write_whole
from aac_tf.many.model import SavedCaptioner
from aac_tf.many.shards import caption_shard

NAMESPACE = "aac_tf"
COUNTERS = ("captioned", "failed", "milliseconds")


class CaptionShards(beam.DoFn):
    """Captions shards; a process loads the model once, whatever the number of its threads.

    Args:
        job: `Job`.
        model: path of the SavedModel's version.
        settings: `Settings`.

    Takes (shard, begin, end), as from `Job.slices`, and yields the shard's counts, a dict. Counters of the same names
    say what was done in this run: `captioned`, `failed`, `milliseconds` of sound.
    """

    def __init__(self, job, model, settings):
        self._job = job
        self._model = model
        self._settings = settings
        self._shared = Shared()

    def process(self, element):
        """Captions a shard."""
        shard, begin, end = element
        counts, done = caption_shard(self._job, shard, self._job.paths(begin, end), self._captioner, self._settings)
        Metrics.counter(NAMESPACE, "captioned").inc(done["captioned"])
        Metrics.counter(NAMESPACE, "failed").inc(done["failed"])
        # Beam's counters are whole numbers.
        Metrics.counter(NAMESPACE, "milliseconds").inc(round(1000 * done["seconds"]))
        yield dict(counts)

    def _captioner(self):
        # Held here, as `Shared` itself keeps no object alive.
        self._held = self._shared.acquire(lambda: SavedCaptioner(self._model))
        return self._held


class WriteSummary(beam.DoFn):
    """Writes a job's counts, the last of its files."""

    def __init__(self, job):
        self._job = job

    def process(self, counts):
        """Writes them."""
        summary = {"files": self._job.files, "shards": self._job.shards, **counts}
        summary["seconds"] = round(summary["seconds"], 3)
        write_whole(self._job.summary(), (json.dumps(summary) + "\n").encode())


def build_pipeline(pipeline, job, model, settings):
    """Adds a job to a Beam pipeline.

    Args:
        pipeline: `beam.Pipeline`.
        job: `Job`.
        model: path of the SavedModel's version, which all workers can read.
        settings: `Settings`.
    """
    (
        pipeline
        | "Shards" >> beam.Create(job.slices())
        | "Spread" >> beam.Reshuffle()
        | "Caption" >> beam.ParDo(CaptionShards(job, model, settings))
        | "Add up" >> beam.CombineGlobally(_add_up)
        | "Summarize" >> beam.ParDo(WriteSummary(job))
    )


def run_job(job, model, settings, flags=()):
    """Runs a job to its end; every shard that is there and whole is left as it is.

    Args:
        job: `Job`, from `open_job`.
        model: path of the SavedModel's version.
        settings: `Settings`.
        flags: list of str, Beam's own options, such as `--runner=DataflowRunner`.

    Returns:
        (summary, counters): the job's `files`, `shards`, `captioned`, `failed` and `seconds`; and what the runner
        counted in this run, a dict of `captioned`, `failed`, `milliseconds`.

    Raises:
        RuntimeError: if the runner ended without doing all of it.
    """
    if tf.io.gfile.exists(job.summary()):
        tf.io.gfile.remove(job.summary())
    pipeline = beam.Pipeline(options=beam_options(flags))
    build_pipeline(pipeline, job, model, settings)
    result = pipeline.run()
    state = result.wait_until_finish()
    if not tf.io.gfile.exists(job.summary()):
        raise RuntimeError(f"the runner ended ({state}) before all shards were done: start the same command again")
    if tf.io.gfile.exists(job.unfinished()):
        tf.io.gfile.rmtree(job.unfinished())  # of workers that were killed
    with tf.io.gfile.GFile(job.summary()) as file:
        return json.loads(file.read()), {name: count(result, name) for name in COUNTERS}


def beam_options(flags):
    """Beam's options from a command line, with defaults for this machine."""
    options = PipelineOptions(list(flags))
    if options.view_as(StandardOptions).runner in (None, "DirectRunner"):
        # Unless this is set, DirectRunner downloads another runner, Prism, and starts it.
        options.view_as(StreamingOptions).update_compatibility_version = beam.__version__
    if options.view_as(WorkerOptions).default_sdk_harness_log_level is None:
        options.view_as(WorkerOptions).default_sdk_harness_log_level = "ERROR"
    return options


def _add_up(counts):
    total = collections.Counter(captioned=0, failed=0, seconds=0.0)
    for count in counts:
        total.update(count)
    return dict(total)


def count(result, name):
    """What a finished pipeline counted under a name; 0 where it counted nothing."""
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE).with_name(name))["counters"]
    return sum(counter.result for counter in found)
