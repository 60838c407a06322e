from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from dltricks.engine.recipe import Seeds
from dltricks.engine.streams import Purpose, bits, generator, words

SEEDED = [Purpose[field.name.upper()] for field in fields(Seeds)]


def test_known_values_are_part_of_every_result() -> None:
    assert bits(1, Purpose.DROPOUT, 2, 3, 4).random_raw(4).tolist() == [
        0x1379815BA7B2CB95,
        0x14AE73762F37813A,
        0x1A1FEEFFBEB300D2,
        0xA4B7A9749FF46A5B,
    ]
    assert generator(Seeds.all(7), Purpose.ORDER, 1).permutation(8).tolist() == [4, 0, 6, 2, 1, 7, 5, 3]
    found = generator(Seeds.all(7), Purpose.INIT, place=2).standard_normal(2)
    assert found.tolist() == [-0.4287713734854122, 0.2910992637052024]


def test_purposes_keep_their_numbers() -> None:
    numbers = {"INIT": 0, "ORDER": 1, "DROPOUT": 2, "AUGMENT": 3, "SPLIT": 4, "SEARCH": 5, "DATA": 6}
    assert {purpose.name: purpose.value for purpose in Purpose} == numbers


def test_calls_leave_no_trace() -> None:
    first = generator(Seeds.all(3), Purpose.INIT).random(5)
    generator(Seeds.all(3), Purpose.ORDER).random(1000)
    assert (generator(Seeds.all(3), Purpose.INIT).random(5) == first).all()


def test_every_seed_purpose_epoch_and_place_has_a_stream_of_its_own() -> None:
    streams = [
        generator(Seeds.all(seed), purpose, epoch, place).random(4).tobytes()
        for seed in (0, 1)
        for purpose in SEEDED
        for epoch in (0, 1)
        for place in (0, 1)
    ]
    assert len(set(streams)) == len(streams)


def test_each_purpose_listens_to_its_own_seed_only() -> None:
    before = {purpose: generator(Seeds.all(0), purpose).random() for purpose in SEEDED}
    for field in fields(Seeds):
        seeds = replace(Seeds.all(0), **{field.name: 1})
        changed = [purpose for purpose in SEEDED if generator(seeds, purpose).random() != before[purpose]]
        assert changed == [Purpose[field.name.upper()]]


def test_words_are_one_row_for_each_seed_and_can_be_read_from_any_block() -> None:
    seeds = [Seeds.all(5), Seeds.all(6), Seeds(dropout=7), Seeds(dropout=5)]
    whole, rows = words(seeds, 2, 9, 0, 64)
    assert whole.dtype == np.uint64
    assert whole.shape == (3, 64)
    assert rows.tolist() == [0, 1, 2, 0]
    assert (words(seeds, 2, 9, 4, 48)[0] == whole[:, 16:]).all()
    for seed, row in zip(seeds, rows, strict=True):
        assert (words([seed], 2, 9, 0, 64)[0] == whole[row]).all()
    assert (words(seeds, 2, 10, 0, 64)[0] != whole).all()
    assert (words(seeds, 3, 9, 0, 64)[0] != whole).all()
