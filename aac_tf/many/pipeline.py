"""A captioning job as an Apache Beam pipeline, which distributes shards over workers and sums their counts."""

import collections
import json

import apache_beam as beam
import tensorflow as tf
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions, StreamingOptions, WorkerOptions
from apache_beam.utils.shared import Shared

from aac_tf.errors import AacError
from aac_tf.many.job import write_atomically
from aac_tf.many.model import SavedCaptioner
from aac_tf.many.shards import caption_shard

NAMESPACE = "aac_tf"
COUNTERS = ("captioned", "failed", "milliseconds")


class RunnerError(AacError, RuntimeError):
    """A Beam runner ended before the job was complete."""


class CaptionShards(beam.DoFn):
    """Captions shards; each process loads the model once for all its threads.

    Elements are (shard, begin, end), as from `Job.slices`; outputs are the counts of a shard, a dict. The counters
    `captioned`, `failed` and `milliseconds` (of sound) count what this run did.

    Args:
        job: `Job`.
        model: str, path of the SavedModel.
        settings: `Settings`.
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
        # Beam's counters are integers.
        Metrics.counter(NAMESPACE, "milliseconds").inc(round(1000 * done["seconds"]))
        yield dict(counts)

    def _captioner(self):
        # Stored, as `Shared` holds only a weak reference.
        self._loaded = self._shared.acquire(lambda: SavedCaptioner(self._model, self._settings.style))
        return self._loaded


class WriteSummary(beam.DoFn):
    """Writes the counts of a job, the last of its files."""

    def __init__(self, job):
        self._job = job

    def process(self, counts):
        """Writes the counts."""
        summary = {"files": self._job.files, "shards": self._job.shards, **counts}
        summary["seconds"] = round(summary["seconds"], 3)
        write_atomically(self._job.summary(), (json.dumps(summary) + "\n").encode())


def build_pipeline(pipeline, job, model, settings):
    """Adds a job to a Beam pipeline.

    Args:
        pipeline: `beam.Pipeline`.
        job: `Job`.
        model: str, path of the SavedModel, which all workers must be able to read.
        settings: `Settings`.
    """
    (
        pipeline
        | "Shards" >> beam.Create(job.slices())
        | "Spread" >> beam.Reshuffle()
        | "Caption" >> beam.ParDo(CaptionShards(job, model, settings))
        | "Add up" >> beam.CombineGlobally(_sum_counts)
        | "Summarize" >> beam.ParDo(WriteSummary(job))
    )


def run_job(job, model, settings, flags=()):
    """Runs a job until all shards are done; shards that are already complete are kept.

    Args:
        job: `Job`, from `open_job`.
        model: str, path of the SavedModel.
        settings: `Settings`.
        flags: list of str, options of Beam, such as `--runner=DataflowRunner`.

    Returns:
        (summary, counters): the `files`, `shards`, `captioned`, `failed` and `seconds` of the job, and the `captioned`,
        `failed` and `milliseconds` of this run, two dicts.

    Raises:
        RunnerError: if the runner ended before all shards were done.
    """
    if tf.io.gfile.exists(job.summary()):
        tf.io.gfile.remove(job.summary())
    pipeline = beam.Pipeline(options=beam_options(flags))
    build_pipeline(pipeline, job, model, settings)
    result, state = run_pipeline(pipeline)
    if not tf.io.gfile.exists(job.summary()):
        raise RunnerError(f"the runner ended ({state}) before all shards were done: run the same command again")
    if tf.io.gfile.exists(job.unfinished()):
        tf.io.gfile.rmtree(job.unfinished())  # left by killed workers
    with tf.io.gfile.GFile(job.summary()) as file:
        return json.loads(file.read()), {name: count(result, name) for name in COUNTERS}


def run_pipeline(pipeline):
    """Runs a pipeline to its end, and frees what its steps shared in this process.

    Args:
        pipeline: `beam.Pipeline`.

    Returns:
        (result, state): as of `pipeline.run()` and `wait_until_finish()`.
    """
    result = pipeline.run()
    try:
        return result, result.wait_until_finish()
    finally:
        # Beam keeps the last shared object. A model that is kept until Python exits prints tracebacks then, as its
        # functions no longer find TensorFlow's modules.
        Shared().acquire(_Nothing)


class _Nothing:
    """Takes the place of a shared object."""


def beam_options(flags):
    """Parses options of Beam, with our defaults.

    Args:
        flags: list of str, as on the command line.

    Returns:
        `PipelineOptions`.
    """
    options = PipelineOptions(list(flags))
    if options.view_as(StandardOptions).runner in (None, "DirectRunner"):
        # Otherwise DirectRunner downloads and starts another runner, Prism.
        options.view_as(StreamingOptions).update_compatibility_version = beam.__version__
    if options.view_as(WorkerOptions).default_sdk_harness_log_level is None:
        options.view_as(WorkerOptions).default_sdk_harness_log_level = "ERROR"
    return options


def _sum_counts(counts):
    total: collections.Counter = collections.Counter({"captioned": 0, "failed": 0, "seconds": 0.0})
    for count in counts:
        total.update(count)
    return dict(total)


def count(result, name):
    """Value of a counter of a finished pipeline; 0 if it was never incremented."""
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE).with_name(name))["counters"]
    return sum(counter.result for counter in found)
