import dataclasses

import pytest

from aac_tf.datasets import DatasetError
from aac_tf.scenes.banks import SyntheticBank
from aac_tf.scenes.scripts import ScriptError, read_script, read_scripts


def heard(caption):
    """(category, first step, last step) of each sound."""
    return [(sound.category, sound.first, sound.last) for sound in read_script(caption).sounds]


def at_once(caption):
    sounds = heard(caption)
    assert all((first, last) == (0, 0) for _, first, last in sounds)
    return [category for category, _, _ in sounds]


@pytest.mark.parametrize(
    ("caption", "sounds"),
    [
        ("A dog barks", ["dog bark"]),
        ("a dog is barking", ["dog bark"]),
        ("Barking of a dog", ["dog bark"]),
        ("A barking dog", ["dog bark"]),
        ("The sound of a dog barking can be heard outside.", ["dog bark"]),
        ("Puppies yelp", ["dog bark", "dog bark"]),
        ("Some barking", ["dog bark"]),
        ("A dog barks and growls", ["dog bark", "dog growling"]),
        ("An adult male speaks", ["man speaking"]),
        ("A man's voice is heard", ["man speaking"]),
        ("Male speech", ["man speaking"]),
        ("A woman is giving a speech", ["woman speaking"]),
        ("A man and a woman talk to each other", ["man speaking", "woman speaking"]),
        ("Two men are having a conversation", ["man speaking", "man speaking"]),
        ("Several people talk", ["person speaking", "person speaking"]),
        ("A man laughs and a woman coughs", ["man laughing", "coughing"]),
        ("Someone types on a computer keyboard", ["keyboard typing"]),
        ("A person opens a door", ["door opening"]),
        ("A door slams shut", ["door closing"]),
        ("A train blows its horn", ["train horn"]),
        ("A train passes and a horn blows", ["train", "train horn"]),
        ("A car passes and a horn blows", ["car passing", "car horn"]),
        ("A toilet is flushed", ["toilet flush"]),
        ("Water runs from a faucet into a sink", ["running water"]),
        ("Waves crash on the shore", ["waves"]),
        ("A crowd applauds and cheers", ["clapping", "cheering"]),
        ("An engine idles and is revved", ["engine", "engine revving"]),
        ("Rustling and tapping noises", ["rustling", "tapping"]),
        ("A vehicle drives on a road", ["vehicle"]),
        ("An animal bleats", ["bleating"]),
        ("Applause and clapping", ["clapping"]),
        ("Music plays in the rain", ["music", "rain"]),
        ("A man can be heard speaking", ["man speaking"]),
        ("Waves roll in", ["waves"]),
        ("A man speaks into a microphone while a crowd cheers", ["man speaking", "cheering"]),
        ("A man walks on a hard surface and a dog barks", ["footsteps", "dog bark"]),
        ("A cat hisses and screeches", ["cat hissing", "cat"]),
        ("A man sands wood", ["sanding"]),
        ("A door opens and closes", ["door"]),
    ],
)
def test_sounds(caption, sounds):
    assert at_once(caption) == sounds


@pytest.mark.parametrize(
    "caption",
    [
        "A dog barks then a bell rings",
        "A dog barks, and then a bell rings.",
        "A dog barking followed by a bell ringing",
        "A dog barks before a bell rings",
        "After a dog barks, a bell rings",
        "Before a bell rings, a dog barks",
    ],
)
def test_order(caption):
    assert sorted(heard(caption), key=lambda sound: sound[1]) == [("dog bark", 0, 0), ("bell", 1, 1)]


def test_the_order_may_be_told_backwards():
    assert heard("A bell rings after a dog barks") == [("bell", 1, 1), ("dog bark", 0, 0)]
    assert heard("A bell ringing preceded by a dog barking") == [("bell", 1, 1), ("dog bark", 0, 0)]
    assert heard("A cat meows, a bell rings after a dog barks, followed by a siren") == [
        ("cat", 1, 1),
        ("bell", 1, 1),
        ("dog bark", 0, 0),
        ("siren", 2, 2),
    ]


@pytest.mark.parametrize("link", ["while", "as", "with", "and", "over", "along with", "accompanied by"])
def test_at_once(link):
    assert at_once(f"A dog barking {link} a bell ringing") == ["dog bark", "bell"]


def test_steady_sounds_of_clauses_with_while_last_through_all_steps():
    through = [("dog bark", 0, 0), ("bell", 1, 1), ("rain", 0, 1)]
    assert heard("A dog barks and then a bell rings while rain falls") == through
    assert heard("While rain falls, a dog barks then a bell rings") == [through[2], *through[:2]]
    assert heard("Rain falls as a dog barks followed by a bell ringing") == [through[2], *through[:2]]
    assert heard("A dog barks then rain falls") == [("dog bark", 0, 0), ("rain", 1, 1)]
    assert heard("A dog barks then a bell rings with a cat meowing in the background")[2] == ("cat", 0, 1)
    assert heard("A dog barks then a bell rings as a cat meows")[2] == ("cat", 1, 1)


@pytest.mark.parametrize(
    ("caption", "fields"),
    [
        ("A dog barks in the background", {"background": True}),
        ("In the background a dog barks", {"background": True}),
        ("A dog barks in the distance", {"distant": True}),
        ("A distant dog barks", {"distant": True}),
        ("A dog barks loudly nearby", {"level": "loud"}),
        ("A dog loudly barks", {"level": "loud"}),
        ("Faint barking", {"level": "soft"}),
        ("A dog barks twice", {"times": 2}),
        ("A dog barks three times", {"times": 3}),
        ("A dog barks several times", {"times": 0}),
        ("A dog barks repeatedly", {"times": 0}),
        ("Two knocks", {"times": 2}),
        ("Several gunshots", {"times": 0}),
        ("A dog barks continuously", {"continuous": True}),
        ("A dog barks briefly", {"brief": True}),
        ("A train approaches", {"motion": "approaching"}),
        ("A car passes by", {"motion": "passing"}),
        ("A car drives away", {"motion": "receding"}),
        ("A siren fades into the distance", {"motion": "receding"}),
        ("A siren wails and then fades away", {"motion": "receding"}),
        ("A siren approaches, gets louder and fades away", {"motion": "passing"}),
        ("A dog is barking loudly in the distance several times", {"level": "loud", "distant": True, "times": 0}),
        ("Muffled barking", {"medium": "wall"}),
        ("A dog barks behind a closed door", {"medium": "wall"}),
        ("A man talks in the next room", {"medium": "wall"}),
        ("A man speaks over a loudspeaker", {"medium": "loudspeaker"}),
        ("A man is speaking on the radio", {"medium": "loudspeaker"}),
        ("A man speaks over the telephone", {"medium": "loudspeaker"}),
        ("A dog barks and echoes", {"echo": True}),
        ("A man speaks with a strong echo", {"echo": True}),
        ("Two echoing knocks", {"echo": True, "times": 2}),
        ("A bell rings and it echoes through the streets", {"echo": True}),
        ("A bell rings for a couple of seconds", {"brief": True}),
        ("A bell rings at a constant pace", {"continuous": True}),
        ("A bell rings in short bursts", {"times": 0}),
        ("An engine makes a loud noise", {"level": "loud"}),
    ],
)
def test_descriptions(caption, fields):
    (sound,) = read_script(caption).sounds
    defaults = {field.name: field.default for field in dataclasses.fields(sound)[1:]}
    assert dataclasses.asdict(sound) == {**defaults, **fields, "category": sound.category}


def test_descriptions_belong_to_their_own_sound():
    assert [sound.background for sound in read_script("A man speaks and a dog barks in the background").sounds] == [
        False,
        True,
    ]
    sounds = read_script("A man speaks with birds and music playing in the background").sounds
    assert [(sound.category, sound.background) for sound in sounds] == [
        ("man speaking", False),
        ("birdsong", True),
        ("music", True),
    ]
    assert [sound.level for sound in read_script("A loud bell rings as a cat softly meows").sounds] == ["loud", "soft"]
    assert [sound.times for sound in read_script("Rain and occasional thunder").sounds] == [None, 0]
    sounds = read_script("A machine makes a muffled noise as rain falls").sounds
    assert [(sound.category, sound.medium) for sound in sounds] == [("machine", "wall"), ("rain", "air")]


@pytest.mark.parametrize(
    ("caption", "sounds"),
    [
        ("A man speaks and his speech echoes", {"man speaking": True}),
        ("While a man speaks, his speech echoes, and rain falls", {"man speaking": True, "rain": False}),
        ("A woman laughs and her laughter echoes", {"woman laughing": True}),
        ("A dog barks and its bark echoes", {"dog bark": True}),
        ("A man and a woman speak and their voices echo", {"man speaking": True, "woman speaking": True}),
        ("A woman speaks and her dog barks", {"woman speaking": False, "dog bark": False}),
    ],
)
def test_his_speech_is_no_second_voice(caption, sounds):
    found = read_script(caption).sounds
    assert [(sound.category, sound.echo) for sound in found] == list(sounds.items())


@pytest.mark.parametrize(
    ("caption", "sounds"),
    [
        ("Rain hits the windows", ["rain"]),
        ("Heavy rain hitting a window and birds singing", ["rain", "birdsong"]),
        ("Rain falls and hits a metal roof", ["rain"]),
        ("Metal hits metal", ["metal clanging"]),
        ("Waves lap the ocean shore", ["waves"]),
        ("A window opens while rain falls", ["window", "rain"]),
        ("Cars drive by birds are chirping", ["car passing", "car passing", "birdsong"]),
    ],
)
def test_what_a_sound_strikes_is_no_sound(caption, sounds):
    assert at_once(caption) == sounds


@pytest.mark.parametrize(
    ("caption", "through"),
    [
        ("A man speaks and a woman speaks over a radio", ["woman speaking"]),
        ("A gunshot and a man speaking over a loudspeaker", ["man speaking"]),
        ("Wind blowing with horses trotting and a woman speaking from an intercom", ["woman speaking"]),
        ("Snoring with others laughing and a man's voice over a television", ["man speaking"]),
        ("A man and a woman speak over a radio", ["man speaking", "woman speaking"]),
    ],
)
def test_a_loudspeaker_belongs_to_the_sound_before_it_alone(caption, through):
    assert [sound.category for sound in read_script(caption).sounds if sound.medium == "loudspeaker"] == through


@pytest.mark.parametrize(
    ("caption", "sounds"),
    [
        ("A man speaks and a dog barks at the end", [("man speaking", 0, 0), ("dog bark", 1, 1)]),
        ("Rain falls with thunder near the end", [("rain", 0, 1), ("thunder", 1, 1)]),
        ("A dog barks then a bell rings towards the end", [("dog bark", 0, 0), ("bell", 1, 1)]),
        ("At first a dog barks and rain falls", [("dog bark", 0, 0), ("rain", 0, 1)]),
        ("A man is walking in the beginning and rain falls", [("footsteps", 0, 0), ("rain", 0, 1)]),
        (
            "Initially a dog barks and a cat meows, then a bell rings",
            [("dog bark", 0, 0), ("cat", 0, 0), ("bell", 1, 1)],
        ),
        (
            "While an engine runs in the beginning, a dog barks then a bell rings",
            [("engine", 0, 0), ("dog bark", 0, 0), ("bell", 1, 1)],
        ),
    ],
)
def test_what_is_at_first_or_at_the_end(caption, sounds):
    assert heard(caption) == sounds


@pytest.mark.parametrize(
    ("typical", "other"),
    [
        ("A siren wails in a high pitch", "A man speaks in a high pitch"),
        ("A high pitched siren wails while a dog barks", "A siren wails while a high pitched dog barks"),
        ("Deep thunder", "Deep birdsong"),
        ("A race car speeds by quickly", "A man walks quickly"),
        ("A large truck drives by", "A large frog croaks"),
        ("A child laughs happily", "A dog barks happily"),
        ("A dog growls angrily", "A man speaks angrily"),
        ("A man speaks to an audience", "A dog barks to an audience"),
    ],
)
def test_typical_words_belong_to_some_sounds_alone(typical, other):
    assert read_script(typical)
    with pytest.raises(ScriptError):
        read_script(other)


@pytest.mark.parametrize(
    ("caption", "sounds"),
    [
        ("A dog barks on the street", ["dog bark"]),
        ("In a small room, a man speaks", ["man speaking"]),
        ("Birds sing over a bridge", ["birdsong"]),
        ("A bird sings along the road in the morning", ["birdsong"]),
        ("A sudden bang in a house", ["banging"]),
    ],
)
def test_places_say_nothing_of_the_sounds(caption, sounds):
    assert at_once(caption) == sounds


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A dog does not bark", ["not"]),
        ("No dog barks", ["no"]),
        ("Rain without wind", ["without"]),
        ("A zither is plucked", ["zither"]),
        ("Street and a dog barks", ["street"]),
        ("A dog barks and noise from the street", ["street"]),
        ("A man speaks in a loud room and keys jingle", ["room"]),
        ("A man walks down an echoing road while tapping", ["road"]),
        ("A man speaks, his voice echoes, rain falls", ["voice echoes"]),
        ("Two men speak, one over a radio", ["one over a radio"]),
        ("A man speaks and then his speech echoes", ["his speech"]),
        ("A man and a woman speak and her speech echoes", ["her speech"]),
        ("A man speaks and her speech echoes", ["her speech"]),
        ("A man speaks and then she laughs", ["she"]),
        ("A man and a woman speak, and he laughs", ["he"]),
        ("Rain hits a car", ["hits car"]),
        ("A car drives past a stream", ["drives past stream"]),
        ("A train passes birds while rain falls", ["passes birds"]),
        ("A dog barks muffled by wind", ["muffled by"]),
        ("A man speaks on the phone", ["on phone"]),
        ("A dog barks at the end", ["at the end"]),
        ("A dog barks at the end while a bell rings, then rain falls", ["at the end"]),
        ("A man laughs while a dog barks at the end", ["at the end"]),
        ("A man speaks, and a dog barks in the background at the end", ["at the end"]),
        ("A dog barks and at the end a siren wails and a bell rings", ["at the end"]),
        ("A man speaks and then he growls", ["man growls"]),
        ("A saw is used to cut", ["is used"]),
        ("A long whistle", ["long"]),
        ("A man speaks with an accent", ["accent"]),
        ("A car slows", ["slows"]),
        ("A siren stops", ["siren stops"]),
        ("A man speaks unintelligibly", ["unintelligibly"]),
        ("A dog barks and a man speaks to another dog", ["to dog"]),
        ("A man speaks over a radio in a foreign language", ["foreign", "language"]),
        ("A dog quacks", ["dog quacks"]),
        ("A man", ["man alone"]),
        ("A man speaks to a dog", ["to dog"]),
        ("A dog barks and then", ["unfinished"]),
        ("A loud noise", ["noise"]),
        ("A dog barks softly and a cat meows loudly and quietly", ["both loud and soft"]),
        ("Something", ["something alone"]),
        ("Outside", ["no sound"]),
        ("", ["no sound"]),
    ],
)
def test_captions_that_are_not_understood_are_refused_with_the_words(caption, words):
    with pytest.raises(ScriptError) as error:
        read_script(caption)
    assert list(error.value.words) == words
    assert all(word in str(error.value) for word in words)


def test_files_of_captions(tmp_path):
    (tmp_path / "clotho.csv").write_text("file_name,caption_1,caption_2\na.wav,A dog barks.,A qqq barks\n")
    (tmp_path / "audiocaps.csv").write_text("audiocap_id,youtube_id,start_time,caption\n1,xyz,20,A bus drives by\n")
    (tmp_path / "mine.txt").write_text("A bell rings\n\nA qqq meows and meows\nA qqq and a zzz\n")
    found = read_scripts(tmp_path / name for name in ("clotho.csv", "audiocaps.csv", "mine.txt"))
    assert [(script.clip, script.caption) for script in found.scripts] == [
        ("a.wav", "A dog barks."),
        ("xyz_20", "A bus drives by"),
        ("mine.txt:1", "A bell rings"),
    ]
    assert found.captions == 6
    assert found.unexplained == {"qqq": 2}
    usable, lacking = found.with_sounds_of(SyntheticBank().categories)
    assert [script.clip for script in usable] == ["a.wav", "mine.txt:1"]
    assert lacking == {"bus": 1}


def test_a_kind_of_sound_is_usable_with_any_of_its_members(tmp_path):
    (tmp_path / "mine.txt").write_text("A vehicle passes by\n")
    found = read_scripts([tmp_path / "mine.txt"])
    assert len(found.with_sounds_of(["bus", "cat"])[0]) == 1
    assert len(found.with_sounds_of(["cat"])[0]) == 0


def test_files_that_are_no_captions(tmp_path):
    with pytest.raises(DatasetError, match="cannot read"):
        read_scripts([tmp_path / "none.txt"])
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(DatasetError, match="contains no captions"):
        read_scripts([tmp_path / "empty.txt"])
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match="file_name"):
        read_scripts([tmp_path / "other.csv"])


@pytest.mark.slow
@pytest.mark.real_data
def test_the_captions_of_audiocaps_and_clotho(real_data):
    found = read_scripts(
        [real_data / "audiocaps_v1/train.csv", real_data / "clotho_v2.1/clotho_captions_development.csv"]
    )
    assert found.captions == 69033
    assert len(found.scripts) > 33500
    assert len({sound.category for script in found.scripts for sound in script.sounds}) > 180
    assert found.unexplained.most_common(1)[0][1] > 100


@pytest.mark.parametrize(
    ("caption", "behind"),
    [
        ("Thunder rolls in the background", ["thunder"]),
        ("A woman laughs with footsteps and rain in the background", ["footsteps", "rain"]),
        ("A man speaks as people talk and laugh in the background", ["person speaking", "person speaking", "laughing"]),
        ("A man speaks and people talk and then laugh in the background", ["laughing"]),
    ],
)
def test_which_sounds_are_in_the_background(caption, behind):
    assert [sound.category for sound in read_script(caption).sounds if sound.background] == behind


def test_only_what_moves_passes():
    motions = [read_script(caption).sounds[0].motion for caption in ("a train passes by", "traffic passes by")]
    assert motions == ["passing", "none"]
