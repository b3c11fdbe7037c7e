from aac_tf.scenes.banks import SyntheticBank


class DrawnBells(SyntheticBank):
    """A bank in which all bells only stand in for bells."""

    def __init__(self):
        super().__init__()
        self.drawn, self.only_drawn = {"bell": ("Gong",)}, frozenset({"bell"})

    def recording_or_stand_in(self, category, split, rng):
        return self.recording(category, split, rng), "Gong" if category == "bell" else ""
