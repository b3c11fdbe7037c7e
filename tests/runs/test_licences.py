"""Licences of weights."""

import pytest

from aac_tf.config import load_config
from aac_tf.runs import RunError
from aac_tf.runs.card import read_card
from aac_tf.runs.fetch import open_run
from aac_tf.runs.licences import check_licence, frozen_licences, weight_licences


def started_from(*licences):
    card = {}
    for licence in reversed(licences):
        card = {"name": "first", "licence": licence, "initial": card or None}
    return {"initial": card}


@pytest.mark.parametrize(
    ("initial", "licence"),
    [
        ("cc-by-nc-4.0", "cc-by-nc-sa-4.0"),
        ("cc-by-nc-4.0", "CC BY-NC 4.0"),
        ("cc-by-nc-4.0", "other"),
        ("cc-by-4.0", "apache-2.0"),
        ("apache-2.0", "cc-by-4.0"),
        ("bsd-3-clause", "gpl-3.0"),
        ("gpl-3.0", "gpl-3.0"),
        (None, "mit"),
    ],
)
def test_licences_that_keep_the_conditions_are_accepted(initial, licence):
    check_licence(licence, started_from(initial))


@pytest.mark.parametrize(
    ("initial", "licence", "reason"),
    [
        (["cc-by-nc-4.0"], "cc-by-4.0", "It excludes commercial use, unlike cc-by-4.0: give --licence cc-by-nc-4.0"),
        (["cc-by-nc-sa-4.0"], "mit", "It excludes commercial use and asks for the same licence, unlike mit"),
        (["cc-by-nc-sa-4.0"], "cc-by-nc-4.0", "It asks for the same licence, unlike cc-by-nc-4.0"),
        (["gpl-3.0"], "apache-2.0", "It asks for the same licence, unlike apache-2.0"),
        (["cc-by-4.0", "cc-by-nc-4.0"], "cc-by-4.0", "It excludes commercial use"),
    ],
)
def test_licences_without_the_conditions_of_the_initial_weights_are_refused(initial, licence, reason):
    with pytest.raises(RunError, match=reason):
        check_licence(licence, started_from(*initial))


def test_the_frozen_network_has_a_licence_of_its_own():
    run = open_run("everyday-free")
    assert weight_licences(run, read_card(run)) == [("everyday-free", "cc-by-4.0"), ("yamnet", "apache-2.0")]
    assert "frozen yamnet, whose weights are not included (licence: apache-2.0)" in (run.folder / run.CARD).read_text()
    assert frozen_licences(load_config("clotho_ast")) == [("ast", "bsd-3-clause")]
    assert frozen_licences(load_config("clotho_ast", ["embedding.source=mine.h5"])) == [("ast", None)]
    assert frozen_licences(load_config("clotho_ast", ["embedding.source=random"])) == [("ast", None)]
    assert frozen_licences(load_config("demo")) == []
